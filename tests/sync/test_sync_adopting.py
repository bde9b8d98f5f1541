"""A consent that people recorded in the EHR is theirs: not written twice, not ended by a list, not given again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sync_desk import CONSENT, Desk, row

from fhir_plugin.sync.plans.rendering import plan_lines


def consents(desk: Desk) -> list[dict[str, Any]]:
    return [body for body in desk.ehr.all("Consent") if body["status"] == "active"]


def ends(desk: Desk) -> list[str]:
    listed = [item for team in desk.ehr.all("CareTeam") for item in team.get("participant", ())]
    return [item.get("period", {}).get("end", "") for item in listed]


@pytest.fixture
def people(desk: Desk) -> Desk:
    """A desk whose EHR holds a figure, and a consent that people recorded there."""
    desk.sync([row(**CONSENT)])
    (consent,) = desk.ehr.all("Consent")
    desk.edit({key: value for key, value in consent.items() if key != "identifier"})
    return desk


def text_of(desk: Desk, rows: list[dict[str, str]]) -> str:
    return "\n".join(plan_lines((each.plan for each in desk.plan(rows).clients()), "nl"))


def test_a_consent_that_is_in_the_record_is_not_written_again(people: Desk) -> None:
    before = people.writes()
    plan = people.plan([row(**CONSENT)])
    people.apply()
    assert (plan.totals["consent-adopt"], plan.totals.get("consent-record", 0)) == (1, 0)
    assert people.writes() == before


def test_another_list_that_says_the_same_adopts_it_and_says_so(people: Desk) -> None:
    people.source = "other"
    assert "toestemming staat al in het EPD" in text_of(people, [row(**CONSENT)])
    people.apply()
    assert len(consents(people)) == 1


def test_a_wider_consent_in_the_record_is_enough(people: Desk) -> None:
    (consent,) = consents(people)
    provision = {**consent["provision"], "period": {"start": "2026-01-01", "end": "2028-01-01"}}
    people.edit({**consent, "provision": provision})
    assert people.plan([row(**CONSENT)]).totals["consent-adopt"] == 1


@pytest.mark.parametrize(
    "narrower",
    [{"period": {"start": "2026-10-01", "end": "2027-08-31"}}, {"class": [{"code": "Task"}]}],
)
def test_a_narrower_consent_is_not_taken_for_the_whole(people: Desk, narrower: dict[str, Any]) -> None:
    (consent,) = consents(people)
    people.edit({**consent, "provision": {**consent["provision"], **narrower}})
    plan = people.plan([row(**CONSENT)])
    assert (plan.totals["consent-record"], plan.totals["consent-beside"]) == (1, 1)
    assert "moet beide intrekken" in text_of(people, [row(**CONSENT)])


def test_only_who_signed_nothing_yet_is_recorded(people: Desk) -> None:
    (consent,) = consents(people)
    people.edit({**consent, "performer": [{"reference": "RelatedPerson/m1001"}]})
    people.sync([row(**CONSENT)])
    signed = sorted(item["reference"] for body in consents(people) for item in body["performer"])
    assert signed == ["Patient/p1001", "RelatedPerson/m1001"]


def test_what_people_ended_in_the_ehr_is_not_given_again_by_a_list(people: Desk) -> None:
    (consent,) = consents(people)
    people.edit(consent, status="inactive")
    plan = people.plan([row(**CONSENT)])
    people.apply()
    assert plan.totals["not-recorded"] == 1
    assert consents(people) == []


def test_a_place_people_gave_on_a_consent_of_theirs_that_ran_out_is_told_and_left_to_them(people: Desk) -> None:
    people.source, people.now = "other", datetime(2027, 10, 1, tzinfo=UTC)
    plan = people.plan([row(**CONSENT)])
    people.apply()
    assert plan.totals["waits-for-consent"] == 1
    assert ends(people) == [""]


@pytest.mark.parametrize("how", ["made inactive", "run out"])
def test_a_place_the_list_found_on_a_consent_of_people_ends_when_that_consent_does(people: Desk, how: str) -> None:
    people.source = "other"
    people.sync([row(**CONSENT)])
    if how == "run out":
        people.now = datetime(2027, 10, 1, tzinfo=UTC)
    else:
        people.edit(consents(people)[0], status="inactive")
    people.sync([row(**CONSENT)])
    assert ends(people) == [people.now.date().isoformat()]
    before = people.writes()
    people.sync([row(**CONSENT)])
    assert people.writes() == before


def test_a_place_that_no_consent_ever_permitted_stays_with_the_people_who_gave_it(people: Desk) -> None:
    people.edit({**consents(people)[0], "performer": [{"reference": "RelatedPerson/m1001"}]})
    people.source = "other"
    for _ in range(3):
        people.sync([row()])
    assert ends(people) == [""]


def test_a_consent_given_after_the_other_ended_is_recorded(people: Desk) -> None:
    (consent,) = consents(people)
    people.ehr.clock = lambda: datetime(2026, 10, 1, tzinfo=UTC)
    people.edit(consent, status="inactive")
    people.sync([row(**{**CONSENT, "Toestemming vanaf": "01-11-2026"})])
    assert len(consents(people)) == 1


def test_a_withdrawal_ends_access_at_once_and_leaves_the_consent_of_people_to_people(people: Desk) -> None:
    people.sync([row(**CONSENT)])
    said = text_of(people, [row(Toestemming="ingetrokken")])
    assert "de toegang stopt" in said
    (step,) = people.apply()
    assert (step.state, step.code) == ("done", "sync-consent-stands")
    assert ends(people) == ["2026-11-23"]
    assert len(consents(people)) == 1


def test_as_long_as_it_stands_each_run_says_so(people: Desk) -> None:
    people.sync([row(Toestemming="ingetrokken")])
    before = people.writes()
    (step,) = people.sync([row(Toestemming="ingetrokken")])
    assert (step.state, step.code, people.writes()) == ("same", "sync-consent-stands", before)
    people.edit(consents(people)[0], status="inactive")
    assert [step.code for step in people.sync([row(Toestemming="ingetrokken")])] == [""]


def test_a_withdrawal_ends_a_place_that_was_to_end_later(desk: Desk) -> None:
    listed = row(**CONSENT, **{"Betrokken tot": "2027-01-01"})
    desk.sync([listed])
    desk.sync([{**listed, "Toestemming": "ingetrokken"}])
    assert ends(desk) == ["2026-11-23"]


def test_a_figure_that_waits_is_shown_with_whose_signature_is_missing(desk: Desk) -> None:
    assert "wacht op toestemming van: moeder, jongere zelf" in text_of(desk, [row()])
    assert "wacht op toestemming van: jongere zelf" in text_of(desk, [row(**{**CONSENT, "Toestemming van": "moeder"})])


def test_it_is_shown_in_a_later_plan_that_writes_nothing_too(desk: Desk) -> None:
    desk.sync([row()])
    assert "wacht op toestemming van: moeder, jongere zelf" in text_of(desk, [row()])
