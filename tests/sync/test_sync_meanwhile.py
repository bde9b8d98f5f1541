"""What a run tells of what others did in the moment of writing, and what it does not mistake for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sync_desk import CONSENT, Desk, row

from fhir_plugin.ehr.memory import Behaviour
from fhir_plugin.sync.applying.meanwhile import overwritten
from fhir_plugin.sync.applying.ways.tasks import Task

BODY: dict[str, Any] = {"resourceType": "RelatedPerson", "id": "r1", "gender": "unknown"}
CHANGED = {**BODY, "gender": "other"}


def task(desk: Desk) -> Task:
    """A change that was decided on the first version of a person."""
    before = desk.ehr.add(BODY)
    return Task(body=CHANGED, before=before, version="1", patient="Patient/p1001")


def overwrote(desk: Desk, mine: Task, version: str) -> list[Any]:
    """What a change went over that got this version."""
    return [each.theirs for each in overwritten(desk.client, [mine], {"RelatedPerson/r1": version})]


def test_a_version_somebody_wrote_between_is_an_edit_that_was_written_over(desk: Desk) -> None:
    mine = task(desk)
    desk.ehr.add({**BODY, "birthDate": "1980-01-01"})
    desk.ehr.add(CHANGED)
    assert [body["birthDate"] for body in overwrote(desk, mine, "3")] == ["1980-01-01"]


def test_of_several_versions_somebody_wrote_the_last_counts_also_between_two_deliveries_of_a_request(
    desk: Desk,
) -> None:
    mine = task(desk)
    for body in ({**BODY, "birthDate": "1980-01-01"}, CHANGED, {**BODY, "birthDate": "1981-01-01"}, CHANGED):
        desk.ehr.add(body)
    assert [body["birthDate"] for body in overwrote(desk, mine, "5")] == ["1981-01-01"]


def test_a_request_that_was_delivered_twice_wrote_over_nobody(desk: Desk) -> None:
    mine = task(desk)
    desk.ehr.add(CHANGED)
    desk.ehr.add(CHANGED)
    assert not overwrote(desk, mine, "3")


@pytest.mark.parametrize("version", ["2", "1", "", "W2"])
def test_the_next_version_and_one_that_is_no_number_are_not_asked_about(desk: Desk, version: str) -> None:
    mine = task(desk)
    desk.ehr.asked.clear()
    assert not overwrote(desk, mine, version)
    assert desk.ehr.asked == []


def test_numbers_an_ehr_gives_no_version_of_are_no_edits(desk: Desk) -> None:
    assert not overwrote(desk, task(desk), "5")


def test_numbers_that_go_up_by_much_are_one_series_for_all_resources_and_not_asked_about(desk: Desk) -> None:
    mine = task(desk)
    desk.ehr.asked.clear()
    assert not overwrote(desk, mine, "5000")
    assert desk.ehr.asked == []


def test_an_edit_that_was_written_over_is_not_settled(desk_with: Callable[[Behaviour], Desk]) -> None:
    desk = desk_with(Behaviour(honours_if_match=False))
    desk.sync([row(**CONSENT)])
    changed = [row(**{**CONSENT, "Mobiel": "06-12345677"})]
    desk.plan(changed)
    figure = desk.figures()[0]

    def edit(method: str, _path: str) -> None:
        if method == "POST" and desk.ehr.asked.count(("POST", "")) > 1:
            desk.ehr.before = None
            desk.edit(figure, birthDate="1980-02-03")

    desk.ehr.asked.clear()
    desk.ehr.before = edit
    assert [step.code for step in desk.apply()] == ["lost-update-put-back"]
    with desk.journal() as journal:
        assert not journal.settled(["p1001"]).get("p1001")


def test_a_place_people_gave_without_a_consent_is_not_told_as_one_that_ended_while_a_run_wrote(desk: Desk) -> None:
    person = {"resourceType": "RelatedPerson", "active": True, "patient": {"reference": "Patient/p1001"}}
    desk.sync([row(1001, "F1", Voornaam="Henk")])
    (henk,) = desk.figures()
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": "Patient/p1001"}}
    member = {"member": {"reference": f"RelatedPerson/{henk['id']}"}}
    desk.ehr.add({**team, "participant": [member]})
    rows = [row(1001, "F1", Voornaam="Henk"), row(1001, "F2", Mobiel="06-12345602", **CONSENT)]
    desk.plan(rows)

    def edit(method: str, _path: str) -> None:
        if method == "POST" and desk.ehr.asked.count(("POST", "")) > 1:
            desk.ehr.before = None
            desk.ehr.add({**person, "id": "x1", "name": [{"family": "Vermeer"}]})

    desk.ehr.asked.clear()
    desk.ehr.before = edit
    assert [(step.state, step.code) for step in desk.apply()] == [("done", "")]
