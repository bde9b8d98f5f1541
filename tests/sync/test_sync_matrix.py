"""The degradation matrix of docs/sync.md: the sandbox plays each EHR, and one contract holds for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sync_desk import CLIENT_SYSTEM, CONSENT, KEY, V3, VEKTIS, Desk, new_database, row

from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.ehr.dialect import R4, STU3
from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.errors import EhrForbidden
from fhir_plugin.model.terms import CONSENT_IDENTIFIER, FIGURE_IDENTIFIER
from fhir_plugin.sync.applying.ways.tasks import own_identifier
from fhir_plugin.sync.journals.vault import KEY_VARIABLE
from fhir_plugin.sync.records.own_store import Open
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.faults import PROFILES
from smart_app.sandbox.testing import RunningSandbox, running_sandbox

Json = dict[str, Any]
ROWS = {"first": CONSENT, "changed": {**CONSENT, "Mobiel": "06-12345677"}, "withdrawn": {"Toestemming": "ingetrokken"}}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(open_access=True, seed=False)) as running:
        yield running


@dataclass
class Played:
    """The sandbox as one EHR of the matrix, with a child of 14 and its mother in it."""

    sandbox: RunningSandbox
    faults: tuple[str, ...]
    folder: Path
    number: int = field(default_factory=lambda: uuid.uuid4().int % 10**8)
    child: str = ""
    database: str = ""

    def __post_init__(self) -> None:
        stu3 = "stu3" in self.faults
        plain = FhirClient(self.sandbox.issuer, retry=Retry(sleep=lambda _: None))
        self.eyes = plain.speaking(STU3 if stu3 else R4)
        identifier = [{"system": CLIENT_SYSTEM, "value": str(self.number)}]
        self.child = plain.create({"resourceType": "Patient", "identifier": identifier, "birthDate": "2012-05-01"}).id
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        self.eyes.create(
            {
                "resourceType": "RelatedPerson",
                "active": True,
                "patient": {"reference": f"Patient/{self.child}"},
                "name": [{"family": "Amrani", "given": ["Fatima"]}],
                "relationship": relationship,
            }
        )
        self.desk = Desk(folder=self.folder, ehr=MemoryEhr(), client=plain, database=self.database)
        for fault in self.faults:
            self.sandbox.parts.faults.turn(fault, on=True)

    def row(self, what: str = "first", **cells: str) -> dict[str, str]:
        return row(self.number, "F1", **{**ROWS[what], **cells})

    def states(self, *rows: dict[str, str]) -> list[tuple[str, str]]:
        return [(step.state, step.code) for step in self.desk.sync(rows)]

    @contextmanager
    def unhindered(self) -> Iterator[FhirClient]:
        """Somebody at the EHR itself, for whom it has no faults."""
        kept = [fault for fault in self.faults if fault != "stu3"]
        for fault in kept:
            self.sandbox.parts.faults.turn(fault, on=False)
        yield self.eyes
        for fault in kept:
            self.sandbox.parts.faults.turn(fault, on=True)

    def held(self, kind: str) -> list[Json]:
        """What the EHR holds of the child, the mother apart."""
        with self.unhindered() as eyes:
            found = list(eyes.search(kind, {"patient": f"Patient/{self.child}"}))
        return [body for body in found if kind != "RelatedPerson" or own_identifier(body)]

    def versions(self) -> int:
        kinds = ("RelatedPerson", "Consent", "CareTeam", "Provenance", "DocumentReference")
        return sum(int(body["meta"]["versionId"]) for kind in kinds for body in self.held(kind))

    def kept(self, kind: str) -> list[Json]:
        """What our own store holds."""
        with self.desk.reached() as (_, ehr):
            return [item.body for item in ehr.store.kept([self.child]) if item.body["resourceType"] == kind]

    def worklist(self) -> list[Open]:
        with self.desk.reached() as (_, ehr):
            return ehr.store.waiting("jim")

    def record(self, kind: str) -> list[Json]:
        """As it counts: the EHR and our own store together."""
        with self.desk.reached() as (_, ehr):
            bodies = ehr.population.records([self.child])[self.child]
        return [
            body
            for body in bodies
            if body["resourceType"] == kind and (kind != "RelatedPerson" or own_identifier(body))
        ]

    def participants(self) -> list[Json]:
        return [item for team in self.record("CareTeam") for item in team.get("participant", ())]


@pytest.fixture(params=["file", pytest.param("postgresql", marks=pytest.mark.peer)])
def play(
    request: pytest.FixtureRequest, sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The sandbox as one row of the matrix; the journal and the own store in files, or in a database."""
    database = ""
    if request.param == "postgresql":
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        database = new_database(request.getfixturevalue("postgres"))

    def make(profile: str) -> Played:
        return Played(sandbox=sandbox, faults=PROFILES[profile], folder=tmp_path, database=database)

    yield make
    for fault in sandbox.parts.faults.names():
        sandbox.parts.faults.turn(fault, on=False)


