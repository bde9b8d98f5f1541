"""A consent in STU3: a policy, and one exception to it; what it means there is never wider than what was signed."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.STU3 import get_fhir_model_class

from fhir_plugin.mapping.consent import consents_from_fhir
from fhir_plugin.mapping.network import from_fhir
from fhir_plugin.mapping.views import to_stu3
from fhir_plugin.mapping.views.stu3_consent import consent_down, consent_up
from fhir_plugin.model.consent import Effect, PolicyRule
from fhir_plugin.model.terms import BASE

CONSENT: dict[str, Any] = {
    "resourceType": "Consent",
    "id": "c",
    "status": "active",
    "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "patient": {"reference": "Patient/p"},
    "performer": [{"reference": "RelatedPerson/m"}],
    "provision": {
        "type": "permit",
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "actor": [
            {
                "role": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]
                },
                "reference": {"reference": "RelatedPerson/sam"},
            }
        ],
        "code": [{"coding": [{"system": f"{BASE}/CodeSystem/information-category", "code": "progress"}]}],
    },
}


def stu3(policy: str, *kinds: str) -> dict[str, Any]:
    """CONSENT in STU3 below a policy, with an exception of each kind."""
    body = consent_down(CONSENT)
    assert body is not None
    body["policyRule"] = f"http://hl7.org/fhir/ConsentPolicy/{policy}"
    (exception,) = body.pop("except")
    return body | ({"except": [{**exception, "type": kind} for kind in kinds]} if kinds else {})


def up(body: dict[str, Any]) -> dict[str, Any]:
    found = consent_up(body)
    assert found is not None
    return found


def test_a_permit_is_an_exception_to_sharing_nothing_and_comes_back_as_it_was() -> None:
    body = consent_down(CONSENT)

    assert body == stu3("opt-out", "permit")
    assert up(body) == CONSENT
    get_fhir_model_class("Consent").model_validate(body)


@pytest.mark.parametrize("policy", ["opt-in", "opt-out"])
def test_a_permit_of_stu3_permits_no_more_than_its_exception_says(policy: str) -> None:
    assert up(stu3(policy, "permit")) == CONSENT


@pytest.mark.parametrize("policy", ["opt-in", "opt-out"])
def test_a_refusal_of_stu3_refuses_whatever_it_is_an_exception_to_and_goes_back_as_it_was(policy: str) -> None:
    body = stu3(policy, "deny")
    (record,) = consents_from_fhir([up(body)])

    assert record.root is not None
    assert record.root.effect is Effect.DENY
    assert not record.not_understood
    assert consent_down(up(body)) == body


def test_a_dissent_of_stu3_is_one_in_r4_and_goes_back_as_it_was() -> None:
    body = stu3("opt-out")
    (record,) = consents_from_fhir([up(body)])

    assert (record.policy_rule, record.root, record.not_understood) == (PolicyRule.OPT_OUT, None, ())
    assert consent_down(up(body)) == body


@pytest.mark.parametrize(
    "body",
    [
        stu3("opt-in"),
        stu3("opt-out", "permit", "deny"),
        stu3("opt-out", "permit") | {"purpose": [{"system": "urn:x", "code": "y"}]},
        stu3("opt-out") | {"actor": [{"reference": {"reference": "Practitioner/p"}}]},
        stu3("of-the-house", "permit"),
    ],
)
def test_what_r4_would_not_mean_the_same_by_stays_unread(body: dict[str, Any]) -> None:
    assert consent_up(body) is None


@pytest.mark.parametrize(
    "body",
    [
        {**CONSENT, "provision": {**CONSENT["provision"], "provision": [{"type": "deny"}]}},
        {**CONSENT, "policyRule": {"coding": [{"system": "urn:of-the-house", "code": "all"}]}},
        {key: value for key, value in CONSENT.items() if key != "provision"},
    ],
    ids=["an exception", "a policy of the house", "nothing said"],
)
def test_what_stu3_cannot_say_is_refused_never_halved(body: dict[str, Any]) -> None:
    assert consent_down(body) is None
    bundle, report = to_stu3(from_fhir([{"resourceType": "Patient", "id": "p"}, body]).network)

    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Patient"]
    assert [issue.code for issue in report if issue.severity == "error"] == ["view-refuses"]
