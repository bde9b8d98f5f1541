"""The degradation matrix of docs/sync.md: the sandbox plays each EHR, and one contract holds for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhir_plugin.sync.applying.ways.tasks import own_identifier
from smart_app.sandbox.faults import PROFILES

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
