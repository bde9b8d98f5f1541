"""What the stories of the synthetic clients are told in; ``build`` turns it into FHIR."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fhir_plugin.model.terms import (
    Adult,
    AgeBasis,
    BondKind,
    Context,
    Designator,
    Function,
    InformationCategory,
    Involvement,
    LifeDomain,
    Mandate,
    NetworkRing,
    ParentAccord,
    Supports,
    TieQuality,
)

__all__ = ["Closeness", "Figure", "Named", "Professional", "Relative", "Remark", "Sharing", "Story"]

Name = tuple[str, str, str]
"""Given names, prefix, family name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """A parent or another legal representative: in the record, never a support figure.

    Attributes:
        id: the part of the RelatedPerson's id after the child's.
        relation: v3-RoleCode with display; empty for a guardian who is no family.
        role: RolCodelijst code with display: ``24`` for who holds authority, ``11`` for a guardian.
    """

    id: str
    name: Name
    relation: tuple[str, str] | None = None
    role: tuple[str, str] | None = None
    gender: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Who named a figure; ``who`` is the last part of an id of this child's relatives, empty for the child itself."""

    by: Designator
    who: str = ""
    on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeness:
    """A judged tie; ``by`` as in ``Named``, or a Practitioner id."""

    ring: NetworkRing
    quality: TieQuality
    on: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A note or a dissent; ``by`` as in ``Closeness``."""

    text: str
    by: str
    at: str
    kind: str = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """A consent to share with one figure."""

    signed_by: tuple[str, ...]
    basis: AgeBasis
    about: tuple[InformationCategory, ...]
    start: date
    end: date
    status: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A support figure of one child; the elements are those of the BGZJ definition.

    Attributes:
        engaged: since and until; None where there is no engagement in care now.
        relation: v3-RoleCode with display.
        role: RolCodelijst system, code and display.
    """

    id: str
    name: Name | None = None
    label: str = ""
    relation: tuple[str, str] | None = None
    role: tuple[str, str, str] | None = None
    kinds: tuple[BondKind, ...] = ()
    gender: str = ""
    phone: str = ""
    mail: str = ""
    named: tuple[Named, ...]
    trust: str = ""
    mandate: Mandate = Mandate.INFORMAL
    supports: tuple[Supports, ...] = (Supports.CHILD,)
    domains: tuple[LifeDomain, ...] = ()
    adult: Adult = Adult.YES
    accord: ParentAccord | None = None
    informed: str = ""
    vog: str = ""
    programme: str = ""
    bond_since: str = ""
    engaged: tuple[str, str] | None = None
    functions: tuple[Function, ...] = ()
    involvement: tuple[Involvement, ...] = ()
    contexts: tuple[Context, ...] = ()
    ties: tuple[Closeness, ...] = ()
    remarks: tuple[Remark, ...] = ()
    sharing: tuple[Sharing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """Somebody of an organisation."""

    id: str
    name: Name
    organization: str
    role: str
    gender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One client with everyone around."""

    id: str
    name: Name
    call_name: str = ""
    gender: str
    born: date
    home: tuple[str, str, str, str]
    relatives: tuple[Relative, ...]
    professionals: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    contexts: tuple[Context, ...] = (Context.GUIDANCE,)
    since: str
