"""R5 Consent, element by element (https://hl7.org/fhir/R5/consent-definitions.html)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent_dates import instant_to_fhir, read_span, write_interval
from fhir_plugin.mapping.consent_dialect import R5
from fhir_plugin.mapping.consent_doubts import BACKBONE, Doubts
from fhir_plugin.mapping.consent_elements import (
    AGE_BASIS,
    CATEGORIES,
    IDENTIFIERS,
    examine_people,
    literal_ref,
    references,
    scope_of_profile,
    subject_lens,
    write_status,
)
from fhir_plugin.mapping.consent_reading import read_rule
from fhir_plugin.mapping.consent_spelling import COMMON, Rules, Spelling
from fhir_plugin.mapping.consent_writing import write_rule
from fhir_plugin.mapping.extensions import read_code
from fhir_plugin.mapping.json import Json, codings, extension, listed, objects, reference_to_json, text
from fhir_plugin.mapping.lens import ItemLens, Lens, list_lens
from fhir_plugin.model.consent import Effect, Interval, PolicyRule, Rule, Scope, Status, Verification
from fhir_plugin.model.dates import AMSTERDAM, midnight
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import CONSENT_SCOPE, LOINC, V3_ACT_CODE

__all__ = ["R5_CONSENT"]

_MOMENT = "http://hl7.org/fhir/4.0/StructureDefinition/extension-Consent.dateTime"
"""R5 knows only the day; the cross-version extension keeps the moment."""
_STATUSES = {
    "draft": Status.DRAFT,
    "active": Status.ACTIVE,
    "inactive": Status.INACTIVE,
    "not-done": Status.INACTIVE,
    "entered-in-error": Status.ENTERED_IN_ERROR,
}
_PRIVACY_CATEGORIES = frozenset({(LOINC, "59284-0"), (V3_ACT_CODE, "IDSCL")})
_OPPOSITE = {Effect.PERMIT: Effect.DENY, Effect.DENY: Effect.PERMIT}


def _read_status(body: Json, doubts: Doubts | None = None) -> Status:
    status = _STATUSES.get(text(body, "status"))
    if status is None and doubts:
        doubts.doubt("Consent.status")
    return status or Status.ACTIVE


def _write_status(body: Json, value: Status) -> None:
    if value not in _STATUSES.values():
        raise _cannot("Consent.status", "R5 knows no consent that is proposed or rejected.")
    write_status(body, value)


def _read_scope(body: Json, doubts: Doubts | None = None) -> Scope:
    """R5 has no scope: the R4 code lives on as a category, and a consent document about disclosure is one too."""
    declared = scope_of_profile(body)
    if declared is not None:
        return declared
    found = [coding for concept in objects(body, "category") for coding in codings(concept)]
    scopes = {read_code(coding.code, Scope) or Scope.OTHER for coding in found if coding.system == CONSENT_SCOPE}
    if not scopes and any(coding.key in _PRIVACY_CATEGORIES for coding in found):
        return Scope.PRIVACY
    scope = scopes.pop() if len(scopes) == 1 else None
    if scope is None and doubts:
        doubts.warn("Consent.category", "consent-scope-unknown")
    return scope or Scope.OTHER


def _write_scope(body: Json, value: Scope) -> None:
    if value is Scope.OTHER:
        raise _cannot("Consent.category", "A scope that FHIR does not know.")
    kept = [
        concept
        for concept in listed(body, "category")
        if not any(coding.system == CONSENT_SCOPE for coding in codings(concept))
    ]
    body["category"] = [*kept, {"coding": [{"system": CONSENT_SCOPE, "code": value.value}]}]


def _get_moment(body: Json) -> datetime | None:
    exact = extension(body.get("_date"), _MOMENT)
    span = read_span(exact.get("valueDateTime") if exact else body.get("date"))
    return span[0] if span else None


def _write_moment(body: Json, value: datetime | None) -> None:
    held = body.pop("_date", None)
    kept = [item for item in objects(held, "extension") if item.get("url") != _MOMENT]
    body.pop("date", None)
    if value is not None:
        local = value.astimezone(AMSTERDAM)
        body["date"] = local.date().isoformat()
        if local != midnight(local.date()):
            kept.append({"url": _MOMENT, "valueDateTime": instant_to_fhir(value)})
    if kept:
        body["_date"] = {"extension": kept}


def _get_source(body: Json) -> Ref | None:
    return next((ref for raw in listed(body, "sourceReference") if (ref := literal_ref(raw))), None)


def _write_source(body: Json, value: Ref | None) -> None:
    body.pop("sourceReference", None)
    if value is not None:
        body["sourceReference"] = [reference_to_json(value)]


def _get_policy(body: Json) -> str:
    return text(body.get("policyBasis"), "url")


def _write_policy(body: Json, value: str) -> None:
    held = body.get("policyBasis")
    basis = {**(held if isinstance(held, dict) else {}), "url": value}
    body["policyBasis"] = {key: item for key, item in basis.items() if item}
    if not body["policyBasis"]:
        del body["policyBasis"]


def _read_verification(raw: Json) -> Verification | None:
    verified = raw.get("verified")
    if not isinstance(verified, bool):
        return None
    spans = [span for span in map(read_span, listed(raw, "verificationDate")) if span]
    return Verification(
        verified=verified, verified_with=literal_ref(raw.get("verifiedWith")), at=spans[0][0] if spans else None
    )


def _write_verification(value: Verification, _: Json | None) -> Json:
    body: Json = {"verified": value.verified}
    if value.verified_with is not None:
        body["verifiedWith"] = reference_to_json(value.verified_with)
    if value.at is not None:
        body["verificationDate"] = [instant_to_fhir(value.at)]
    return body


def _read_rules(body: Json, doubts: Doubts) -> Rules:
    """``decision`` is what holds where no provision applies; provisions turn it around.

    A bare decision is the grantor's own word. One with exceptions is only their background, like OPTIN: it refuses
    nobody whom the exceptions do not reach. A single exception to a refusal is a permit.
    """
    decision = body.get("decision")
    if decision not in ("permit", "deny"):
        if "decision" in body or "provision" in body:
            doubts.doubt("Consent.decision")
        return None, Rule(effect=Effect.DENY) if "decision" in body else None
    effect = Effect(decision)
    period = doubts.interval(body, "period", "Consent")
    holder = {key: body[key] for key in ("provision",) if key in body}
    exceptions = read_rule(holder, doubts, R5, path="Consent", effect=effect).exceptions
    if effect is Effect.PERMIT or not exceptions:
        return None, Rule(effect=effect, period=period, exceptions=exceptions)
    if len(exceptions) == 1 and (period is None or exceptions[0].period is None):
        return None, replace(exceptions[0], period=period or exceptions[0].period)
    return PolicyRule.OPT_IN, Rule(effect=None, period=period, exceptions=exceptions)


def _get_rules(body: Json) -> Rules:
    return _read_rules(body, Doubts(""))


def _write_rules(body: Json, value: Rules) -> None:
    decision, period, exceptions = _expressed(*value)
    body["decision"] = decision.value
    held = body.get("period")
    if period is not None:
        body["period"] = write_interval(held if isinstance(held, dict) else {}, period)
    else:
        body.pop("period", None)
    provisions = {"provision": body["provision"]} if isinstance(body.get("provision"), list) else {}
    written = write_rule(provisions, Rule(effect=decision, exceptions=exceptions), R5)
    body.pop("provision", None)
    body.update(written)


def _expressed(policy_rule: PolicyRule | None, root: Rule | None) -> tuple[Effect, Interval | None, tuple[Rule, ...]]:
    """Decision, period and provisions that mean the same.

    Raises:
        MappingError: nothing in R5 means the same.
    """
    by_policy = Effect.DENY if policy_rule is PolicyRule.OPT_OUT else None
    if root is None:
        if by_policy is None:
            raise _cannot("Consent.provision", "R5 has no consent that says nothing.")
        return by_policy, None, ()
    effect = root.effect or by_policy
    bare = root == Rule(effect=root.effect, period=root.period, exceptions=root.exceptions)
    if effect is Effect.PERMIT:
        _require_turns(root.exceptions, Effect.DENY)
        whole = replace(root, effect=Effect.PERMIT, period=None)
        return (Effect.PERMIT, root.period, root.exceptions) if bare else (Effect.DENY, root.period, (whole,))
    if not bare or bool(root.exceptions) is (effect is Effect.DENY):
        raise _cannot("Consent.provision", "R5 cannot limit a refusal, nor surround one with silence.")
    _require_turns(root.exceptions, Effect.PERMIT)
    return Effect.DENY, root.period, root.exceptions


def _require_turns(rules: tuple[Rule, ...], effect: Effect) -> None:
    for rule in rules:
        if rule.effect is not effect:
            raise _cannot("Consent.provision.provision", "In R5 an exception always turns the effect around.")
        _require_turns(rule.exceptions, _OPPOSITE[effect])


def _examine(body: Json, doubts: Doubts) -> Rules:
    _read_status(body, doubts)
    _read_scope(body, doubts)
    examine_people(body, doubts, subject="subject", grantors="grantor")
    doubts.moment(body, "date", "Consent")
    return _read_rules(body, doubts)


def _cannot(where: str, message: str) -> MappingError:
    return MappingError(message, code="consent-not-in-r5", where=where, remedy="Exchange this consent as R4.")


R5_CONSENT = Spelling(
    known=BACKBONE
    | COMMON
    | {"subject", "date", "period", "grantor", "manager", "controller", "sourceAttachment", "sourceReference"}
    | {"regulatoryBasis", "policyBasis", "policyText", "verification", "decision", "provision"},
    lenses=(
        AGE_BASIS,
        IDENTIFIERS,
        Lens("status", "status", _read_status, _write_status),
        Lens("scope", "category", _read_scope, _write_scope),
        subject_lens("subject"),
        Lens("recorded_at", "date", _get_moment, _write_moment),
        references("grantors", "grantor"),
        references("organizations", "manager"),
        Lens("source", "sourceReference", _get_source, _write_source),
        Lens("policy_uri", "policyBasis.url", _get_policy, _write_policy),
        list_lens("verifications", "verification", "verification", ItemLens(_read_verification, _write_verification)),
    ),
    rules=Lens("rules", "decision", _get_rules, _write_rules),
    examine=_examine,
    native=frozenset({"subject", "decision", "grantor", "date", "period", "manager", "policyBasis"}),
    template={"category": list(CATEGORIES)},
)
"""``grantee`` is not known here: it may narrow to whom a consent applies."""
