"""Consent as a neutral record: who permits or denies what, to whom, from when until when.

The shape is that of FHIR Consent (R4 provisions, R5 decision and nested provisions) without either's spelling: a
policy rule, rules with conditions, and exceptions to rules. What a source cannot express in it is listed in
``not_understood``; a record with anything there never permits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fhir_plugin.model.carried import Carried
from fhir_plugin.model.identity import Coding, Identifier, Ref
from fhir_plugin.model.terms import AgeBasis

__all__ = [
    "Actor",
    "ConsentRecord",
    "DataRef",
    "Effect",
    "Interval",
    "PolicyRule",
    "Rule",
    "Scope",
    "Status",
    "Verification",
]


class Effect(StrEnum):
    """What a rule does when it applies."""

    PERMIT = "permit"
    DENY = "deny"


class Status(StrEnum):
    """Lifecycle (http://hl7.org/fhir/consent-state-codes)."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    ACTIVE = "active"
    REJECTED = "rejected"
    INACTIVE = "inactive"
    ENTERED_IN_ERROR = "entered-in-error"


class Scope(StrEnum):
    """What the consent is about; only privacy consents count here (trap: treatment directives are Consents too)."""

    PRIVACY = "patient-privacy"
    TREATMENT = "treatment"
    RESEARCH = "research"
    ADVANCE_DIRECTIVE = "adr"
    OTHER = "other"


class PolicyRule(StrEnum):
    """What a consent says where no provision of it speaks (FHIR ``policyRule``; codes of v3-ActCode).

    ``OPT_IN`` assents to terms that stand elsewhere, so it permits nothing by itself. ``OPT_OUT`` is the grantor's
    dissent: it refuses (http://terminology.hl7.org/CodeSystem/v3-ActCode).
    """

    OPT_IN = "OPTIN"
    OPT_OUT = "OPTOUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two aware instants, start inclusive, end exclusive; None is open.

    A date end has been widened at the edge: ``2026-06`` ends at 2026-07-01T00:00 Europe/Amsterdam.

    Raises:
        ValueError: an instant carries no time zone.
    """

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if any(instant is not None and instant.tzinfo is None for instant in (self.start, self.end)):
            raise ValueError("an instant needs a time zone")

    def contains(self, instant: datetime) -> bool:
        """Whether the instant lies within."""
        return (self.start is None or self.start <= instant) and (self.end is None or instant < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whom a rule is about: a participation role and a reference (a person, or a CareTeam by membership)."""

    role: Coding | None = None
    ref: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRef:
    """Particular data a rule is about: ``meaning`` is instance, related, dependents or authoredby."""

    meaning: str
    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One provision. It applies when every condition it states holds; an absent condition restricts nothing.

    Attributes:
        effect: permit or deny; None when the source left it out (only sensible on a root).
        exceptions: nested rules; the deepest applicable one wins, among siblings deny wins.
    """

    effect: Effect | None
    period: Interval | None = None
    actors: tuple[Actor, ...] = ()
    actions: tuple[Coding, ...] = ()
    purposes: tuple[Coding, ...] = ()
    classes: tuple[Coding, ...] = ()
    codes: tuple[Coding, ...] = ()
    security_labels: tuple[Coding, ...] = ()
    data_period: Interval | None = None
    data: tuple[DataRef, ...] = ()
    exceptions: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Someone checked the consent with the one who gave it, or tried to. It plays no part in decisions."""

    verified: bool
    verified_with: Ref | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """One consent, whatever it came from.

    Attributes:
        id: logical id; empty while new.
        subject: the child (a Patient reference).
        grantors: who gave it (FHIR performer), Patient or RelatedPerson references.
        recorded_at: when it was given (FHIR dateTime), an aware instant; None where unknown.
        policy_rule: what holds where the root states no effect; None if nothing is said.
        root: the root rule; None when the source has no provision.
        age_basis: the signature rule it was recorded under, where stated.
        policy_uri: the policy document it refers to.
        source: the signed form (a DocumentReference), where it is kept apart.
        not_understood: FHIRPath of every element that could change the decision and is not in this model.

    Raises:
        ValueError: ``recorded_at`` carries no time zone.
    """

    id: str = ""
    identifiers: tuple[Identifier, ...] = ()
    status: Status = Status.ACTIVE
    scope: Scope = Scope.PRIVACY
    subject: Ref
    grantors: tuple[Ref, ...] = ()
    recorded_at: datetime | None = None
    organizations: tuple[Ref, ...] = ()
    policy_rule: PolicyRule | None = None
    root: Rule | None = None
    age_basis: AgeBasis | None = None
    policy_uri: str = ""
    source: Ref | None = None
    verifications: tuple[Verification, ...] = ()
    not_understood: tuple[str, ...] = ()
    carried: Carried | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.recorded_at is not None and self.recorded_at.tzinfo is None:
            raise ValueError("the moment a consent was given needs a time zone")

    @property
    def version(self) -> str:
        """Version as last read; empty for a new one."""
        return self.carried.version if self.carried else ""
