"""The write probe tells a sound EHR from one that loses, doubles or drops; and leaves nothing in use behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ehr_servers import Server

from fhir_plugin.cli import conformance
from fhir_plugin.cli.sync_options import Connection
from fhir_plugin.conformance.probe import CHECKS, Outcome, Probe
from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import Behaviour, MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.errors import EhrNotFound


def outcomes(client: FhirClient, patient: str) -> dict[str, Outcome]:
    return {finding.check: finding.outcome for finding in Probe(client, patient).run()}


def wrong(found: dict[str, Outcome]) -> Iterable[str]:
    return sorted(name for name, outcome in found.items() if outcome is not Outcome.PASSED)


def test_a_sound_server_passes_every_check(server: Server, client: FhirClient, patient: str) -> None:
    server.needs("probe")
    found = outcomes(client, patient)
    assert set(found) == {*CHECKS, "put-away"}
    assert wrong(found) == []


def test_nothing_the_probe_made_is_left_in_use(client: FhirClient, patient: str) -> None:
    outcomes(client, patient)
    assert all(body["active"] is False for body in client.search("RelatedPerson", {"patient": patient}))
    for kind in ("CareTeam", "Consent"):
        found = client.search(kind, {"patient": patient})  # sekmet-fhir gives every CareTeam there is
        held = [body for body in found if patient in str(body.get("subject") or body.get("patient"))]
        assert held
        assert {body["status"] for body in held} == {"entered-in-error"}


@pytest.mark.parametrize(
    ("behaviour", "failing"),
    [
        (Behaviour(honours_if_match=False), ["atomic", "stale-if-match"]),
        (Behaviour(honours_conditions=False), ["conditional-create"]),
        (Behaviour(keeps_related_participants=False), ["participants", "transaction"]),
        (Behaviour(atomic=False), ["atomic"]),
        (Behaviour(transaction=False), ["atomic", "transaction"]),
        (Behaviour(conflict_status=409), []),
        (Behaviour(types=frozenset({"Patient", "RelatedPerson", "CareTeam"})), ["consent"]),
    ],
)
def test_each_way_of_being_unsound_is_seen(behaviour: Behaviour, failing: list[str]) -> None:
    ehr = MemoryEhr(behaviour=behaviour)
    ehr.add({"resourceType": "Patient", "id": "test"})
    client = FhirClient(ehr.base_url, session=memory_session(ehr))
    assert wrong(outcomes(client, "Patient/test")) == failing


class WithoutVersions(MemoryEhr):
    """An EHR that says of nothing which version it is."""

    def handle(self, *asked: Any) -> tuple[int, dict[str, Any]]:
        status, body = super().handle(*asked)
        bodies = [entry["resource"] for entry in body.get("entry", ()) if "resource" in entry]
        for each in (body, *bodies):
            each.pop("meta", None)
        return status, body


@pytest.mark.parametrize(
    "ehr",
    [
        MemoryEhr(behaviour=Behaviour(interactions=frozenset({"read", "search-type"}))),
        MemoryEhr(behaviour=Behaviour(refused=frozenset({("create", "RelatedPerson")}))),
        WithoutVersions(),
    ],
    ids=["read only", "takes no RelatedPerson", "without versions"],
)
def test_an_ehr_that_lacks_what_a_check_needs_still_gets_the_others(ehr: MemoryEhr) -> None:
    ehr.add({"resourceType": "Patient", "id": "test"})
    found = outcomes(FhirClient(ehr.base_url, session=memory_session(ehr)), "Patient/test")

    assert set(found) == {*CHECKS, "put-away"}
    assert found["versions"] is not Outcome.PASSED


def test_a_test_client_that_is_unknown_stops_the_probe_before_it_writes() -> None:
    ehr = MemoryEhr()
    with pytest.raises(EhrNotFound):
        outcomes(FhirClient(ehr.base_url, session=memory_session(ehr)), "Patient/nobody")
    assert ehr.all("RelatedPerson") == []


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the command keeps is kept in a folder of the test."""
    monkeypatch.chdir(tmp_path)


def run(ehr: MemoryEhr, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    def client(_self: Connection, base_url: str) -> FhirClient:
        return FhirClient(base_url, session=memory_session(ehr))

    monkeypatch.setattr(Connection, "client", client)
    result: Any = CliRunner().invoke(conformance.conformance_command, [ehr.base_url, *arguments])
    return result.exit_code, result.output


def test_the_command_says_what_is_missing_and_what_was_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ehr = MemoryEhr()
    ehr.add({"resourceType": "Patient", "id": "test"})
    code, text = run(ehr, monkeypatch, "--probe-client", "test", "-o", str(tmp_path / "uit.json"))
    assert code == 0
    assert "Een transactie is alles of niets: goed" in text
    assert (tmp_path / "uit.json").exists()
    ehr.behaviour = replace(ehr.behaviour, interactions=frozenset({"read", "search-type"}))
    code, text = run(ehr, monkeypatch)
    assert code == 1
    assert "RelatedPerson.create" in text
