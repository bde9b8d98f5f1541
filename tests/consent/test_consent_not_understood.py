"""What is not understood in a consent is named, never permits, takes no refusal away, and survives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from consent_cases import POLICY, consent, facts_of, request_of, standard_facts, standard_request
from consent_full import full
from consent_generator import concept

from fhir_plugin.consent import decide
from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent import consent_to_fhir, consents_from_fhir, read_consents
from fhir_plugin.model.consent import Effect, Rule, Status

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


Damage = Callable[[dict[str, Any]], Any]
NOT_UNDERSTOOD: dict[str, tuple[str, Damage]] = {
    "a modifier extension on the consent": (
        "Consent.modifierExtension",
        lambda body: body.update(modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
    ),
    "a modifier extension on a provision": (
        "Consent.provision.modifierExtension",
        lambda body: body["provision"].update(modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
    ),
    "a modifier extension on a nested provision": (
        "Consent.provision.provision[0].modifierExtension",
        lambda body: body["provision"]["provision"][0].update(modifierExtension=[{"url": "urn:x"}]),
    ),
    "a modifier extension on an actor": (
        "Consent.provision.actor[0].modifierExtension",
        lambda body: body["provision"]["actor"][0].update(modifierExtension=[{"url": "urn:x"}]),
    ),
    "implicit rules": ("Consent.implicitRules", lambda body: body.update(implicitRules="urn:rules")),
    "an element of R5": ("Consent.decision", lambda body: body.update(decision="deny")),
    "an unknown element of a provision": (
        "Consent.provision.expression",
        lambda body: body["provision"].update(expression={"expression": "true"}),
    ),
    "an unknown status": ("Consent.status", lambda body: body.update(status="perhaps")),
    "a status of the wrong type": ("Consent.status", lambda body: body.update(status=["active"])),
    "an unknown type": ("Consent.provision.type", lambda body: body["provision"].update(type="maybe")),
    "a nested provision without type": (
        "Consent.provision.provision[0].type",
        lambda body: body["provision"]["provision"][0].pop("type"),
    ),
    "another policy rule without root type": (
        "Consent.policyRule",
        lambda body: (
            body["provision"].pop("type"),
            body.update(policyRule=concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "HIPAANOPP")),
        ),
    ),
    "an action in words": (
        "Consent.provision.action[2]",
        lambda body: body["provision"]["action"].append({"text": "inzien"}),
    ),
    "a purpose without system": (
        "Consent.provision.purpose[0]",
        lambda body: body["provision"]["purpose"][0].pop("system"),
    ),
    "a class of an unknown list": (
        "Consent.provision.class",
        lambda body: body["provision"]["class"][0].update(system="urn:local"),
    ),
    "a security label of another list": (
        "Consent.provision.securityLabel",
        lambda body: body["provision"]["securityLabel"].append(
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
        ),
    ),
    "an unknown confidentiality": (
        "Consent.provision.securityLabel",
        lambda body: body["provision"].update(securityLabel=[{"system": CONFIDENTIALITY, "code": "X"}]),
    ),
    "an actor by identifier": (
        "Consent.provision.actor[0].reference",
        lambda body: body["provision"]["actor"][0].update(reference={"identifier": {"value": "1"}}),
    ),
    "an actor without role": (
        "Consent.provision.actor[0].role",
        lambda body: body["provision"]["actor"][0].pop("role"),
    ),
    "a group as actor": (
        "Consent.provision.actor[0].reference",
        lambda body: body["provision"]["actor"][0].update(reference={"reference": "Group/family"}),
    ),
    "a contained actor": (
        "Consent.provision.actor[0].reference",
        lambda body: body["provision"]["actor"][0].update(reference={"reference": "#o"}),
    ),
    "data with an unknown meaning": (
        "Consent.provision.data[0]",
        lambda body: body["provision"]["data"][0].update(meaning="near"),
    ),
    "an unreadable end": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"end": "31-12-2026"}),
    ),
    "an end without zone": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"end": "2026-12-31T12:00:00"}),
    ),
    "an end that is absent with a reason": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"_end": {"extension": [{"url": "urn:dar"}]}}),
    ),
    "a period that ends before it begins": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"start": "2026-12", "end": "2026-01"}),
    ),
    "a period that ends the day before it begins": (
        "Consent.provision.period",
        lambda body: body["provision"].update(period={"start": "2026-06-02", "end": "2026-06-01"}),
    ),
    "a period that is a string": (
        "Consent.provision.dataPeriod",
        lambda body: body["provision"].update(dataPeriod="2026"),
    ),
    "an empty list of actors": ("Consent.provision.actor", lambda body: body["provision"].update(actor=[])),
    "a provision that is a list": ("Consent.provision", lambda body: body.update(provision=[body["provision"]])),
    "nested provisions that are no list": (
        "Consent.provision.provision",
        lambda body: body["provision"].update(provision={"type": "deny"}),
    ),
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_named_never_permits_and_survives(name: str) -> None:
    path, damage = NOT_UNDERSTOOD[name]
    body = full()
    damage(body)
    (record,), report = read_consents([body])

    assert path in record.not_understood
    assert path in {issue.expression for issue in report}
    assert report.has_errors
    assert not decide(request_of(standard_request()), [record], facts_of(standard_facts()), POLICY)
    assert consent_to_fhir(record) == body


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_a_refusal_in_a_consent_that_is_not_understood_still_refuses(name: str) -> None:
    _, damage = NOT_UNDERSTOOD[name]
    body = full()
    body["provision"]["type"] = "deny"
    damage(body)
    request = request_of(
        standard_request(
            code="progress",
            data=[{"reference": "CarePlan/plan"}],
            data_period=["2026-01-01", "2026-01-31"],
        )
    )
    records = consents_from_fhir([consent(2), body])

    if "another policy rule" not in name:
        assert not decide(request, records, facts_of(standard_facts()), POLICY)


def test_a_provision_that_is_not_understood_can_be_ended_but_not_rewritten() -> None:
    body = full()
    body["provision"]["modifierExtension"] = [{"url": "urn:x", "valueBoolean": True}]
    (record,) = consents_from_fhir([body])

    assert consent_to_fhir(replace(record, status=Status.INACTIVE))["status"] == "inactive"
    with pytest.raises(MappingError):
        consent_to_fhir(replace(record, root=Rule(effect=Effect.DENY)))
