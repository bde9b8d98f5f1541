"""R5 serves the same model: it decides alike, or it refuses the conversion; nothing gets lost on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from consent_cases import POLICY, Case, consent, decided, facts_of, request_of, standard_facts, standard_request, table
from consent_generator import cases
from fhir.resources.consent import Consent as R5Model
from fhir.resources.consent import ConsentProvision
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.consent import decide
from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent import consent_to_fhir, consents_from_fhir
from fhir_plugin.mapping.consent_dialect import R5
from fhir_plugin.mapping.consent_r5 import consent_to_r5, consents_from_r5, read_r5_consents
from fhir_plugin.mapping.consent_r5_elements import R5_CONSENT
from fhir_plugin.model.consent import ConsentRecord, Effect, Scope, Status

INEXPRESSIBLE = {
    "root deny→D",
    "permit then deny→D",
    "deny then unlinked newer permit→D",
    "proposed→D",
    "rejected→D",
    "erroneous deny beside a permit→P",
    "root deny, nested permit aunt→P",
    "no root type, OPTOUT, nested permit→P",
    "root deny, nested permit uncle only→D",
    "nested permit expired→D",
    "sibling exceptions conflict→D",
    "two authority holders, one denies→D",
    "deny by a father without authority→P",
    "age 13, youth denies→D",
    "youth of 16 permits, parent denies→P",
    "nested BTG permit→P and audited",
}
"""Rows with a refusal limited to a person or surrounded by silence, or with a status R5 has no word for."""
ROWS = table()


def answer(case: Case, records: list[ConsentRecord]) -> bool:
    return bool(decide(request_of(case.request), records, facts_of(case.facts), POLICY))


@pytest.mark.parametrize("case", ROWS, ids=[case.name for case in ROWS])
def test_decision_table_through_r5(case: Case) -> None:
    records = consents_from_fhir(case.consents)
    if case.name in INEXPRESSIBLE:
        with pytest.raises(MappingError) as refused:
            [consent_to_r5(record) for record in records]
        assert refused.value.where.startswith("Consent.")
        return

    bodies = [consent_to_r5(record) for record in records]
    back, report = read_r5_consents(bodies)
    assert not report.issues
    assert answer(case, back) is case.expected
    assert [consent_to_r5(record) for record in back] == bodies
    assert answer(case, consents_from_fhir([consent_to_fhir(record) for record in back])) is case.expected


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_a_consent_that_r5_can_say_decides_alike_in_both(seed: int) -> None:
    case = cases(seed, 1)[0]
    records = consents_from_fhir(case.consents)
    try:
        there = consents_from_r5([consent_to_r5(record) for record in records])
    except MappingError:
        return
    assert answer(case, there) is bool(decided(case))


def test_what_is_written_is_r5_to_a_model_of_others() -> None:
    written = 0
    for case in ROWS:
        if case.name not in INEXPRESSIBLE:
            for record in consents_from_fhir(case.consents):
                R5Model.model_validate(consent_to_r5(record))
                written += 1
    assert written > 50


def test_every_element_of_r5_is_known_but_those_that_may_narrow_a_consent_unread() -> None:
    def elements(model: Any) -> set[str]:
        return {field.alias or name for name, field in model.model_fields.items()} - {"fhir_comments"}

    consent_elements = {name for name in elements(R5Model) if not name.startswith("_") and not name.endswith("__ext")}
    provision = {name for name in elements(ConsentProvision) if not name.startswith("_") and not name.endswith("__ext")}
    assert consent_elements - R5_CONSENT.known == {"implicitRules", "grantee"}
    assert provision - R5.known == {"expression"}


def r5(**extra: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "subject": {"reference": "Patient/child"},
        "grantor": [{"reference": "RelatedPerson/mother"}],
        "decision": "deny",
        **extra,
    }


AUNT = {"actor": [{"reference": {"reference": "RelatedPerson/aunt"}}]}
UNCLE = {"actor": [{"reference": {"reference": "RelatedPerson/uncle"}}]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r5(), False),
        (r5(decision="permit"), True),
        (r5(provision=[AUNT]), True),
        (r5(provision=[UNCLE]), False),
        (r5(provision=[UNCLE, AUNT]), True),
        (r5(decision="permit", provision=[AUNT]), False),
        (r5(decision="permit", provision=[UNCLE]), True),
        (r5(provision=[AUNT | {"provision": [{"purpose": [{"system": "urn:x", "code": "y"}]}]}]), False),
        (r5(provision=[AUNT], period={"end": "2026-06-14"}), False),
        (r5(provision=[AUNT | {"period": {"end": "2026-06-14"}}], period={"end": "2027"}), False),
        (r5(provision=[AUNT], grantee=[{"reference": "Organization/x"}]), False),
        (r5(provision=[AUNT | {"expression": {"language": "text/fhirpath"}}]), False),
        (r5(provision=[AUNT], decision="perhaps"), False),
        (r5(provision=[AUNT], status="unknown"), False),
        (r5(provision=[AUNT], status="not-done"), False),
    ],
)
def test_r5_is_decided_by_its_own_rules(body: dict[str, Any], expected: bool) -> None:
    (record,) = consents_from_r5([body])
    asked = decide(request_of(standard_request()), [record], facts_of(standard_facts()), POLICY)

    assert bool(asked) is expected
    assert consent_to_r5(record) == body


def test_an_opt_in_for_the_uncle_leaves_the_consent_for_the_aunt_alone() -> None:
    records = consents_from_r5([r5(provision=[UNCLE, UNCLE]), r5(id="d", provision=[AUNT])])

    assert decide(request_of(standard_request()), records, facts_of(standard_facts()), POLICY)


def test_a_bare_refusal_of_r5_refuses_beside_a_permit() -> None:
    records = consents_from_r5([r5(), r5(id="d", provision=[AUNT])])

    assert not decide(request_of(standard_request()), records, facts_of(standard_facts()), POLICY)


def test_the_moment_survives_although_r5_knows_only_the_day() -> None:
    (record,) = consents_from_fhir([consent(given="2026-01-10T10:30:00+01:00")])
    body = consent_to_r5(record)
    (back,) = consents_from_r5([body])

    assert body["date"] == "2026-01-10"
    assert back.recorded_at == record.recorded_at


@pytest.mark.parametrize(
    ("extra", "where"),
    [
        ({"sourceAttachment": {"title": "form"}}, "Consent.sourceAttachment.title"),
        ({"performer": [{"reference": "RelatedPerson/mother", "identifier": {"value": "1"}}]}, "Consent.performer"),
        ({"policy": [{"uri": "urn:a"}, {"uri": "urn:b", "authority": "urn:c"}]}, "Consent.policy.authority"),
    ],
)
def test_what_has_no_place_in_the_other_version_refuses_the_conversion(extra: dict[str, Any], where: str) -> None:
    (record,) = consents_from_fhir([consent() | extra])

    with pytest.raises(MappingError) as refused:
        consent_to_r5(record)
    assert refused.value.where.startswith(where)


def test_what_is_spelled_alike_goes_along() -> None:
    alike = {
        "language": "nl",
        "text": {"status": "generated", "div": "<div/>"},
        "contained": [{"resourceType": "Organization", "id": "o"}],
        "extension": [{"url": "urn:kept", "valueString": "x"}],
        "identifier": [{"system": "urn:forms", "value": "1", "use": "official"}],
    }
    (record,) = consents_from_fhir([consent() | alike])
    body = consent_to_r5(record)

    assert {key: body[key] for key in alike} == alike


def test_a_consent_that_is_not_understood_stays_in_its_own_version() -> None:
    (record,) = consents_from_fhir([consent() | {"implicitRules": "urn:x"}])

    with pytest.raises(MappingError):
        consent_to_r5(record)


def test_a_change_to_an_r5_consent_changes_one_element() -> None:
    body = r5(provision=[AUNT], extension=[{"url": "urn:kept", "valueString": "x"}])
    (record,) = consents_from_r5([body])

    assert consent_to_r5(replace(record, status=Status.INACTIVE)) == body | {"status": "inactive"}


def test_r5_categories_tell_privacy_from_other_consents() -> None:
    def scope(code: str) -> Scope:
        system = "http://terminology.hl7.org/CodeSystem/consentscope"
        body = r5(category=[{"coding": [{"system": system, "code": code}]}])
        return consents_from_r5([body])[0].scope

    assert scope("patient-privacy") is Scope.PRIVACY
    assert scope("treatment") is Scope.TREATMENT
    assert consents_from_r5([r5(category=[])])[0].scope is Scope.OTHER
    assert consents_from_r5([r5()])[0].policy_rule is None
    root = consents_from_r5([r5()])[0].root
    assert root is not None
    assert root.effect is Effect.DENY
