"""Recording consent as states: what a new grant looks like, and what becomes of the old one.

Each operation answers with *all* states that must be written together, in one transaction: a permit that outlives its
replacement, even for a moment, would share what the family no longer wants shared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import MAXYEAR, datetime

from fhir_plugin.consent.facts import Facts
from fhir_plugin.consent.grantors import Requirement, required_grantors
from fhir_plugin.consent.matching import coding_of, literal
from fhir_plugin.consent.policy import Policy, Signer
from fhir_plugin.consent.request import Action, Confidentiality
from fhir_plugin.errors import UsageError
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.consent import Actor, ConsentRecord, Effect, Interval, Rule, Status
from fhir_plugin.model.dates import Period, day_after, midnight
from fhir_plugin.model.identity import Coding, Identifier, Ref
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.terms import (
    CONSENT_ACTION,
    RESOURCE_TYPES,
    V3_ACT_REASON,
    V3_CONFIDENTIALITY,
    V3_PARTICIPATION,
    AgeBasis,
    CodeSystems,
    InformationCategory,
)

__all__ = ["Grant", "check_grant", "expire", "grant", "replacement", "withdraw"]

_RECIPIENT = Coding(system=V3_PARTICIPATION, code="IRCP", display="information recipient")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the family agrees to, or refuses, in their own terms.

    Attributes:
        figure: with whom (RelatedPerson).
        signed_by: who signs this form; others who must sign may do so on a form of their own.
        categories: what about; at least one.
        valid: from and until which day, both needed (co-4).
        at: when it was signed, an aware instant.
        classes: resource types, where the categories should be narrower still.
        label: up to which confidentiality.
        organization: the institution that keeps the consent.
        source: the signed form, as DocumentReference.
        effect: a refusal holds against whatever else this person signed, whatever the confidentiality.

    Raises:
        ValueError: ``at`` carries no time zone or lies at an end of the calendar.
    """

    child: Ref
    figure: Ref
    signed_by: tuple[Ref, ...]
    categories: tuple[InformationCategory, ...]
    valid: Period
    at: datetime
    actions: tuple[Action, ...] = (Action.ACCESS,)
    purposes: tuple[str, ...] = ("FAMRQT",)
    classes: tuple[str, ...] = ()
    label: Confidentiality = Confidentiality.NORMAL
    organization: Ref | None = None
    source: Ref | None = None
    effect: Effect = Effect.PERMIT

    def __post_init__(self) -> None:
        if self.at.tzinfo is None or not 1 < self.at.year < MAXYEAR:
            raise ValueError("the moment of signing needs a time zone, and to lie within the calendar")


def check_grant(wanted: Grant, facts: Facts, policy: Policy) -> Report:
    """What stands in the way of recording a grant, before anybody tries.

    Errors must be solved first; a warning says that the grant alone will not permit yet.
    """
    return _checked(wanted, facts, required_grantors(facts, policy, wanted.at))


def _checked(wanted: Grant, facts: Facts, needed: Requirement) -> Report:
    required = {literal(grantor.ref): grantor.signer for grantor in needed.grantors}
    signed = {literal(ref) for ref in wanted.signed_by}
    start, end = wanted.valid.start, wanted.valid.end
    permits = wanted.effect is Effect.PERMIT
    incomplete = not wanted.figure.reference or (
        permits and not (wanted.categories and wanted.actions and wanted.purposes)
    )
    findings = (
        (literal(wanted.child) != literal(facts.child), Severity.ERROR, "consent-other-child", "Consent.patient"),
        (bool(needed.gap), Severity.ERROR, needed.gap, "Consent.performer"),
        (not signed - {""}, Severity.ERROR, "consent-without-grantor", "Consent.performer"),
        (not needed.gap and not signed <= set(required), Severity.ERROR, "co-1", "Consent.performer"),
        (incomplete, Severity.ERROR, "consent-grant-incomplete", "Consent.provision"),
        (literal(wanted.figure) in signed, Severity.ERROR, "co-3", "Consent.provision.actor"),
        (start is None or end is None, Severity.ERROR, "co-4", "Consent.provision.period"),
        (_reversed(wanted.valid), Severity.ERROR, "consent-period-reversed", "Consent.provision.period"),
        (
            permits and bool(set(required) - signed) and not needed.gap,
            Severity.WARNING,
            "consent-youth-must-sign"
            if {required[name] for name in set(required) - signed} == {Signer.YOUTH}
            else "consent-others-must-sign",
            "Consent.performer",
        ),
    )
    return Report(
        issues=tuple(
            Issue(severity=severity, code=code, expression=place) for found, severity, code, place in findings if found
        )
    )


