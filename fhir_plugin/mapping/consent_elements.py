"""R4 Consent, element by element (https://hl7.org/fhir/R4/consent-definitions.html)."""

from __future__ import annotations

from typing import Any

from fhir_plugin.mapping.consent_dates import instant_to_fhir, read_span
from fhir_plugin.mapping.consent_doubts import BACKBONE, Doubts
from fhir_plugin.mapping.consent_reading import read_rule
from fhir_plugin.mapping.consent_spelling import COMMON, Rules, Spelling
from fhir_plugin.mapping.consent_writing import write_rule
from fhir_plugin.mapping.extensions import read_code, single_code
from fhir_plugin.mapping.json import Json, codings, listed, objects, prune, put_text, reference_to_json, text
from fhir_plugin.mapping.lens import ItemLens, Lens, list_lens
from fhir_plugin.model.consent import PolicyRule, Scope, Status, Verification
from fhir_plugin.model.identity import Identifier, Ref
from fhir_plugin.model.terms import (
    BSN_SYSTEMS,
    CONSENT_SCOPE,
    LOINC,
    V3_ACT_CODE,
    AgeBasis,
    Extensions,
    Profiles,
)

__all__ = [
    "AGE_BASIS",
    "CATEGORIES",
    "IDENTIFIERS",
    "R4_CONSENT",
    "examine_people",
    "literal_ref",
    "references",
    "scope_of_profile",
    "subject_lens",
    "write_status",
]

CATEGORIES: tuple[Json, ...] = (
    {"coding": [{"system": LOINC, "code": "59284-0", "display": "Consent Document"}]},
    {"coding": [{"system": V3_ACT_CODE, "code": "IDSCL", "display": "information disclosure"}]},
)
"""What kind of consent ours are."""
SUPPORT_CONSENT: Json = {"meta": {"profile": [Profiles.CONSENT]}, "category": list(CATEGORIES)}
"""What a consent of ours says besides its record."""

_POLICY_RULES = {"OPTIN": PolicyRule.OPT_IN, "OPTOUT": PolicyRule.OPT_OUT, "OPTOUTE": PolicyRule.OPT_OUT}
_TREATMENT_PROFILES = ("nl-core-TreatmentDirective", "nl-core-AdvanceDirective", "zib-TreatmentDirective")
"""Dutch profiles on Consent that are never about privacy, whatever their scope says."""


def read_status(body: Json, doubts: Doubts | None = None) -> Status:
    """The status. One that FHIR does not know is read as active and not understood: it may refuse, never permit."""
    try:
        return Status(body.get("status", ""))
    except (ValueError, TypeError):
        if doubts:
            doubts.doubt("Consent.status")
        return Status.ACTIVE


def read_scope(body: Json, doubts: Doubts | None = None) -> Scope:
    """What the consent is about; only an unmistakable ``patient-privacy`` is a privacy consent."""
    declared = scope_of_profile(body)
    if declared is not None:
        return declared
    found = {read_code(coding.code, Scope) for coding in codings(body.get("scope")) if coding.system == CONSENT_SCOPE}
    scope = found.pop() if len(found) == 1 else None
    if scope is None and doubts:
        doubts.warn("Consent.scope", "consent-scope-unknown")
    return scope or Scope.OTHER


def scope_of_profile(body: Json) -> Scope | None:
    """The scope that a claimed Dutch profile implies, whatever ``scope`` or ``category`` says."""
    meta = body.get("meta")
    for profile in listed(meta, "profile") if isinstance(meta, dict) else []:
        if isinstance(profile, str) and profile.rsplit("/", 1)[-1].startswith(_TREATMENT_PROFILES):
            return Scope.ADVANCE_DIRECTIVE if "Advance" in profile else Scope.TREATMENT
    return None


def read_policy_rule(body: Json, doubts: Doubts | None = None, *, needed: bool = True) -> PolicyRule | None:
    """``policyRule``, where it is an assent or a dissent; one *with exceptions* has them in the provisions.

    Args:
        body: the Consent.
        doubts: where to say that another rule decides.
        needed: whether the root states no effect, so that this rule is what decides.
    """
    if "policyRule" not in body:
        return None
    known = (coding.code for coding in codings(body["policyRule"]) if coding.system == V3_ACT_CODE)
    found = {_POLICY_RULES[code] for code in known if code in _POLICY_RULES}
    if len(found) == 1:
        return found.pop()
    if needed and doubts:
        doubts.doubt("Consent.policyRule")
    return None


def literal_ref(raw: Any) -> Ref | None:
    """A literal reference to another resource, or None."""
    reference = text(raw, "reference")
    return Ref(reference=reference, display=text(raw, "display")) if reference and reference[0] != "#" else None


def references(name: str, key: str) -> Lens[tuple[Ref, ...]]:
    """A list of literal references; one that changes is written anew, with nothing left of who stood there before."""
    item: ItemLens[Ref] = ItemLens(literal_ref, lambda ref, _: reference_to_json(ref))
    return list_lens(name, key, key, item)


def subject_lens(key: str) -> Lens[Ref]:
    """The child the consent is about."""

    def get(body: Json) -> Ref:
        return literal_ref(body.get(key)) or Ref()

    def write(body: Json, value: Ref) -> None:
        body[key] = reference_to_json(value)

    return Lens("subject", key, get, write)


