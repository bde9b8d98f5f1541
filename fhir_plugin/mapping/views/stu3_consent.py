"""Consent in STU3 (https://hl7.org/fhir/STU3/consent.html): a policy rule and a flat list of exceptions to it.

An R4 root provision becomes one exception to opt-in or opt-out. Nested provisions have no place in STU3: such a consent
is refused, because writing half of it would permit what it denies.
"""

from __future__ import annotations

import copy

from fhir_plugin.mapping.json import Json, objects, prune, text
from fhir_plugin.model.terms import CONSENT_SCOPE

__all__ = ["consent_down", "consent_up"]

_POLICY = {
    "permit": "http://hl7.org/fhir/ConsentPolicy/opt-in",
    "deny": "http://hl7.org/fhir/ConsentPolicy/opt-out",
}
_SAME = ("resourceType", "id", "meta", "status", "category", "patient", "dateTime", "organization", "policy")
_RULE = ("type", "period", "actor", "action", "securityLabel", "purpose", "class", "dataPeriod", "data")
_UNDERSTOOD = frozenset({*_SAME, "performer", "provision", "scope", "text", "language", "extension", "identifier"})


def consent_down(body: Json) -> Json | None:
    """R4 → STU3; None when STU3 cannot say the same."""
    rule = body.get("provision")
    if not isinstance(rule, dict) or text(rule, "type") not in _POLICY or not _is_flat(rule):
        return None
    if set(body) - _UNDERSTOOD or _scope(body) != "patient-privacy":
        return None
    flat = {key: copy.deepcopy(rule[key]) for key in _RULE if key in rule}
    codes = [coding for concept in objects(rule, "code") for coding in objects(concept, "coding")]
    identifiers = objects(body, "identifier")
    return prune(
        {
            **{key: copy.deepcopy(body[key]) for key in _SAME if key in body},
            **({"extension": body["extension"]} if "extension" in body else {}),
            **({"identifier": identifiers[0]} if identifiers else {}),
            "consentingParty": body.get("performer", []),
            "policyRule": _POLICY[text(rule, "type")],
            "except": [{**flat, **({"code": codes} if codes else {})}],
        }
    )


def consent_up(body: Json) -> Json | None:
    """STU3 → R4; None for a consent whose meaning cannot be kept (several exceptions, or terms on the root)."""
    exceptions = objects(body, "except")
    terms = {"actor", "action", "period", "purpose", "securityLabel", "dataPeriod", "data"} & set(body)
    if len(exceptions) != 1 or terms:
        return None
    rule = exceptions[0]
    if text(body, "policyRule") != _POLICY.get(text(rule, "type")):
        return None
    codes = [{"coding": [coding]} for coding in objects(rule, "code")]
    identifier = body.get("identifier")
    return prune(
        {
            **{key: copy.deepcopy(body[key]) for key in _SAME if key in body},
            **({"extension": body["extension"]} if "extension" in body else {}),
            **({"identifier": [identifier]} if isinstance(identifier, dict) else {}),
            "scope": {"coding": [{"system": CONSENT_SCOPE, "code": "patient-privacy"}]},
            "performer": body.get("consentingParty", []),
            "provision": {**{key: copy.deepcopy(rule[key]) for key in _RULE if key in rule}, "code": codes}
            if codes
            else {key: copy.deepcopy(rule[key]) for key in _RULE if key in rule},
        }
    )


def _is_flat(rule: Json) -> bool:
    known = {*_RULE, "code"}
    return set(rule) <= known and all(set(concept) <= {"coding"} for concept in objects(rule, "code"))


def _scope(body: Json) -> str:
    return next((text(coding, "code") for coding in objects(body.get("scope"), "coding")), "")
