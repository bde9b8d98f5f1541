"""Every decision over every model that can be made: an answer, or the one error that is documented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from consent_cases import POLICY, facts_of, standard_facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_plugin.consent import (
    AccessRequest,
    Action,
    Facts,
    Grant,
    check_grant,
    decide,
    explain,
    grant,
    lapses,
    required_grantors,
)
from fhir_plugin.errors import UsageError
from fhir_plugin.mapping.consent import consent_to_fhir, consents_from_fhir
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.consent import ConsentRecord, Interval, Rule
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import InformationCategory

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=14))])
INSTANTS = st.datetimes(timezones=ZONES)
CALENDAR = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=ZONES)
DATES = st.one_of(
    st.builds(PartialDate, st.integers(1, 9999)),
    st.builds(PartialDate, st.integers(1, 9999), st.integers(1, 12)),
    st.dates().map(PartialDate.of),
)
REFS = st.builds(
    Ref,
    reference=st.sampled_from(
        ["", "/", "#x", "Patient/", "Patient/child", "RelatedPerson/aunt", "https://x.example/RelatedPerson/aunt"]
    )
    | st.text(max_size=5),
)
st.register_type_strategy(Ref, REFS)
st.register_type_strategy(PartialDate, DATES)
st.register_type_strategy(Carried, st.just(Carried({"resourceType": "Consent"})))
st.register_type_strategy(Interval, st.builds(Interval, start=st.none() | INSTANTS, end=st.none() | INSTANTS))
RULES = st.recursive(
    st.builds(Rule, exceptions=st.just(())),
    lambda inner: st.builds(Rule, exceptions=st.lists(inner, max_size=2).map(tuple)),
    max_leaves=3,
)
st.register_type_strategy(Rule, RULES)
RECORDS = st.builds(ConsentRecord, recorded_at=st.none() | INSTANTS, carried=st.none())
REQUESTS = st.builds(AccessRequest, at=CALENDAR, data_period=st.none() | st.from_type(Interval))
GRANTS = st.builds(Grant, at=CALENDAR)
NAIVE = datetime(2026, 6, 1)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(REQUESTS, st.lists(RECORDS, max_size=3), st.builds(Facts), INSTANTS)
def test_any_request_consents_and_facts_give_a_decision(
    request: AccessRequest, records: list[ConsentRecord], facts: Facts, moment: datetime
) -> None:
    assert decide(request, records, facts, POLICY) == decide(request, records[::-1], facts, POLICY)
    explain(request, records, facts, POLICY)
    lapses(records, facts, POLICY, after=moment)
    required_grantors(facts, POLICY, request.at)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(GRANTS, st.builds(Facts) | st.just(facts_of(standard_facts())))
def test_any_grant_is_recorded_or_refused_with_what_is_wrong(wanted: Grant, facts: Facts) -> None:
    report = check_grant(wanted, facts, POLICY)
    if report.has_errors:
        with pytest.raises(UsageError):
            grant(wanted, facts, POLICY)
        return
    record = grant(wanted, facts, POLICY, record_id="new")
    assert consents_from_fhir([consent_to_fhir(record)])


def test_a_moment_without_a_time_zone_is_refused_wherever_it_is_given() -> None:
    child, facts = Ref(reference="Patient/child"), facts_of(standard_facts())
    calls = [
        lambda: AccessRequest(child=child, actor=child, action=Action.ACCESS, purpose="FAMRQT", at=NAIVE),
        lambda: ConsentRecord(subject=child, recorded_at=NAIVE),
        lambda: Interval(start=NAIVE),
        lambda: lapses([], facts, POLICY, after=NAIVE),
        lambda: required_grantors(facts, POLICY, NAIVE),
        lambda: Grant(
            child=child,
            figure=child,
            signed_by=(child,),
            categories=(InformationCategory.PLAN_AND_GOALS,),
            valid=Period(),
            at=NAIVE,
        ),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="time zone"):
            call()
