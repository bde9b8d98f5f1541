"""A FHIR server as a source: figures become rows, candidates do not, and nothing is simplified or lost in silence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapping_strategies import networks
from sync_desk import CLIENT_SYSTEM, CONSENT, V3, VEKTIS, Desk, make_desk, row

from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.ehr.bulk import BulkExport
from fhir_plugin.errors import EhrError, InputError
from fhir_plugin.mapping.network import from_fhir, to_fhir
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import FIGURE_TAG, CodeSystems
from fhir_plugin.sync.sources.columns import ColumnMap, propose_columns
from fhir_plugin.sync.sources.fhir_source import TYPES, FhirSource, searched
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.tables import Table
from fhir_plugin.sync.sources.wanted import Problem, Wanted
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import RunningSandbox, running_sandbox

BASE = "https://other.example/fhir"
PATIENT = {"resourceType": "Patient", "id": "x9", "identifier": [{"system": CLIENT_SYSTEM, "value": "1001"}]}
AUNT = {
    "resourceType": "RelatedPerson",
    "id": "aunt",
    "meta": {"tag": [FIGURE_TAG]},
    "active": True,
    "patient": {"reference": "Patient/x9"},
    "name": [{"use": "official", "given": ["Samira"], "family": "Amrani"}],
    "telecom": [{"system": "phone", "value": "+31612345601"}, {"system": "email", "value": "samira@mail.example"}],
    "relationship": [{"coding": [{"system": V3, "code": "AUNT"}]}],
}
FRIEND = {
    "resourceType": "RelatedPerson",
    "id": "friend",
    "patient": {"reference": "Patient/x9"},
    "name": [{"text": "Iemand"}],
    "relationship": [{"coding": [{"system": VEKTIS, "code": "20"}]}],
}


def rows_of(resources: Iterable[dict[str, Any]], system: str = CLIENT_SYSTEM) -> list[Wanted | Problem]:
    source = FhirSource(base_url=BASE, client_system=system)
    table = source.read(resources)
    return list(RowReader(table, columns_of(table, system)).read())


def columns_of(table: Table, system: str) -> ColumnMap:
    return replace(propose_columns(table.header, "other"), client_system=system)


def test_a_figure_becomes_a_row_of_its_client() -> None:
    [wanted] = rows_of([PATIENT, AUNT])
    assert isinstance(wanted, Wanted)
    assert (wanted.client.system, wanted.client.value, wanted.key) == (CLIENT_SYSTEM, "1001", "aunt")
    assert (wanted.figure.name.own_name, wanted.figure.relations[0].code) == ("Amrani", "AUNT")
    assert [item.value for item in wanted.figure.telecoms] == ["+31612345601", "samira@mail.example"]
    assert str(wanted.place) == f"{BASE.removeprefix('https://')}/RelatedPerson/aunt"


def test_a_contact_that_is_no_figure_yet_is_reported_and_not_taken_over() -> None:
    found = rows_of([PATIENT, FRIEND])
    assert [item.code for item in found if isinstance(item, Problem)] == ["sync-candidate"]
    assert not [item for item in found if isinstance(item, Wanted)]


@pytest.mark.parametrize(
    ("patient", "taken"),
    [(f"{BASE}/Patient/x9", True), ("https://elsewhere.example/fhir/Patient/x9", False)],
)
def test_somebody_of_a_patient_of_another_server_is_not_taken_for_one_of_ours(patient: str, taken: bool) -> None:
    found = rows_of([PATIENT, {**AUNT, "patient": {"reference": patient}}])
    assert [item.key for item in found if isinstance(item, Wanted)] == (["aunt"] if taken else [])


def test_what_is_read_of_a_source_is_on_no_disk_in_clear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "spool"
    monkeypatch.setattr(sqlite3, "connect", partial(lambda to, _name, **how: to(file, **how), sqlite3.connect))
    source = FhirSource(base_url=BASE, client_system=CLIENT_SYSTEM)
    source.read([PATIENT, AUNT])
    source.close()
    assert file.stat().st_size
    assert b"Amrani" not in file.read_bytes()


def test_a_client_without_the_shared_number_is_a_refused_row() -> None:
    [problem] = rows_of([{**PATIENT, "identifier": []}, AUNT])
    assert isinstance(problem, Problem)
    assert problem.code == "sync-no-client"


def test_the_identifier_system_of_the_clients_must_be_given() -> None:
    with pytest.raises(InputError) as raised:
        FhirSource(base_url=BASE, client_system="").read([])
    assert "--client-system" in raised.value.remedy


def test_resources_that_come_in_any_order_or_twice_make_the_same_rows() -> None:
    first = rows_of([PATIENT, AUNT, FRIEND])
    assert rows_of([FRIEND, AUNT, AUNT, PATIENT]) == first


def test_what_names_no_patient_is_counted() -> None:
    source = FhirSource(base_url=BASE, client_system=CLIENT_SYSTEM)
    source.read([PATIENT, {**AUNT, "patient": {"display": "?"}}, {"resourceType": "OperationOutcome"}])
    assert source.orphans == 2


def test_a_tie_a_note_and_a_third_number_are_left_out_and_said_so() -> None:
    phones = [{"system": "phone", "value": f"+3120123456{n}"} for n in range(3)]
    source = FhirSource(base_url=BASE, client_system=CLIENT_SYSTEM)
    list(source.read([PATIENT, {**AUNT, "telecom": phones}]).rows())
    assert dict(source.left_out) == {"telecom": 1}


def test_a_bsn_of_a_client_names_the_client_and_stands_in_no_repr() -> None:
    bsn = {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999911120"}
    [wanted] = rows_of([{**PATIENT, "identifier": [bsn]}, AUNT], system=bsn["system"])
    assert isinstance(wanted, Wanted)
    assert wanted.client.value == "999911120"
    assert "999911120" not in repr(wanted)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(network=networks, number=st.sampled_from(["1001", "1002"]))
def test_every_figure_of_any_network_becomes_a_row_or_a_named_problem(network: SupportNetwork, number: str) -> None:
    bodies = [entry["resource"] for entry in to_fhir(network).get("entry", [])]
    bodies += [{**PATIENT, "id": network.child.id, "identifier": [{"system": CLIENT_SYSTEM, "value": number}]}]
    found = rows_of(bodies)
    if network.sharing_is_off:
        assert [item.code for item in found] == ["sync-safety-block"]
    else:
        assert len({item.place for item in found}) >= len(network.figures)


def consented(desk: Desk, **consent: str) -> list[Wanted | Problem]:
    desk.sync([row(**{**CONSENT, **consent})])
    return rows_of(body for kind in TYPES for body in desk.ehr.all(kind) if body["id"] != "p1002")


def test_a_consent_as_a_list_records_it_comes_out_as_the_list_said(desk: Desk) -> None:
    found = [item for item in consented(desk) if isinstance(item, Wanted)]
    claim = found[0].consent
    assert claim is not None
    assert (claim.state, claim.by, str(claim.since), str(claim.until)) == (
        "given", ("mother", "youth"), "2026-09-01", "2027-08-31",
    )  # fmt: skip
    assert [category.value for category in claim.categories] == ["appointments"]


@pytest.mark.parametrize(
    "narrowing",
    [
        {"purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "CAREMGT"}]},
        {
            "action": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "collect"}]}
            ]
        },
        {"securityLabel": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "L"}]},
        {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Appointment"}]},
        {"dataPeriod": {"start": "2026-01-01"}},
        {"provision": [{"type": "deny"}]},
    ],
    ids=lambda narrowing: next(iter(narrowing)),
)
def test_a_consent_narrower_than_a_row_can_say_is_refused_never_widened(desk: Desk, narrowing: dict[str, Any]) -> None:
    consented(desk)
    [consent] = desk.ehr.all("Consent")
    desk.edit({**consent, "provision": {**consent["provision"], **narrowing}})
    found = rows_of(body for kind in TYPES for body in desk.ehr.all(kind))
    assert "sync-consent-not-expressible" in [item.code for item in found if isinstance(item, Problem)]


def test_a_withdrawn_consent_of_the_source_is_a_withdrawal(desk: Desk) -> None:
    consented(desk)
    [consent] = desk.ehr.all("Consent")
    desk.edit({**consent, "status": "inactive"})
    found = rows_of(body for kind in TYPES for body in desk.ehr.all(kind))
    claims = [item.consent for item in found if isinstance(item, Wanted) and item.consent]
    assert [claim.state for claim in claims] == ["withdrawn"]


def test_one_system_can_be_brought_into_another_and_a_second_run_writes_nothing(desk: Desk, tmp_path: Any) -> None:
    desk.sync([row(**CONSENT), row(1002, "F2", Achternaam="Bos")])
    (tmp_path / "b").mkdir()
    other = make_desk(tmp_path / "b")
    for _ in range(2):
        source = FhirSource(base_url=BASE, client_system=CLIENT_SYSTEM)
        table = source.read(searched(desk.client))
        other.plan_table(table, columns_of(table, CLIENT_SYSTEM))
        before = other.writes()
        other.apply()
    assert other.writes() == before
    [figure] = other.figures("p1001")
    assert figure["name"][0]["family"] == "Amrani"
    assert [body["status"] for body in other.ehr.all("Consent")] == ["active"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(open_access=True)) as running:
        yield running


def test_search_and_export_of_the_sandbox_give_the_same_rows(sandbox: RunningSandbox) -> None:
    client = FhirClient(sandbox.issuer, retry=Retry(sleep=lambda _: None))
    system = "https://zandkasteel.example/clientnummer"
    exported = BulkExport(transport=client.transport, types=TYPES, sleep=lambda _: None).resources()
    by_export = rows_of(exported, system)
    assert by_export == rows_of(searched(client), system)
    assert sum(isinstance(item, Wanted) for item in by_export) > 10


def test_every_figure_of_the_sandbox_fits_in_a_row_but_for_who_designated(sandbox: RunningSandbox) -> None:
    system = "https://zandkasteel.example/clientnummer"
    bodies = list(searched(FhirClient(sandbox.issuer)))
    by_client = {body["id"]: [body] for body in bodies if body["resourceType"] == "Patient"}
    for body in bodies:
        subject = body.get("patient") or body.get("subject")
        if subject:
            by_client[subject["reference"].removeprefix("Patient/")].append(body)
    figures = {
        figure.id: figure
        for patient, mine in by_client.items()
        for figure in from_fhir(mine, patient_id=patient).network.figures
    }
    wanted = [item for item in rows_of(bodies, system) if isinstance(item, Wanted)]
    assert len(wanted) == len(figures)
    for item in wanted:
        for path in ("kinds", "relations", "roles", "bond", "bond_of_trust", "agreement", "vog_seen", "supports"):
            assert getattr(item.figure, path) == getattr(figures[item.key], path), path


def test_an_export_is_gone_after_it_was_read(sandbox: RunningSandbox) -> None:
    client = FhirClient(sandbox.issuer, retry=Retry(sleep=lambda _: None))
    export = BulkExport(transport=client.transport, types=("Patient",), sleep=lambda _: None)
    list(export.resources())
    assert len(sandbox.parts.exports) == 0


def test_a_server_that_fails_half_way_gives_no_plan(desk: Desk) -> None:
    def half() -> Iterator[dict[str, Any]]:
        yield PATIENT
        raise EhrError("gone", where="search")

    with pytest.raises(EhrError):
        FhirSource(base_url=BASE, client_system=CLIENT_SYSTEM).read(half())


def test_of_a_client_whose_sharing_is_off_nothing_leaves_the_source() -> None:
    code = {"coding": [{"system": CodeSystems.SAFETY_BLOCK, "code": "no-sharing"}]}
    flag = {"resourceType": "Flag", "id": "f", "status": "active", "code": code, "subject": {"reference": "Patient/x9"}}
    [problem] = rows_of([PATIENT, AUNT, FRIEND, flag])
    assert isinstance(problem, Problem)
    assert problem.code == "sync-safety-block"
    assert "Amrani" not in str(problem)