ALL = [name for name in PROFILES if name != "no access"]
WRITES_PEOPLE = [name for name in ALL if name not in ("read-only", "no RelatedPerson write")]
CHANGES_PEOPLE = [name for name in WRITES_PEOPLE if name != "create only"]


def test_every_row_of_the_matrix_is_played() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sync.md").read_text(encoding="utf-8")
    table = text.partition("## Crashes, lost answers, other EHRs")[2].partition("|---|---|\n")[2].partition("\n\n")[0]
    assert {line.split("|")[1].strip() for line in table.splitlines()} == set(PROFILES)


@pytest.mark.parametrize("profile", ALL)
def test_a_second_run_writes_nothing_and_asks_nothing_new(play: Any, profile: str) -> None:
    played = play(profile)
    played.states(played.row())
    versions, waiting = played.versions(), played.worklist()
    played.states(played.row())
    assert played.versions() == versions
    assert [item.content["plan"] for item in played.worklist()] == [item.content["plan"] for item in waiting]
    assert [item.since for item in played.worklist()] == [item.since for item in waiting]


@pytest.mark.parametrize("profile", ALL)
def test_nobody_takes_part_without_a_consent_that_counts(play: Any, profile: str) -> None:
    played = play(profile)
    played.states(played.row())
    permitted = {
        actor["reference"]["reference"]
        for consent in played.record("Consent")
        if consent["status"] == "active"
        for actor in consent["provision"]["actor"]
    }
    members = {item["member"]["reference"].split("/")[-1] for item in played.participants()}
    assert members <= {reference.split("/")[-1] for reference in permitted}


@pytest.mark.parametrize("profile", WRITES_PEOPLE)
def test_a_figure_is_there_once_and_takes_part_once_consent_is_given(play: Any, profile: str) -> None:
    played = play(profile)
    assert played.states(played.row()) == [("done", "")]
    (figure,) = played.held("RelatedPerson")
    assert own_identifier(figure)
    assert [item["member"]["reference"].split("/")[-1] for item in played.participants()] == [figure["id"]]
    assert played.worklist() == []


@pytest.mark.parametrize("profile", CHANGES_PEOPLE)
def test_a_change_in_the_list_arrives_and_what_others_wrote_stays(play: Any, profile: str) -> None:
    played = play(profile)
    played.states(played.row())
    (figure,) = played.held("RelatedPerson")
    foreign = {"url": "https://example.nl/ext/score", "valueDecimal": 1.5}
    with played.unhindered() as eyes:
        eyes.update({**figure, "extension": [*figure.get("extension", ()), foreign], "birthDate": "1980-01-01"})
    assert played.states(played.row("changed")) == [("done", "")]
    (after,) = played.held("RelatedPerson")
    assert "+31612345677" in {item["value"] for item in after["telecom"]}
    assert foreign in after["extension"]
    assert after["birthDate"] == "1980-01-01"


