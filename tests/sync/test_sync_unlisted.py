"""Whom an earlier run brought and the list names no longer: nothing ends for that, but a consent that is over does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sync_desk import CONSENT, Desk, row

from fhir_plugin.mapping.safety import block_onto
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.sync.deciding.decided import FigurePlan

AFTER = datetime(2027, 9, 2, 9, 0, tzinfo=UTC)
"""The day after the consent of the list ran out."""
OTHER = row(1002, "F9", Voornaam="Henk", Mobiel="06-12345609")
BEFORE = [row(**CONSENT), row(key="F2", Voornaam="Bea", Mobiel="06-12345602"), OTHER]
OUT_OF_THE_LIST = [BEFORE[1:], BEFORE[2:]]
"""Of a client who has another row, and of a client who has none."""


def places(desk: Desk) -> list[Any]:
    """The ends of the places in the team of the first child; None for one that is open."""
    return [item.get("period", {}).get("end") for team in desk.ehr.all("CareTeam") for item in team["participant"]]


def planned(desk: Desk, rows: list[dict[str, str]]) -> list[Any]:
    """What a plan would do, and to whom."""
    plans = [client.plan for client in desk.plan(rows).clients()]
    return [
        (plan.patient, figure.action.value, figure.notes) for plan in plans for figure in plan.figures if figure.writes
    ]


def figures_of_the_first(desk: Desk, rows: list[dict[str, str]]) -> tuple[FigurePlan, ...]:
    """What a plan says of the figures of the first child."""
    (plan,) = [client.plan for client in desk.plan(rows).clients() if client.plan.patient == "Patient/p1001"]
    return plan.figures


def withdraw(desk: Desk) -> None:
    """A professional ends what the first child consented to in the EHR, and forgets the place in the team."""
    for consent in desk.ehr.all("Consent"):
        if consent["patient"]["reference"] == "Patient/p1001":
            desk.edit(consent, status="inactive")


@pytest.mark.parametrize("rows", OUT_OF_THE_LIST)
def test_a_row_that_left_the_list_ends_nothing(desk: Desk, rows: list[dict[str, str]]) -> None:
    desk.sync(BEFORE)
    before = desk.writes()
    desk.sync(rows)
    assert (desk.writes(), places(desk)) == (before, [None])


@pytest.mark.parametrize("rows", OUT_OF_THE_LIST)
def test_access_ends_when_the_consent_is_withdrawn_in_the_ehr_after_the_row_left_the_list(
    desk: Desk, rows: list[dict[str, str]]
) -> None:
    desk.sync(BEFORE)
    desk.sync(rows)
    withdraw(desk)
    told = ("unlisted:sync-figure-unlisted", "waits-for-consent:consent-no-permit")
    assert planned(desk, rows) == [("Patient/p1001", "end", told)]
    assert [step.state for step in desk.apply()].count("done") == 1
    assert places(desk) == ["2026-11-23"]
    assert planned(desk, rows) == []


@pytest.mark.parametrize("rows", OUT_OF_THE_LIST)
def test_access_ends_when_the_consent_runs_out_after_the_row_left_the_list(
    desk: Desk, rows: list[dict[str, str]]
) -> None:
    desk.sync(BEFORE)
    desk.sync(rows)
    desk.now = AFTER
    desk.sync(rows)
    assert places(desk) == ["2027-09-02"]


def test_a_place_that_people_gave_is_theirs(desk: Desk) -> None:
    desk.sync([row(), row(key="F2", Voornaam="Bea", Mobiel="06-12345602", **CONSENT), OTHER])
    (samira, _), (team,) = desk.figures(), desk.ehr.all("CareTeam")
    (place,) = team["participant"]
    desk.edit(team, participant=[place, {**place, "member": {"reference": f"RelatedPerson/{samira['id']}"}}])
    assert planned(desk, [OTHER]) == []


def test_while_sharing_is_off_the_sync_ends_nothing(desk: Desk) -> None:
    desk.sync(BEFORE)
    withdraw(desk)
    block = block_onto(SafetyBlock(id="b"), Ref(reference="Patient/p1001"))
    desk.ehr.add({**block, "id": "b"})
    assert planned(desk, [OTHER]) == []


def test_a_row_that_comes_back_is_as_one_that_never_left(desk: Desk) -> None:
    desk.sync(BEFORE)
    withdraw(desk)
    desk.sync(BEFORE[2:])
    again = row(**{**CONSENT, "Toestemming vanaf": "23-11-2026"})
    (figure, _) = next(client.plan.figures for client in desk.plan([again, *BEFORE[1:]]).clients())
    assert (figure.consent, figure.changes, figure.conflicts, figure.edits) == ("record", (), (), ())


def test_somebody_a_row_may_mean_is_asked_about_before_anything_ends(desk: Desk) -> None:
    desk.sync(BEFORE)
    withdraw(desk)
    renamed = row(key="F7", Voornaam="Sam", Achternaam="Jansen", **CONSENT)
    (plan,) = [client.plan for client in desk.plan([renamed, *BEFORE[1:]]).clients() if "1001" in client.plan.patient]
    assert [figure.action.value for figure in plan.figures if figure.action.value != "none"] == ["question"]


def test_somebody_who_got_another_key_in_the_list_is_one_who_is_in_it_and_leaves_it_once(desk: Desk) -> None:
    desk.sync(BEFORE)
    desk.sync([row(key="F8", **CONSENT), *BEFORE[1:]])
    assert [figure.row for figure in figures_of_the_first(desk, BEFORE[1:])] == ["lijst.csv:2"]
    assert desk.told.figures == 1
    figures_of_the_first(desk, [row(key="F8", **CONSENT), *BEFORE[1:]])
    assert desk.told.figures == 0
    withdraw(desk)
    kept, ended = figures_of_the_first(desk, BEFORE[1:])
    assert (kept.action.value, ended.action.value) == ("none", "end")
    assert [step.state for step in desk.apply()].count("done") == 1
    assert places(desk) == ["2026-11-23"]


def test_a_row_that_is_refused_because_it_names_a_parent_keeps_no_place_whose_consent_is_over(desk: Desk) -> None:
    desk.sync(BEFORE)
    (figure, _) = desk.figures()
    relation = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "NMTH"}]}
    parent = {key: figure[key] for key in ("resourceType", "patient", "name", "telecom")}
    desk.ehr.add({**parent, "id": "mother", "relationship": [relation]})
    withdraw(desk)
    assert [action for _, action, _ in planned(desk, BEFORE)] == ["end"]
    assert [step.state for step in desk.apply()].count("done") == 1
    assert places(desk) == ["2026-11-23"]


def test_a_client_who_left_the_list_is_read_once_and_then_when_something_changed(desk: Desk) -> None:
    desk.ehr.clock = lambda: desk.now
    left = [row(1003, "F9", Voornaam="Henk", Mobiel="06-12345609", **CONSENT)]
    desk.sync([row(**CONSENT), *left])
    desk.plan(left)
    desk.ehr.asked.clear()
    desk.plan(left)
    assert ("POST", "") not in desk.ehr.asked
    withdraw(desk)
    assert [len(planned(desk, left)) for _ in range(2)] == [1, 1]  # also where the plan before was not applied
