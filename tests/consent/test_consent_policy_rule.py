"""``policyRule`` decides where the root has no type: a dissent refuses, an assent permits nothing by itself."""

from __future__ import annotations

from typing import Any

import pytest
from consent_cases import POLICY, consent, facts_of, request_of, standard_facts, standard_request

from fhir_plugin.consent import Reason, Refusal, decide
from fhir_plugin.mapping.consent import consents_from_fhir


def without_provision(rule: str) -> dict[str, Any]:
    body = consent(2, policy=rule)
    del body["provision"]
    return body


@pytest.mark.parametrize("purpose", ["FAMRQT", "BTG"])
@pytest.mark.parametrize("rule", ["OPTOUT", "OPTOUTE"])
def test_who_dissented_refuses_whatever_else_they_signed(rule: str, purpose: str) -> None:
    records = consents_from_fhir([consent(1), without_provision(rule)])
    answer = decide(request_of(standard_request(purpose=purpose)), records, facts_of(standard_facts()), POLICY)

    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.DENIED
    assert [(ground.consent, ground.provision) for ground in answer.grounds] == [("consent-2", "Consent.policyRule")]


def test_an_assent_alone_permits_nothing_and_takes_nothing_away() -> None:
    request, facts = request_of(standard_request()), facts_of(standard_facts())

    assert not decide(request, consents_from_fhir([without_provision("OPTIN")]), facts, POLICY)
    assert decide(request, consents_from_fhir([consent(1), without_provision("OPTIN")]), facts, POLICY)