@pytest.mark.parametrize("profile", CHANGES_PEOPLE)
def test_a_withdrawal_ends_access_and_consent_in_the_same_run(play: Any, profile: str) -> None:
    played = play(profile)
    played.states(played.row())
    assert played.states(played.row("withdrawn")) == [("done", "")]
    assert [item["period"]["end"] for item in played.participants()] == ["2026-11-23"]
    assert {consent["status"] for consent in played.record("Consent")} == {"inactive"}


@pytest.mark.parametrize("profile", CHANGES_PEOPLE)
def test_an_undo_takes_a_run_back_by_new_versions_and_leaves_nobody_with_access(play: Any, profile: str) -> None:
    played = play(profile)
    played.states(played.row())
    steps = played.desk.undo(played.desk.last_run())
    assert [(step.state, step.code) for step in steps] == [("undone", "")]
    assert [figure["active"] for figure in played.held("RelatedPerson")] == [False]
    void = [*played.record("CareTeam"), *played.record("Consent")]
    assert {body["status"] for body in void} == {"entered-in-error"}


@pytest.mark.parametrize("profile", CHANGES_PEOPLE)
def test_an_undo_leaves_what_somebody_edited_since(play: Any, profile: str) -> None:
    played = play(profile)
    played.states(played.row())
    (figure,) = played.held("RelatedPerson")
    with played.unhindered() as eyes:
        eyes.update({**figure, "birthDate": "1980-01-01"})
    versions = played.versions()
    assert [step.state for step in played.desk.undo(played.desk.last_run())] == ["changed"]
    assert played.versions() == versions


def test_without_access_nothing_can_be_planned_and_the_error_says_so(play: Any) -> None:
    with pytest.raises(EhrForbidden):
        play("no access").desk.plan([row()])


def test_read_only_everything_is_on_the_work_list_until_the_ehr_shows_it(play: Any) -> None:
    played = play("read-only")
    assert played.states(played.row()) == [("to-enter", "sync-to-enter")]
    (item,) = played.worklist()
    assert {change["element"] for change in item.content["plan"]["figures"][0]["changes"]} >= {
        "name.own_name",
        "telecoms",
    }
    body = next(body for body in item.content["resources"] if body["resourceType"] == "RelatedPerson")
    with played.unhindered() as eyes:
        eyes.create({key: value for key, value in body.items() if key != "identifier"})
    played.states(row(played.number, "F1", **dict.fromkeys(("Functie", "Inzet"), "")))
    assert played.worklist() == []


def test_create_only_changes_go_to_the_work_list_and_nothing_is_posted_twice(play: Any) -> None:
    played = play("create only")
    played.states(played.row())
    assert played.states(played.row("changed")) == [("to-enter", "sync-to-enter")]
    (item,) = played.worklist()
    assert [change["element"] for change in item.content["plan"]["figures"][0]["changes"]] == ["telecoms"]
    assert len(played.held("RelatedPerson")) == 1
    assert [step.code for step in played.desk.undo(played.desk.last_run() - 1)] == ["sync-undo-by-hand"]
    assert played.states(played.row("withdrawn")) == [("to-enter", "sync-to-enter")]
    assert played.worklist()[0].content["plan"]["figures"][0]["consent"] == "withdraw"


def test_patch_only_an_edit_in_the_meantime_is_a_conflict_and_stays(play: Any) -> None:
    played = play("PATCH only")
    played.states(played.row())
    played.desk.plan([played.row("changed")])
    (figure,) = played.held("RelatedPerson")
    with played.unhindered() as eyes:
        eyes.update({**figure, "telecom": [{"system": "phone", "value": "+31201234567"}]})
    assert [step.state for step in played.desk.apply()] == ["changed"]
    assert played.held("RelatedPerson")[0]["telecom"] == [{"system": "phone", "value": "+31201234567"}]


