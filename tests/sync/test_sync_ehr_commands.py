"""What the commands say of an EHR that offers less: no access, a work list, an outdated probe, untrue claims."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sync_desk import CLIENT_SYSTEM, CONSENT, Desk, make_desk, row

from fhir_plugin.cli.sync import sync_command
from fhir_plugin.cli.sync_options import Connection
from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import Behaviour, MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.errors import UsageError
from fhir_plugin.model.terms import BSN_SYSTEMS
from fhir_plugin.sync.plans.planfile import PlanReader
from fhir_plugin.sync.records.own_url import own_url
from fhir_plugin.sync.sources.naming import ClientKey

Run = Callable[..., Any]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Desk], Run]:
    monkeypatch.chdir(tmp_path)

    def of(desk: Desk) -> Run:
        monkeypatch.setattr(Connection, "client", lambda _self, _url, *_: desk.client)
        return lambda *given: CliRunner().invoke(sync_command, [*given, "--journal", "journal.sqlite", "--lang", "en"])

    return of


def without(folder: Path) -> Desk:
    return Desk(folder=folder, ehr=MemoryEhr(), client=FhirClient(own_url("none:epd-x")))


def test_without_access_the_own_store_is_the_source_and_is_exported_a_bundle_per_client(
    tmp_path: Path, command: Callable[[Desk], Run]
) -> None:
    desk = without(tmp_path)
    rows = [row(1001, "F1", **CONSENT), row(1002, "F2", Voornaam="Henk")]
    assert [(step.state, step.code) for step in desk.sync(rows)] == [("done", ""), ("done", "")]
    assert desk.plan(rows).totals["clients-written"] == 0
    desk.sync([row(1001, "F1", Mobiel="06-12345677", **CONSENT), rows[1]])
    result = command(desk)("export", "plan.json", "-o", "out.ndjson")
    assert result.exit_code == 0, result.output
    first, second = (json.loads(line) for line in Path("out.ndjson").read_text(encoding="utf-8").splitlines())
    people = [entry["resource"] for entry in first["entry"]]
    assert people[0]["identifier"] == [{"system": CLIENT_SYSTEM, "value": "1001"}]
    assert people[1]["telecom"][-1]["value"] == "+31612345677"
    assert {body["resourceType"] for body in people} == {"Patient", "RelatedPerson"}
    assert second["type"] == "collection"
    assert [step.state for step in desk.undo(desk.last_run())] == ["undone"]


def test_an_export_holds_who_a_plan_passed_over_too_and_is_written_whole_or_not_at_all(
    tmp_path: Path, command: Callable[[Desk], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = without(tmp_path)
    rows = [row(number, Functie="", Inzet="") for number in (1001, 1002, 1003)]
    for changed in ({}, {"Mobiel": "06-12345677"}):
        desk.sync([row(1001, Functie="", Inzet="", **changed), *rows[1:]])
    assert len(list(PlanReader(tmp_path / "plan.json").clients())) == 1
    command(desk)("export", "plan.json", "-o", "out.ndjson")
    text = Path("out.ndjson").read_text(encoding="utf-8")
    clients = [json.loads(line)["entry"][0]["resource"] for line in text.splitlines()]
    held = [client["identifier"][0]["value"] for client in clients]
    assert sorted(held) == ["1001", "1002", "1003"]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("fhir_plugin.cli.sync_ehr.record_bundle", full)
    assert isinstance(command(desk)("export", "plan.json", "-o", "out.ndjson").exception, OSError)
    assert Path("out.ndjson").read_text(encoding="utf-8") == text


def test_an_export_holds_no_bsn_of_anybody(tmp_path: Path, command: Callable[[Desk], Run]) -> None:
    desk = make_desk(tmp_path)
    desk.sync([row()])
    bsn = {"system": next(iter(BSN_SYSTEMS)), "value": "999990019"}
    (patient,) = (body for body in desk.ehr.all("Patient") if body["id"] == "p1001")
    desk.edit(patient, identifier=[bsn, {"system": CLIENT_SYSTEM, "value": "1001"}])
    desk.edit(desk.figures()[0], patient={"reference": "Patient/p1001", "identifier": bsn}, identifier=[bsn])
    assert command(desk)("export", "plan.json", "-o", "out.ndjson").exit_code == 0
    text = Path("out.ndjson").read_text(encoding="utf-8")
    assert "999990019" not in text
    patient, figure = (entry["resource"] for entry in json.loads(text)["entry"][:2])
    assert patient["identifier"] == [{"system": CLIENT_SYSTEM, "value": "1001"}]
    assert figure["patient"] == {"reference": "Patient/p1001"}
    assert "identifier" not in figure


def test_without_access_nothing_about_people_stands_in_clear(tmp_path: Path) -> None:
    without(tmp_path).sync([row(1001, "F1", **CONSENT)])
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("journal"))
    assert not any(word in raw for word in (b"Amrani", b"12345601", b"Samira"))


def test_without_access_clients_named_by_bsn_are_refused(tmp_path: Path) -> None:
    with without(tmp_path).reached() as (_, ehr), pytest.raises(UsageError) as caught:
        ehr.population.find([ClientKey(system=next(iter(BSN_SYSTEMS)), value="999990019")])
    assert "999990019" not in str(caught.value)


def test_the_work_list_shows_what_to_enter_and_empties_when_it_is_there(
    tmp_path: Path, command: Callable[[Desk], Run]
) -> None:
    desk = make_desk(tmp_path, Behaviour(interactions=frozenset({"read", "search-type"})))
    desk.sync([row()])
    run = command(desk)
    shown = run("worklist", "plan.json", "-o", "list.json")
    assert shown.exit_code == 1
    assert "Samira Amrani" in shown.output
    assert "telephone and e-mail: +31612345601" in shown.output
    (item,) = json.loads(Path("list.json").read_text(encoding="utf-8"))
    (body,) = item["resources"]
    desk.ehr.add({key: value for key, value in body.items() if key != "identifier"})
    desk.sync([row()])
    assert run("worklist", "plan.json").exit_code == 0


def test_a_work_list_on_paper_holds_no_bsn_of_anybody(tmp_path: Path, command: Callable[[Desk], Run]) -> None:
    desk = make_desk(tmp_path, Behaviour(interactions=frozenset({"read", "search-type", "create"})))
    desk.sync([row()])
    bsn = {"system": next(iter(BSN_SYSTEMS)), "value": "999990019"}
    (figure,) = desk.figures()
    desk.edit(figure, identifier=[*figure["identifier"], bsn])
    desk.sync([row(Mobiel="06-12345677")])
    assert command(desk)("worklist", "plan.json", "-o", "list.json").exit_code == 1
    text = Path("list.json").read_text(encoding="utf-8")
    assert "+31612345677" in text
    assert "999990019" not in text


def test_a_probe_counts_for_the_version_it_was_made_on_and_no_longer(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, Behaviour(honours_if_match=False))
    with desk.reached() as (_, ehr):
        assert ehr.notices == ("ehr-not-probed",)
    desk.probe("p1003")
    with desk.reached() as (_, ehr):
        assert ehr.notices == ("ehr-untrue",)
        assert ehr.abilities.untrue == ("atomic", "stale-if-match")
        assert ehr.route.has_window
        assert not ehr.route.together
    desk.ehr.behaviour = replace(desk.ehr.behaviour, software_version="2")
    desk.client = make_client(desk)
    with desk.reached() as (_, ehr):
        assert ehr.notices == ("ehr-probe-stale",)


def make_client(desk: Desk) -> FhirClient:
    """A client that asks for the CapabilityStatement anew."""
    return FhirClient(desk.ehr.base_url, session=memory_session(desk.ehr))


def test_an_ehr_that_is_untrue_to_its_word_is_reported_with_exit_code_1_and_loses_nothing(
    tmp_path: Path, command: Callable[[Desk], Run]
) -> None:
    desk = make_desk(tmp_path, Behaviour(keeps_related_participants=False))
    desk.probe("p1003")
    desk.plan([row(**CONSENT)])
    result = command(desk)("apply", "plan.json", "-q")
    assert result.exit_code == 1
    assert "A related person stays in the team" in result.output
    with desk.reached() as (_, ehr):
        (team,) = (item.body for item in ehr.store.kept(["p1001"]) if item.body["resourceType"] == "CareTeam")
    assert len(team["participant"]) == 1