def examine_people(body: Json, doubts: Doubts, *, subject: str, grantors: str) -> None:
    """Warn about a consent that nobody gave, or that is about nobody: it counts for nothing."""
    if literal_ref(body.get(subject)) is None:
        doubts.warn(f"Consent.{subject}", "consent-without-patient")
    held = listed(body, grantors)
    readable = [raw for raw in held if literal_ref(raw)]
    if not readable:
        doubts.warn(f"Consent.{grantors}", "consent-without-grantor")
    elif len(readable) < len(held):
        doubts.warn(f"Consent.{grantors}", "consent-grantor-unreadable")


def _read_identifier(raw: Json) -> Identifier | None:
    system, value = text(raw, "system"), text(raw, "value")
    return Identifier(system=system, value=value) if system and value and system not in BSN_SYSTEMS else None


def _write_identifier(value: Identifier, held: Json | None) -> Json:
    return {**(held or {}), "system": value.system, "value": value.value}


def write_status(body: Json, value: Status) -> None:
    """Set the status; extensions on the old one go with it."""
    put_text(body, "status", value.value)
    body.pop("_status", None)


def _write_scope(body: Json, value: Scope) -> None:
    body["scope"] = {"coding": [{"system": CONSENT_SCOPE, "code": value.value}]}


def _get_moment(body: Json) -> Any:
    span = read_span(body.get("dateTime"))
    return span[0] if span else None


def _write_moment(body: Json, value: Any) -> None:
    put_text(body, "dateTime", instant_to_fhir(value) if value else "")


def _get_source(body: Json) -> Ref | None:
    return literal_ref(body.get("sourceReference"))


def _write_source(body: Json, value: Ref | None) -> None:
    body.pop("sourceReference", None)
    if value is not None:
        body.pop("sourceAttachment", None)
        body["sourceReference"] = reference_to_json(value)


def _get_policy(body: Json) -> str:
    return next((text(item, "uri") for item in objects(body, "policy") if text(item, "uri")), "")


def _write_policy(body: Json, value: str) -> None:
    kept = [item for item in listed(body, "policy") if text(item, "uri") != _get_policy(body)]
    body.update(prune({"policy": [*([{"uri": value}] if value else []), *kept]}))
    if not value and not kept:
        body.pop("policy", None)


def _write_policy_rule(body: Json, value: PolicyRule | None) -> None:
    body.pop("policyRule", None)
    if value is not None:
        body["policyRule"] = {"coding": [{"system": V3_ACT_CODE, "code": value.value}]}


def _get_rules(body: Json) -> Rules:
    return read_policy_rule(body), read_rule(body["provision"], Doubts("")) if "provision" in body else None


def _write_rules(body: Json, value: Rules) -> None:
    policy_rule, root = value
    if read_policy_rule(body) is not policy_rule:
        _write_policy_rule(body, policy_rule)
    if _get_rules(body)[1] == root:
        return
    held = body.get("provision")
    if root is None:
        body.pop("provision", None)
    else:
        body["provision"] = write_rule(held if isinstance(held, dict) else {}, root)


def _examine(body: Json, doubts: Doubts) -> Rules:
    root = read_rule(body["provision"], doubts) if "provision" in body else None
    read_status(body, doubts)
    read_scope(body, doubts)
    examine_people(body, doubts, subject="patient", grantors="performer")
    doubts.moment(body, "dateTime", "Consent")
    return read_policy_rule(body, doubts, needed=root is None or root.effect is None), root


def _read_verification(raw: Json) -> Verification | None:
    verified, span = raw.get("verified"), read_span(raw.get("verificationDate"))
    if not isinstance(verified, bool):
        return None
    return Verification(
        verified=verified, verified_with=literal_ref(raw.get("verifiedWith")), at=span[0] if span else None
    )


def _write_verification(value: Verification, _: Json | None) -> Json:
    body: Json = {"verified": value.verified}
    if value.verified_with is not None:
        body["verifiedWith"] = reference_to_json(value.verified_with)
    if value.at is not None:
        body["verificationDate"] = instant_to_fhir(value.at)
    return body


IDENTIFIERS: Lens[tuple[Identifier, ...]] = list_lens(
    "identifiers", "identifier", "identifier", ItemLens(_read_identifier, _write_identifier)
)
AGE_BASIS: Lens[AgeBasis | None] = single_code("age_basis", "extension", Extensions.AGE_BASIS, AgeBasis)

VERIFICATIONS: Lens[tuple[Verification, ...]] = list_lens(
    "verifications", "verification", "verification", ItemLens(_read_verification, _write_verification)
)

R4_CONSENT = Spelling(
    known=BACKBONE
    | COMMON
    | {"scope", "patient", "dateTime", "performer", "organization", "sourceAttachment", "sourceReference"}
    | {"policy", "policyRule", "verification", "provision"},
    lenses=(
        AGE_BASIS,
        IDENTIFIERS,
        Lens("status", "status", read_status, write_status),
        Lens("scope", "scope", read_scope, _write_scope),
        subject_lens("patient"),
        Lens("recorded_at", "dateTime", _get_moment, _write_moment),
        references("grantors", "performer"),
        references("organizations", "organization"),
        Lens("source", "sourceReference", _get_source, _write_source),
        Lens("policy_uri", "policy.uri", _get_policy, _write_policy),
        VERIFICATIONS,
    ),
    rules=Lens("rules", "provision", _get_rules, _write_rules),
    examine=_examine,
    native=frozenset({"scope", "patient", "dateTime", "performer", "policyRule", "policy"}),
    template=SUPPORT_CONSENT,
)
"""Of all elements of R4 only ``implicitRules`` is not known: it can change the meaning of all others."""
