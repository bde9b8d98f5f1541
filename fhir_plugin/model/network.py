"""A child's support network: the child, the figures, the people who are not figures, and what the EHR held besides."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fhir_plugin.model.carried import Carried
from fhir_plugin.model.consent import ConsentRecord
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Coding, Identifier, PersonName, Ref, Telecom
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.model.terms import Context

__all__ = ["Child", "Person", "Standing", "SupportNetwork", "Team"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """The child or youth whose network it is.

    Attributes:
        id: logical id of the Patient.
        birth_date: partial where the EHR knows no more; ages need a full date.
        deceased: the EHR says so.
        organization: the managing organisation, for the banner.
    """

    id: str
    name: PersonName = field(default_factory=PersonName)
    birth_date: PartialDate | None = field(default=None, repr=False)
    gender: str = ""
    identifiers: tuple[Identifier, ...] = ()
    deceased: bool = False
    organization: Ref | None = None
    carried: Carried | None = field(default=None, compare=False, repr=False)

    @property
    def ref(self) -> Ref:
        """Reference to the Patient."""
        return Ref(reference=f"Patient/{self.id}")


class Standing(StrEnum):
    """What somebody is who is in the record but not a support figure."""

    CANDIDATE = "candidate"
    PARENT = "parent"
    LEGAL = "legal"
    PROFESSIONAL = "professional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone in the record who is not (or not yet) a support figure.

    Attributes:
        ref: RelatedPerson/…, Practitioner/…, PractitionerRole/… or Organization/…; for a Patient.contact
            ``Patient/<id>#contact-<index>``.
        standing: a candidate is someone a professional may turn into a figure, together with the child.
        holds_authority: parental authority or guardianship (*gezag*, *voogdij*) is recorded in the EHR.
        authority: since / until when, as far as recorded.
    """

    ref: Ref
    standing: Standing
    name: PersonName = field(default_factory=PersonName)
    relations: tuple[Coding, ...] = ()
    roles: tuple[Coding, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    holds_authority: bool = False
    authority: Period = field(default_factory=Period)
    active: bool = True
    carried: Carried | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The CareTeam that holds the engagements.

    Attributes:
        id: logical id, empty while new.
        status: care-team-status code.
        contexts: parts of care this team is for (CareTeam.category).
        server: where it was read, as ``Ref.base`` gives it: a member in full is one of this record only there. Empty
            where that is not known.
    """

    id: str = ""
    status: str = "active"
    name: str = field(default="", repr=False)
    contexts: tuple[Context, ...] = ()
    period: Period = field(default_factory=Period)
    server: str = field(default="", compare=False, repr=False)
    carried: Carried | None = field(default=None, compare=False, repr=False)

    @property
    def version(self) -> str:
        """Version as last read; empty for a new one."""
        return self.carried.version if self.carried else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportNetwork:
    """Everything the app and the sync engine know of one child's network.

    Attributes:
        figures: support figures, in the order the EHR gave them.
        people: parents, professionals, legal representatives and candidates.
        team: the CareTeam of the network; None where there is none yet.
        consents: privacy consents of this child, whatever their status.
        safety_blocks: decisions that nothing may be shared, current and lifted (L11).
        safety_unknown: the EHR does not let it be seen whether there is one.
        rest: every other resource that was read, untouched and in order.
    """

    child: Child
    figures: tuple[SupportFigure, ...] = ()
    people: tuple[Person, ...] = ()
    team: Team | None = None
    consents: tuple[ConsentRecord, ...] = ()
    safety_blocks: tuple[SafetyBlock, ...] = ()
    safety_unknown: bool = False
    rest: tuple[Carried, ...] = field(default=(), compare=False, repr=False)

    @property
    def safety_block(self) -> SafetyBlock | None:
        """The block that is on, or None."""
        return next((block for block in self.safety_blocks if block.active), None)

    @property
    def sharing_is_off(self) -> bool:
        """Whether nothing of this child may be shared: a block is on, or nobody can tell."""
        return self.safety_unknown or self.safety_block is not None

    def figure(self, figure_id: str) -> SupportFigure | None:
        """The figure with this id, or None."""
        return next((figure for figure in self.figures if figure.id == figure_id), None)
