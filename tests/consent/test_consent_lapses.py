"""The day a consent stops to serve can be asked for in advance, with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from consent_cases import POLICY, consent, facts_of, request_of, standard_facts, standard_request

from fhir_plugin.consent import Facts, LapseReason, decide, lapses, load_policy
from fhir_plugin.mapping.consent import consents_from_fhir
from fhir_plugin.model.dates import AMSTERDAM, midnight


def found(consents: list[dict[str, Any]], policy: Any = POLICY, **facts: Any) -> list[tuple[str, str, str]]:
    return [
        (lapse.consent.removeprefix("consent-"), lapse.day.isoformat(), lapse.reason.removeprefix("consent-lapse-"))
        for lapse in lapses(consents_from_fhir(consents), facts_of(standard_facts(**facts)), policy)
    ]


def test_a_consent_lapses_the_day_after_its_last_day() -> None:
    assert found([consent(until="2026-06")]) == [("0", "2026-07-01", "end-date")]


def test_a_parents_consent_lapses_when_the_child_turns_twelve() -> None:
    assert found([consent(until="2040")]) == [("0", "2029-01-20", "age")]


def test_both_signatures_lapse_when_the_youth_turns_sixteen_for_the_parent_only() -> None:
    consents = [consent(0, by=["mother"]), consent(1, by=["child"])]

    assert found(consents, child_born="2013-01-20") == [("0", "2029-01-20", "age")]


def test_a_consent_signed_by_parent_and_youth_together_lives_on_after_sixteen() -> None:
    assert found([consent(by=["mother", "child"])], child_born="2013-01-20") == []


def test_a_consent_that_the_policy_leaves_to_authority_until_eighteen_lapses_at_eighteen() -> None:
    until_majority = replace(POLICY, bands=(POLICY.bands[0], replace(POLICY.bands[3], from_age=18)))

    (lapse,) = lapses(consents_from_fhir([consent()]), facts_of(standard_facts()), until_majority)
    assert (lapse.day, lapse.reason, lapse.age) == (date(2035, 1, 20), LapseReason.AGE, 18)


@pytest.mark.parametrize(
    ("born", "day"), [("2016-02-29", "2028-02-29"), ("2015-02-28", "2027-02-28"), ("2014-12-31", "2026-12-31")]
)
def test_a_birthday_falls_at_midnight_also_on_29_february(born: str, day: str) -> None:
    assert found([consent()], child_born=born) == [("0", day, "age")]


def test_29_february_counts_as_1_march_in_a_common_year() -> None:
    by_policy = load_policy(choose={"third-party-12-15": "youth-alone"})
    eighteen = replace(by_policy, bands=(by_policy.bands[0], replace(by_policy.bands[3], from_age=18)))

    assert found([consent()], eighteen, child_born="2012-02-29") == [("0", "2030-03-01", "age")]


def test_a_consent_lapses_when_the_authority_of_its_grantor_ends() -> None:
    authority = [{"who": "mother", "until": "2026-08"}, {"who": "gi", "since": "2026-09-01"}]

    assert found([consent()], authority=authority) == [("0", "2026-09-01", "authority-ends")]


def test_a_consent_lapses_when_someone_gets_authority_who_has_not_signed() -> None:
    authority = ["mother", {"who": "father", "since": "2026-09-01"}]

    assert found([consent()], authority=authority) == [("0", "2026-09-01", "authority-begins")]
    both = [consent(0), consent(1, by=["father"], **{"from": "2026-09-01"})]
    assert [line[1:] for line in found(both, authority=authority)] == [("2029-01-20", "age")] * 2


def test_a_consent_lapses_with_the_bond_and_a_team_consent_with_the_engagement() -> None:
    assert found([consent()], bond_until="2026-12-31") == [("0", "2027-01-01", "bond-ends")]
    assert found([consent(to=["team"])], team_until="2026-09-30") == [("0", "2026-10-01", "engagement-ends")]
    assert found([consent(to=["team", "aunt"])], team_until="2026-09-30") == [("0", "2029-01-20", "age")]


def test_a_consent_of_somebody_who_had_no_say_lapsed_when_it_was_given() -> None:
    assert found([consent(by=["father"], given="2026-02-01")]) == [("0", "2026-02-01", "not-entitled")]


def test_the_end_of_nested_permits_is_the_end_of_the_consent() -> None:
    nested = consent(
        says="", policy="OPTIN", to=[], exceptions=[{"says": "permit", "to": ["aunt"], "until": "2026-09"}]
    )

    assert found([nested]) == [("0", "2026-10-01", "end-date")]


def test_only_what_counts_can_lapse() -> None:
    aside = [consent(0, status="inactive"), consent(1, scope="research"), consent(2, of="sibling")]

    assert found(aside) == []


def test_a_birth_date_known_by_year_gives_the_earliest_day() -> None:
    assert found([consent()], child_born="2017") == [("0", "2029-01-01", "age")]


def test_only_lapses_after_a_moment_are_given_and_soonest_first() -> None:
    records = consents_from_fhir(
        [consent(0, until="2026-01"), consent(1, until="2026-09"), consent(2, until="2026-08")]
    )
    upcoming = lapses(records, facts_of(standard_facts()), POLICY, after=datetime(2026, 6, 15, tzinfo=AMSTERDAM))

    assert [lapse.consent for lapse in upcoming] == ["consent-2", "consent-1"]


@pytest.mark.parametrize(
    "facts",
    [
        {"child_born": "2014-09-01"},
        {"bond_until": "2026-08-31"},
        {"authority": [{"who": "mother", "until": "2026-08-31"}, {"who": "gi", "since": "2026-09-01"}]},
    ],
    ids=str,
)
def test_the_decision_turns_at_the_very_moment_of_the_lapse(facts: dict[str, Any]) -> None:
    records, known = consents_from_fhir([consent()]), facts_of(standard_facts(**facts))
    (lapse,) = lapses(records, known, POLICY)

    assert lapse.at == midnight(date(2026, 9, 1))
    assert permitted(records, known, lapse.at - timedelta(seconds=1))
    assert not permitted(records, known, lapse.at)


def permitted(records: Any, facts: Facts, at: datetime) -> bool:
    return bool(decide(replace(request_of(standard_request()), at=at), records, facts, POLICY))
