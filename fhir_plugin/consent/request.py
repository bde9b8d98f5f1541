"""What somebody asks: one figure, one action, one purpose, at one instant, about data of one child."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from fhir_plugin.model.consent import Interval
from fhir_plugin.model.identity import Coding, Ref

__all__ = ["BREAK_GLASS", "AccessRequest", "Action", "Confidentiality", "DataItem"]

BREAK_GLASS = "BTG"
"""v3-ActReason: access in an emergency; only where a provision names it, and always audited."""


class Action(StrEnum):
    """Value space of Consent.provision.action (http://terminology.hl7.org/CodeSystem/consentaction)."""

    COLLECT = "collect"
    ACCESS = "access"
    USE = "use"
    DISCLOSE = "disclose"
    CORRECT = "correct"


class Confidentiality(StrEnum):
    """Ordered confidentiality of data (http://terminology.hl7.org/CodeSystem/v3-Confidentiality)."""

    UNRESTRICTED = "U"
    LOW = "L"
    MODERATE = "M"
    NORMAL = "N"
    RESTRICTED = "R"
    VERY_RESTRICTED = "V"

    @property
    def rank(self) -> int:
        """Place in the order U < L < M < N < R < V, from 0."""
        return "ULMNRV".index(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataItem:
    """One resource that is asked for, with what is known of its ties (https://hl7.org/fhir/R4/valueset-consent-data-meaning.html).

    ``None`` means unknown: then a permit that depends on it does not apply and a refusal that depends on it does.

    Attributes:
        refers_to: what it refers to (for the meaning ``dependents``).
        referred_by: what refers to it (for the meaning ``related``).
        authors: who wrote it (for the meaning ``authoredby``).
    """

    ref: Ref
    refers_to: frozenset[Ref] | None = None
    referred_by: frozenset[Ref] | None = None
    authors: frozenset[Ref] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One question to the decider.

    What is left out is unknown, which never helps the one who asks: no permit is met by it and every refusal is.
    Several classes, codes or items ask for each combination of them, and all must be permitted.

    Attributes:
        child: the Patient whose data it is.
        actor: the figure who would receive it (RelatedPerson).
        purpose: v3-ActReason code such as ``FAMRQT``; ``BTG`` is break-glass.
        classes: resource types, such as ``CarePlan``.
        codes: what the data is about: information categories, LOINC or SNOMED codes.
        label: confidentiality of the data.
        at: the moment of decision, an aware instant; kept in UTC, so that an hour that comes twice is told apart.
        data_period: the time the data is about.

    Raises:
        ValueError: ``at`` carries no time zone or lies at an end of the calendar; an action or label that FHIR does
            not know.
    """

    child: Ref
    actor: Ref
    action: Action
    purpose: str
    at: datetime
    classes: tuple[str, ...] = ()
    codes: tuple[Coding, ...] = ()
    label: Confidentiality = Confidentiality.NORMAL
    data: tuple[DataItem, ...] = field(default=())
    data_period: Interval | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None or not 1 < self.at.year < 9999:
            raise ValueError("the moment of decision needs a time zone, and to lie within the calendar")
        Action(self.action), Confidentiality(self.label)
        object.__setattr__(self, "at", self.at.astimezone(UTC))

    @property
    def is_break_glass(self) -> bool:
        """Whether this is an emergency request."""
        return self.purpose == BREAK_GLASS
