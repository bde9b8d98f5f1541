"""Consent first: nobody takes part in the team without it, and its withdrawal ends that in the same run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sync_desk import CONSENT, Desk, row

from fhir_plugin.errors import PermitRequired
from fhir_plugin.model.terms import CodeSystems
from fhir_plugin.sync.applying.ways import openings
from fhir_plugin.sync.plans.planfile import PlanReader


def participants(desk: Desk, patient: str = "p1001") -> list[dict[str, Any]]:
    teams = [body for body in desk.ehr.all("CareTeam") if body["subject"]["reference"] == f"Patient/{patient}"]
    return [item for team in teams for item in team.get("participant", ())]


def test_a_figure_without_consent_is_known_but_takes_no_part(desk: Desk) -> None:
    plan = desk.plan([row()])
    desk.apply()
    assert plan.totals["waits-for-consent"] == 1
    assert len(desk.figures()) == 1
    assert participants(desk) == []


def test_a_consent_and_the_place_in_the_team_are_written_together(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    (consent,) = desk.ehr.all("Consent")
    (participant,) = participants(desk)
    assert consent["status"] == "active"
    assert {item["reference"] for item in consent["performer"]} == {"RelatedPerson/m1001", "Patient/p1001"}
    assert consent["provision"]["actor"][0]["reference"] == participant["member"]
    assert [path for method, path in desk.ehr.asked if method == "PUT"] == []


def test_a_youth_of_fourteen_whose_own_signature_is_missing_waits(desk: Desk) -> None:
    plan = desk.plan([row(**{**CONSENT, "Toestemming van": "moeder"})])
    desk.apply()
    assert plan.totals["waits-for-consent"] == 1
    assert len(desk.ehr.all("Consent")) == 1
    assert participants(desk) == []


def test_for_a_child_of_eight_the_childs_own_signature_counts_for_nothing(desk: Desk) -> None:
    desk.sync([row(1002, "F1", **CONSENT)])
    (consent,) = desk.ehr.all("Consent")
    assert [item["reference"] for item in consent["performer"]] == ["RelatedPerson/m1002"]
    assert len(participants(desk, "p1002")) == 1


def test_a_consent_of_somebody_without_a_say_is_not_recorded(desk: Desk) -> None:
    plan = desk.plan([row(1003, "F1", **{**CONSENT, "Toestemming van": "moeder"})])
    desk.apply()
    assert plan.totals["not-recorded"] == 1
    assert desk.ehr.all("Consent") == []


def test_a_consent_that_comes_later_opens_the_place_in_the_team(desk: Desk) -> None:
    desk.sync([row()])
    desk.sync([row(**CONSENT)])
    assert len(participants(desk)) == 1
    assert len(desk.figures()) == 1


def test_a_withdrawal_ends_access_and_consent_in_the_same_transaction(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.ehr.asked.clear()
    desk.sync([row(Toestemming="ingetrokken")])
    (consent,) = desk.ehr.all("Consent")
    (participant,) = participants(desk)
    assert consent["status"] == "inactive"
    assert participant["period"]["end"] == "2026-11-23"
    assert [figure["active"] for figure in desk.figures()] == [True]
    assert len(desk.ehr.all("Provenance")) == 2


def test_a_withdrawal_is_applied_once(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.sync([row(Toestemming="ingetrokken")])
    before = desk.writes()
    desk.sync([row(Toestemming="ingetrokken")])
    assert desk.writes() == before


def test_a_consent_that_was_made_inactive_in_the_ehr_is_not_made_active_again(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.edit(desk.ehr.all("Consent")[0], status="inactive")
    desk.sync([row(**CONSENT)])
    assert [body["status"] for body in desk.ehr.all("Consent")] == ["inactive"]


def test_a_new_consent_makes_the_old_one_inactive_in_the_same_transaction(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.sync([row(**{**CONSENT, "Toestemming voor": "alles"})])
    assert sorted(body["status"] for body in desk.ehr.all("Consent")) == ["active", "inactive"]


def test_the_end_of_an_engagement_leaves_the_person_and_the_bond(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.sync([row(Betrokken_tot="01-11-2026", **CONSENT)])
    (figure,) = desk.figures()
    assert participants(desk)[0]["period"]["end"] == "2026-11-01"
    assert figure["active"] is True
    assert "period" not in figure


def test_only_the_end_of_the_bond_makes_a_person_inactive(desk: Desk) -> None:
    desk.sync([row()])
    desk.sync([row(Band_tot="01-11-2026")])
    (figure,) = desk.figures()
    assert figure["active"] is False
    assert figure["period"]["end"] == "2026-11-01"


def test_a_consent_that_has_ended_when_the_plan_is_applied_opens_nothing(desk: Desk) -> None:
    desk.plan([row(**CONSENT)])
    desk.now = datetime(2027, 9, 1, 9, tzinfo=UTC)
    (step,) = desk.apply()
    assert step.state == "changed"
    assert participants(desk) == []


def test_nothing_is_sent_when_the_permit_does_not_cover_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.plan([row(**CONSENT)])
    before = desk.writes()

    def refuse(*_: object, **__: object) -> None:
        raise PermitRequired("no")

    monkeypatch.setattr(openings, "demand", refuse)
    with pytest.raises(PermitRequired):
        desk.apply()
    assert desk.writes() == before
    assert PlanReader(desk.plan_path).totals["consent-record"] == 1


def test_a_withdrawal_that_is_applied_a_day_after_it_was_planned_ends_access_that_day(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.plan([row(Toestemming="ingetrokken")])
    desk.now = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    assert [step.state for step in desk.apply()] == ["done"]
    assert [item["period"]["end"] for item in participants(desk)] == ["2026-11-25"]


def test_consents_of_several_new_figures_do_not_end_each_other(desk: Desk) -> None:
    rows = [row(key=f"F{n}", Voornaam=name, Mobiel=f"06-1234560{n}", **CONSENT) for n, name in enumerate(("A", "B"), 1)]
    desk.sync(rows)
    assert [consent["status"] for consent in desk.ehr.all("Consent")] == ["active", "active"]


def test_a_no_after_a_yes_ends_the_place_in_the_team_too(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.sync([row(Toestemming="nee")])
    assert [item["period"]["end"] for item in participants(desk)] == ["2026-11-23"]


def test_a_new_consent_that_leaves_the_youth_out_ends_what_the_old_one_opened(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    plan = desk.plan([row(**{**CONSENT, "Toestemming van": "moeder"})])
    desk.apply()
    assert plan.totals["waits-for-consent"] == 1
    assert [item["period"]["end"] for item in participants(desk)] == ["2026-11-23"]


FLAG: dict[str, Any] = {
    "resourceType": "Flag",
    "id": "stop",
    "status": "active",
    "code": {"coding": [{"system": CodeSystems.SAFETY_BLOCK, "code": "no-sharing"}]},
    "subject": {"reference": "Patient/p1001"},
}


def test_under_a_safety_block_nobody_takes_part_whatever_was_signed(desk: Desk) -> None:
    desk.ehr.add(FLAG)
    plan = desk.plan([row(**CONSENT)])
    desk.apply()
    (figure,) = [figure for client in plan.clients() for figure in client.plan.figures]
    assert "waits-for-consent:consent-safety-block" in figure.notes
    assert participants(desk) == []


def test_a_safety_block_set_after_the_plan_stops_the_write(desk: Desk) -> None:
    desk.plan([row(**CONSENT)])
    desk.ehr.add(FLAG)
    (step,) = desk.apply()
    assert step.state == "changed"
    assert participants(desk) == []


def test_under_a_safety_block_a_place_in_the_team_is_not_made_longer(desk: Desk) -> None:
    desk.sync([row(**CONSENT, **{"Betrokken tot": "2027-01-01"})])
    held = participants(desk)
    desk.ehr.add(FLAG)
    desk.sync([row(**CONSENT, **{"Betrokken tot": "2028-01-01"})])
    assert participants(desk) == held


def test_a_block_that_was_lifted_lets_the_next_run_go_on(desk: Desk) -> None:
    desk.ehr.add(FLAG)
    desk.sync([row(**CONSENT)])
    desk.edit(FLAG, status="inactive")
    desk.sync([row(**CONSENT)])
    assert len(participants(desk)) == 1


UNTIL = {"Betrokken tot": "2027-06-01"}
OVER: dict[str, dict[str, str]] = {
    "taken back": {"Toestemming": "ingetrokken", **UNTIL},
    "taken back, and the end no longer said": {"Toestemming": "ingetrokken"},
    "refused, and the end moved away": {"Toestemming": "nee", "Betrokken tot": "2028-06-01"},
    "given without the youth": {**CONSENT, "Toestemming van": "moeder", **UNTIL},
}


@pytest.mark.parametrize("cells", OVER.values(), ids=OVER)
def test_a_place_that_would_end_later_ends_with_its_consent(desk: Desk, cells: dict[str, str]) -> None:
    desk.sync([row(**CONSENT, **UNTIL)])
    desk.sync([row(**cells)])
    assert [item["period"]["end"] for item in participants(desk)] == ["2026-11-23"]
    before = desk.writes()
    desk.sync([row(**cells)])
    assert desk.writes() == before


def test_the_end_of_the_bond_ends_the_place_in_the_team(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.sync([row(Band_tot="01-11-2026", **CONSENT)])
    assert [item["period"]["end"] for item in participants(desk)] == ["2026-11-23"]


def test_a_place_ends_when_the_consent_of_the_list_has_run_out(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.sync([row(**CONSENT)])
    desk.now = datetime(2027, 9, 5, 9, tzinfo=UTC)
    desk.sync([row(**CONSENT)])
    assert [item["period"]["end"] for item in participants(desk)] == ["2027-09-05"]


def test_a_place_ends_when_its_consent_was_taken_back_in_the_ehr(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.edit(desk.ehr.all("Consent")[0], status="inactive")
    desk.sync([row(**CONSENT)])
    assert [item["period"]["end"] for item in participants(desk)] == ["2026-11-23"]


def test_a_place_that_people_gave_without_a_consent_is_left_to_them(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    (team,), (consent,) = desk.ehr.all("CareTeam"), desk.ehr.all("Consent")
    desk.edit(consent, status="entered-in-error", identifier=[])
    desk.sync([row(**{**CONSENT, "Toestemming van": "moeder"})])
    assert desk.ehr.all("CareTeam")[0]["participant"] == team["participant"]
