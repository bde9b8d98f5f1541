"""A support figure (*vertrouwenspersoon-steunfiguur*) by the BGZJ definition, element by element."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from fhir_plugin.model.carried import Carried
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import Address, Coding, Identifier, PersonName, Ref, Telecom
from fhir_plugin.model.terms import (
    Adult,
    BondKind,
    Context,
    Designator,
    Function,
    Involvement,
    LifeDomain,
    Mandate,
    NetworkRing,
    NoteKind,
    ParentAccord,
    Supports,
    TieQuality,
)

__all__ = [
    "Agreement",
    "BondOfTrust",
    "Designation",
    "Engagement",
    "MandateFact",
    "Note",
    "SupportFigure",
    "Tie",
    "VogSeen",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Designation:
    """Who named this person as a support figure, and when. Never a professional (BGZJ)."""

    by: Designator
    who: Ref | None = None
    on: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BondOfTrust:
    """Whether the designator confirmed a bond of trust."""

    confirmed: bool
    on: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateFact:
    """Formal (with a reference to the court order) or informal."""

    kind: Mandate
    order: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The figure's own agreement, and art. 14 GDPR information (the figure is a data subject, L7).

    Attributes:
        agreed: the figure agreed with the role; None when only the information was recorded.
        on: when.
        informed_on: when the figure was told what is recorded about them (art. 14 AVG).
        exception: the art. 14(5) exception that was used instead.
    """

    agreed: bool | None = None
    on: PartialDate | None = None
    informed_on: PartialDate | None = None
    exception: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VogSeen:
    """A certificate of conduct (VOG) was seen; the document itself is never stored."""

    seen: bool
    on: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark or a dissent, with author and moment.

    Attributes:
        at: an aware instant, or a partial date where the source knew no more.
    """

    text: str = field(repr=False)
    kind: NoteKind = NoteKind.NOTE
    author: Ref | None = None
    at: datetime | PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """How close the tie is, as someone judged it on a day; several over time make its history.

    Attributes:
        ref: the Observation it is kept in, or None where it is kept on the CareTeam participant or is new.
    """

    ring: NetworkRing | None = None
    quality: TieQuality | None = None
    by: Ref | None = None
    on: PartialDate | None = None
    ref: Ref | None = field(default=None, compare=False)
    carried: Carried | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """The current engagement in care: one CareTeam participant.

    Attributes:
        functions: kinds of support given.
        involvement: how the person takes part.
        contexts: parts of care in which they are engaged.
        period: engaged since / until.
        access_roles: other participant roles, such as those that drive rights in Koppeltaal.
    """

    functions: tuple[Function, ...] = ()
    involvement: tuple[Involvement, ...] = ()
    contexts: tuple[Context, ...] = ()
    period: Period = field(default_factory=Period)
    access_roles: tuple[Coding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportFigure:
    """One support figure of one child. Drafts may be incomplete: only a name or an own label is needed.

    Attributes:
        id: logical id of the RelatedPerson in the EHR; empty while it is new. A ``urn:uuid:`` stands for one that
            is being created in the same transaction.
        identifiers: business identifiers; never a BSN (L8).
        own_label: what the family calls this person; shown first everywhere.
        name: the Dutch name in parts.
        gender: administrative-gender code or empty.
        birth_date: rarely known and never needed.
        relations: family relations (RelatieCodelijst codes), each its own concept.
        roles: social or legal roles (RolCodelijst codes), each its own concept.
        kinds: kinds of support figure.
        bond: the lasting bond, since / until; ending care never ends it.
        active: RelatedPerson.active; False only when the bond ended or it was recorded in error.
        designations: who named them; at least one for a complete figure.
        engagement: the current engagement, or None when not engaged in care.
        ties: ecogram judgements, oldest first.
        notes: remarks and dissent, in the order they were recorded.
        unmapped: codes in places we read that we do not know; shown, kept, never changed.
        carried: the RelatedPerson as the EHR holds it.
    """

    id: str = ""
    identifiers: tuple[Identifier, ...] = ()
    own_label: str = field(default="", repr=False)
    name: PersonName = field(default_factory=PersonName)
    gender: str = ""
    birth_date: PartialDate | None = field(default=None, repr=False)
    telecoms: tuple[Telecom, ...] = ()
    addresses: tuple[Address, ...] = ()
    relations: tuple[Coding, ...] = ()
    roles: tuple[Coding, ...] = ()
    kinds: tuple[BondKind, ...] = ()
    bond: Period = field(default_factory=Period)
    active: bool = True
    designations: tuple[Designation, ...] = ()
    bond_of_trust: BondOfTrust | None = None
    mandate: MandateFact | None = None
    supports: tuple[Supports, ...] = ()
    life_domains: tuple[LifeDomain, ...] = ()
    adult: Adult | None = None
    parent_accord: ParentAccord | None = None
    agreement: Agreement | None = None
    vog_seen: VogSeen | None = None
    programme: Ref | None = None
    notes: tuple[Note, ...] = ()
    engagement: Engagement | None = None
    ties: tuple[Tie, ...] = ()
    unmapped: tuple[Coding, ...] = field(default=(), compare=False)
    carried: Carried | None = field(default=None, compare=False, repr=False)

    @property
    def ref(self) -> Ref:
        """Reference to the RelatedPerson."""
        reference = self.id if self.id.startswith("urn:") else f"RelatedPerson/{self.id}"
        return Ref(reference=reference if self.id else "")

    @property
    def version(self) -> str:
        """Version of the RelatedPerson as last read; empty for a new one."""
        return self.carried.version if self.carried else ""

    @property
    def current_tie(self) -> Tie | None:
        """The latest judgement, or None."""
        return self.ties[-1] if self.ties else None