def test_without_if_match_the_lost_update_window_is_reported(play: Any) -> None:
    played = play("update, no If-Match")
    played.states(played.row())
    assert played.desk.noticed() == {}
    played.states(played.row("changed"))
    assert played.desk.noticed() == {"lost-update-window": 1}


def test_without_conditions_a_double_is_put_in_quarantine_and_nothing_more_is_written(play: Any) -> None:
    played = play("no conditional operations")
    played.states(played.row())
    (figure,) = played.held("RelatedPerson")
    with played.unhindered() as eyes:
        double = eyes.create({key: value for key, value in figure.items() if key not in ("id", "meta")})
    versions = played.versions()
    assert [code for _, code in played.states(played.row("changed"))] == ["sync-quarantine"]
    assert played.versions() == versions
    with played.unhindered() as eyes:
        eyes.update({**eyes.read("RelatedPerson", double.id), "active": False})
    assert played.states(played.row("changed")) == [("done", "")]


def test_without_consents_the_consent_is_kept_here_and_a_document_tells_of_it(play: Any) -> None:
    played = play("no Consent")
    played.states(played.row())
    (consent,) = played.kept("Consent")
    assert consent["status"] == "active"
    (document,) = played.held("DocumentReference")
    assert document["type"]["coding"][0]["code"] == "64292-6"
    assert document["identifier"][0]["system"] == CONSENT_IDENTIFIER
    assert document["status"] == "current"
    played.states(played.row("withdrawn"))
    assert [body["status"] for body in played.kept("Consent")] == ["inactive"]
    assert [body["status"] for body in played.held("DocumentReference")] == ["superseded"]


def test_without_care_team_writes_the_person_is_in_the_ehr_and_the_place_in_the_team_is_kept_here(play: Any) -> None:
    played = play("no CareTeam write")
    played.states(played.row())
    assert played.held("CareTeam") == []
    (figure,) = played.held("RelatedPerson")
    assert figure["relationship"]
    (team,) = played.kept("CareTeam")
    assert team["participant"][0]["member"]["reference"].endswith(figure["id"])


def test_without_related_person_writes_a_contact_is_proposed_and_never_written(play: Any) -> None:
    played = play("no RelatedPerson write")
    assert played.states(played.row()) == [("to-enter", "sync-to-enter")]
    (item,) = played.worklist()
    (contact,) = item.content["contacts"]
    assert contact["name"]["family"] == "Amrani"
    assert contact["telecom"][0]["value"] == "+31612345601"
    with played.unhindered() as eyes:
        assert "contact" not in eyes.read("Patient", played.child)
    assert played.held("Consent") == played.held("CareTeam") == []


def test_server_assigned_ids_are_remembered_and_found_again_without_our_identifier(play: Any) -> None:
    played = play("server-assigned ids")
    played.states(played.row())
    (figure,) = played.held("RelatedPerson")
    with played.unhindered() as eyes:
        kept = [item for item in figure["identifier"] if item["system"] != FIGURE_IDENTIFIER]
        eyes.update({**figure, "identifier": kept})
    played.states(played.row("changed"))
    found = list(played.eyes.search("RelatedPerson", {"patient": f"Patient/{played.child}"}))
    assert len(found) == 2
    assert "+31612345677" in str(next(body for body in found if body["id"] == figure["id"]))


def test_stu3_resources_are_written_as_stu3(play: Any) -> None:
    played = play("STU3")
    played.states(played.row())
    raw = FhirClient(played.sandbox.issuer)
    subject = {"patient": f"Patient/{played.child}"}
    (team,) = raw.search("CareTeam", subject)
    assert all(isinstance(item["role"], dict) for item in team["participant"])
    (consent,) = raw.search("Consent", subject)
    assert consent["except"][0]["type"] == "permit"
    figures = [body for body in raw.search("RelatedPerson", subject) if own_identifier(body)]
    assert isinstance(figures[0]["relationship"], dict)
