"""Consent in STU3 (https://hl7.org/fhir/STU3/consent.html): a policy rule and a flat list of exceptions to it.

``opt-in`` shares whatever no exception withholds, ``opt-out`` nothing that no exception permits. A permit is therefore
only ever written as an exception to ``opt-out``. Nested provisions have no place in STU3: such a consent is refused,
because writing half of it would permit what it denies.
"""

from __future__ import annotations

import copy

from fhir_plugin.mapping.json import Json, codings, objects, prune, text
from fhir_plugin.model.terms import CONSENT_SCOPE, V3_ACT_CODE

__all__ = ["consent_down", "consent_up"]

_OPT_IN = "http://hl7.org/fhir/ConsentPolicy/opt-in"
_OPT_OUT = "http://hl7.org/fhir/ConsentPolicy/opt-out"
_SAME = (
    "resourceType",
    "id",
    "meta",
    "status",
    "category",
    "patient",
    "dateTime",
    "organization",
    "policy",
    "extension",
)
_RULE = ("type", "period", "actor", "action", "securityLabel", "purpose", "class", "dataPeriod", "data")
_UNDERSTOOD = frozenset({*_SAME, "performer", "provision", "policyRule", "scope", "text", "language", "identifier"})


def consent_down(body: Json) -> Json | None:
    """R4 → STU3; None when STU3 cannot say the same."""
    if set(body) - _UNDERSTOOD or _scope(body) != "patient-privacy":
        return None
    policy, exceptions = _policy(body), _exceptions(body)
    if policy is None or exceptions is None:
        return None
    identifiers = objects(body, "identifier")
    return prune(
        {
            **_copied(body, _SAME),
            **({"identifier": identifiers[0]} if identifiers else {}),
            "consentingParty": body.get("performer", []),
            "policyRule": policy,
            "except": exceptions,
        }
    )


def consent_up(body: Json) -> Json | None:
    """STU3 → R4; None for a consent whose meaning cannot be kept (several exceptions, or terms on the root)."""
    exceptions, policy = objects(body, "except"), text(body, "policyRule")
    terms = {"actor", "action", "period", "purpose", "securityLabel", "dataPeriod", "data"} & set(body)
    rule = exceptions[0] if exceptions else {}
    if terms or len(exceptions) > 1 or policy not in (_OPT_IN, _OPT_OUT) or not (rule or policy == _OPT_OUT):
        return None
    codes = [{"coding": [coding]} for coding in objects(rule, "code")]
    identifier = body.get("identifier")
    return prune(
        {
            **_copied(body, _SAME),
            **({"identifier": [identifier]} if isinstance(identifier, dict) else {}),
            "scope": {"coding": [{"system": CONSENT_SCOPE, "code": "patient-privacy"}]},
            "performer": body.get("consentingParty", []),
            "policyRule": _policy_rule(policy, text(rule, "type")),
            "provision": prune({**_copied(rule, _RULE), "code": codes}),
        }
    )


def _policy(body: Json) -> str | None:
    """What the one exception is an exception to; None where that cannot be told.

    The R4 root says by itself what it does; only a refusal was ever an exception to sharing the rest, and says so.
    """
    if "policyRule" not in body:
        return _OPT_OUT if "provision" in body else None
    rules = {coding.key for coding in codings(body["policyRule"])}
    if rules == {(V3_ACT_CODE, "OPTIN")} and text(body.get("provision"), "type") == "deny":
        return _OPT_IN
    return _OPT_OUT if rules == {(V3_ACT_CODE, "OPTOUT")} and "provision" not in body else None


def _policy_rule(policy: str, kind: str) -> Json:
    """What R4 must say besides its root provision for :func:`_policy` to find the way back."""
    code = "OPTOUT" if not kind else "OPTIN" if kind == "deny" and policy == _OPT_IN else ""
    return {"coding": [{"system": V3_ACT_CODE, "code": code}]} if code else {}


def _exceptions(body: Json) -> list[Json] | None:
    """The root provision as a list of exceptions; None where it says more than one can."""
    if "provision" not in body:
        return []
    rule = body["provision"]
    if not isinstance(rule, dict) or text(rule, "type") not in ("permit", "deny") or not _is_flat(rule):
        return None
    codes = [coding for concept in objects(rule, "code") for coding in objects(concept, "coding")]
    return [prune({**_copied(rule, _RULE), "code": codes})]


def _copied(body: Json, keys: tuple[str, ...]) -> Json:
    return {key: copy.deepcopy(body[key]) for key in keys if key in body}


def _is_flat(rule: Json) -> bool:
    known = {*_RULE, "code"}
    return set(rule) <= known and all(set(concept) <= {"coding"} for concept in objects(rule, "code"))


def _scope(body: Json) -> str:
    return next((text(coding, "code") for coding in objects(body.get("scope"), "coding")), "")