def grant(
    wanted: Grant, facts: Facts, policy: Policy, *, record_id: str = "", identifiers: tuple[Identifier, ...] = ()
) -> ConsentRecord:
    """The record of a grant.

    Args:
        wanted: what the family agrees to.
        facts: the child's age and the authority holders, at the moment of signing.
        policy: the age policy it is recorded under.
        record_id: ``urn:uuid:`` by which the same transaction refers to it.
        identifiers: business identifiers it gets.

    Raises:
        UsageError: :func:`check_grant` finds an error; its code is that of the first.
    """
    needed = required_grantors(facts, policy, wanted.at)
    errors = _checked(wanted, facts, needed).of(Severity.ERROR, Severity.FATAL)
    if errors:
        raise UsageError(
            "This consent cannot be recorded.",
            code=errors[0].code,
            where=errors[0].expression,
            remedy="Ask check_grant() first and solve what it names.",
        )
    return ConsentRecord(
        id=record_id,
        identifiers=identifiers,
        subject=wanted.child,
        grantors=wanted.signed_by,
        recorded_at=wanted.at,
        organizations=(wanted.organization,) if wanted.organization else (),
        root=_rule(wanted),
        age_basis=_basis(wanted, needed),
        policy_uri=policy.source,
        source=wanted.source,
    )


def replacement(old: ConsentRecord, new: ConsentRecord) -> tuple[ConsentRecord, ...]:
    """The old consent inactive and the new one beside it: written together or not at all.

    Raises:
        UsageError: the two are about different children, or the old one does not count any more.
    """
    if literal(old.subject) != literal(new.subject):
        raise UsageError(
            "A consent of another child cannot be replaced.",
            code="consent-other-child",
            remedy="Open the record again.",
        )
    return (_inactive(old), new)


def withdraw(record: ConsentRecord, by: Ref, *, remainder_id: str = "") -> tuple[ConsentRecord, ...]:
    """Someone takes their signature back.

    The consent becomes inactive. What others signed on the same form stays theirs: it goes on as a new consent that
    carries their signatures alone.

    Args:
        record: the consent.
        by: one of its grantors.
        remainder_id: ``urn:uuid:`` of the new consent, if one is needed.

    Raises:
        UsageError: this person did not sign it, or it is not active.
    """
    left = tuple(ref for ref in record.grantors if literal(ref) != literal(by))
    if len(left) == len(record.grantors):
        raise UsageError(
            "Only who signed a consent can withdraw it.",
            code="consent-not-a-grantor",
            remedy="Record a refusal of this person instead.",
        )
    inactive = _inactive(record)
    if not left:
        return (inactive,)
    rest = replace(record, id=remainder_id, identifiers=(), grantors=left, verifications=(), carried=_copied(record))
    return (inactive, rest)


def expire(record: ConsentRecord) -> tuple[ConsentRecord, ...]:
    """A consent whose time is over, or whose grantors no longer decide, becomes inactive.

    Raises:
        UsageError: it is not active.
    """
    return (_inactive(record),)


def _copied(record: ConsentRecord) -> Carried | None:
    """What others wrote in the consent, without what makes it that one resource."""
    if record.carried is None:
        return None
    body = record.carried.body()
    for key in ("id", "text", "identifier", "verification"):
        body.pop(key, None)
    meta = body.get("meta")
    if isinstance(meta, dict):
        body["meta"] = {key: value for key, value in meta.items() if key not in ("versionId", "lastUpdated", "source")}
    return Carried({key: value for key, value in body.items() if value != {}})


def _inactive(record: ConsentRecord) -> ConsentRecord:
    if record.status is not Status.ACTIVE:
        raise UsageError(
            "This consent is not active any more.", code="consent-not-active", remedy="Read the record again."
        )
    return replace(record, status=Status.INACTIVE)


def _basis(wanted: Grant, needed: Requirement) -> AgeBasis | None:
    """The signature rule, when the form carries a signature of each kind it asks for (co-1)."""
    signed = {literal(ref) for ref in wanted.signed_by}
    kinds = {grantor.signer for grantor in needed.grantors if literal(grantor.ref) in signed}
    return needed.age_basis if needed.band and kinds >= set(needed.band.signers) else None


def _rule(wanted: Grant) -> Rule:
    start, end = wanted.valid.start, wanted.valid.end
    if start is None or end is None:
        raise UsageError("A consent needs a first and a last day.", code="co-4", remedy="Give both days.")
    labels = (coding_of(V3_CONFIDENTIALITY, wanted.label.value),)
    return Rule(
        effect=wanted.effect,
        period=Interval(start=midnight(start.first_day()), end=midnight(day_after(end.last_day()))),
        actors=(Actor(role=_RECIPIENT, ref=wanted.figure),),
        actions=tuple(coding_of(CONSENT_ACTION, action.value) for action in wanted.actions),
        purposes=tuple(coding_of(V3_ACT_REASON, purpose) for purpose in wanted.purposes),
        classes=tuple(coding_of(RESOURCE_TYPES, name) for name in wanted.classes),
        codes=tuple(coding_of(CodeSystems.INFORMATION_CATEGORY, item.value) for item in wanted.categories),
        security_labels=labels if wanted.effect is Effect.PERMIT else (),
    )


def _reversed(valid: Period) -> bool:
    return valid.start is not None and valid.end is not None and valid.end.last_day() < valid.start.first_day()
