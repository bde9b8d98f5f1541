"""Whatever is given as a Consent: an answer and a report, never an exception, never a permit out of nonsense."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from consent_cases import POLICY, consent, facts_of, request_of, standard_facts, standard_request
from consent_generator import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.consent import decide, explain, lapses
from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent import consent_to_fhir, read_consents
from fhir_plugin.mapping.consent_r5 import consent_to_r5, read_r5_consents
from fhir_plugin.model.consent import ConsentRecord

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=8)
    | st.sampled_from(
        ["9999-12-31T23:59:59Z", "0001-01-01", "9999-12-31T23:59:59-14:00", "permit", "#x", "Patient/child"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "reference", "coding", "system", "code", "provision", "start"]), inner
        )
    ),
    max_leaves=6,
)
REQUEST, FACTS = request_of(standard_request()), facts_of(standard_facts())


def use(records: list[ConsentRecord]) -> bool:
    """Everything public that takes records, none of which may raise; answers whether the request is permitted."""
    explain(REQUEST, records, FACTS, POLICY)
    lapses(records, FACTS, POLICY)
    for record in records:
        for write in (consent_to_fhir, consent_to_r5):
            with suppress(MappingError):
                write(record)
    return bool(decide(REQUEST, records, FACTS, POLICY))


@settings(max_examples=80, deadline=None)
@given(JUNK | st.lists(JUNK, max_size=3))
def test_anything_at_all_is_read_without_an_exception(junk: Any) -> None:
    for read in (read_consents, read_r5_consents):
        records, _ = read(junk)
        assert not use(records)
        records, _ = read([{"resourceType": "Consent", "status": junk, "provision": junk, "id": junk}])
        assert not use(records)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**9), st.data())
def test_junk_anywhere_in_a_consent_is_never_an_exception(seed: int, data: st.DataObject) -> None:
    body = data.draw(st.sampled_from([consent(), *cases(seed, 1)[0].consents]))
    damaged = copy.deepcopy(body)
    holders = list(containers(damaged))
    holder = data.draw(st.sampled_from(range(len(holders))))
    key = data.draw(st.sampled_from(list(keys(holders[holder]))))
    holders[holder][key] = data.draw(JUNK)

    for read in (read_consents, read_r5_consents):
        records, _ = read([damaged])
        use(records)


def containers(value: Any) -> Any:
    if isinstance(value, dict | list):
        if value:
            yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


def keys(holder: Any) -> Any:
    return holder.keys() if isinstance(holder, dict) else range(len(holder))


def nested(levels: int) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "permit"}
    for _ in range(levels):
        body = {"type": "permit", "provision": [body]}
    return consent() | {"provision": body}


def test_provisions_nested_beyond_reason_never_permit() -> None:
    records, report = read_consents([nested(40)])

    assert records[0].not_understood
    assert report.has_errors
    assert not use(records)


def test_a_consent_nested_a_hundred_thousand_levels_deep_is_reported() -> None:
    records, report = read_consents([nested(100_000)])

    assert "consent-too-large" in {issue.code for issue in report}
    assert not use(records)


def test_a_consent_that_runs_in_a_circle_is_reported_and_cannot_be_written() -> None:
    body = consent()
    body["provision"]["provision"] = [body["provision"], body["provision"]]
    records, report = read_consents([body])

    assert "consent-too-large" in {issue.code for issue in report}
    assert not use(records)
    with pytest.raises(MappingError):
        consent_to_fhir(records[0])


def test_a_consent_with_thirty_thousand_provisions_is_reported() -> None:
    records, report = read_consents([consent(exceptions=[{"says": "deny", "to": ["uncle"]}] * 30_000)])

    assert "consent-too-large" in {issue.code for issue in report}
    assert not use(records)


def test_a_refusal_in_a_consent_that_is_too_large_still_refuses() -> None:
    large = consent(1, says="deny", exceptions=[{"says": "permit", "to": ["aunt"]}] * 5_100)
    records, _ = read_consents([consent(0), large])

    assert not use(records)


def test_a_consent_given_tomorrow_does_not_permit_today_but_its_refusal_counts() -> None:
    tomorrow = "2026-06-16"

    assert not use(read_consents([consent(given=tomorrow)])[0])
    assert not use(read_consents([consent(0), consent(1, given=tomorrow, says="deny")])[0])
    assert use(read_consents([consent(given="2026-06-15")])[0])


def test_consents_without_patient_or_grantor_count_for_nothing_and_say_so() -> None:
    nobody, nowhere = consent(1), consent(2)
    del nobody["performer"]
    del nowhere["patient"]
    records, report = read_consents([nobody, nowhere])

    assert {issue.code for issue in report} == {"consent-without-grantor", "consent-without-patient"}
    assert not use(records)


@pytest.mark.parametrize("text", ["9999-12-31T23:30:00Z", "9999-12-31", "9999", "0001-01-01T00:00:00+14:00", "0001"])
def test_the_ends_of_the_calendar_are_no_exception(text: str) -> None:
    bodies = [
        consent(1, **{"from": text}),
        consent(2, until=text),
        consent(3, given=text),
        consent(4, exceptions=[{"says": "deny", "from": text, "until": text}]),
    ]
    records, _ = read_consents(bodies)
    use(records)
    for year in ("0001", "9999-12-31", "9990-01-01"):
        edge = facts_of(
            standard_facts(child_born=year, authority=[{"who": "mother", "since": "0001", "until": "9999"}])
        )
        decide(REQUEST, records, edge, POLICY)
        lapses(records, edge, POLICY)
    for record in records:
        with suppress(MappingError):
            consent_to_fhir(replace(record, carried=None))
            consent_to_r5(record)


def test_a_report_names_no_values() -> None:
    body = consent()
    body["provision"]["purpose"] = [{"system": "urn:x", "display": "Jan Jansen 123456782"}]
    _, report = read_consents([body])

    assert "Jansen" not in repr(report)
