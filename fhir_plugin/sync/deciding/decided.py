"""What a run will do to one client's record, as plain values: shown, written to a file, compared on apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import Agreement, BondOfTrust, Designation, MandateFact, Note, SupportFigure, VogSeen
from fhir_plugin.model.identity import Address, Coding, Identifier, Ref, Telecom
from fhir_plugin.model.names import display_name
from fhir_plugin.model.terms import ROL_NICTIZ, ROL_VEKTIS, V3_NULL_FLAVOR, V3_ROLE_CODE

__all__ = [
    "Action",
    "ClientPlan",
    "Conflict",
    "ElementChange",
    "FigurePlan",
    "Possible",
    "known_of",
    "label_of",
    "shown",
]


class Action(StrEnum):
    """What happens to a figure."""

    ADD = "add"
    UPDATE = "update"
    END = "end"
    NONE = "none"
    QUESTION = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementChange:
    """One element that changes, with both values as a person reads them."""

    element: str
    before: str = field(repr=False)
    after: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One element that both the source and somebody in the EHR changed; the EHR's value stays until answered.

    Attributes:
        answer: ``source``, ``ehr`` or empty; filled in by a person in the plan file.
    """

    element: str
    source: str = field(repr=False)
    ehr: str = field(repr=False)
    answer: str = ""


Known = tuple[tuple[str, str], ...]
"""What is known of a person: element and value, as a person reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """Somebody in the record whom a row may mean, and what follows if it does.

    Attributes:
        target: ``RelatedPerson/…``.
        agrees: the keys that agree.
        changes: what would be written on this person.
        conflicts: what would be asked next; answered at once, it needs no second round.
        consent: what would become of the consent, as in ``FigurePlan``; empty for nothing.
    """

    target: str
    label: str = field(repr=False)
    agrees: tuple[str, ...]
    holds: Known = field(default=(), repr=False)
    changes: tuple[ElementChange, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    consent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigurePlan:
    """What happens to one figure.

    Attributes:
        row: where the source names it.
        label: what a person recognises it by.
        target: ``RelatedPerson/…`` in the EHR; empty for a new one.
        edits: what somebody changed in the EHR since the source and the EHR agreed; it stands, and nothing is written.
        consent: ``record``, ``withdraw``, ``adopt`` (it is in the record already) or empty.
        notes: codes of what a person should know, such as why sharing waits.
        candidates: for a question: who may be meant.
        says: for a question: what the row says of this person.
        answer: for a question: a reference, or ``new``; filled in by a person.
    """

    row: str
    label: str = field(repr=False)
    action: Action
    target: str = ""
    changes: tuple[ElementChange, ...] = ()
    edits: tuple[ElementChange, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    consent: str = ""
    notes: tuple[str, ...] = ()
    candidates: tuple[Possible, ...] = field(default=(), repr=False)
    says: Known = field(default=(), repr=False)
    answer: str = ""

    @property
    def writes(self) -> bool:
        """Whether anything is written for this figure."""
        return bool(self.changes or self.writes_consent) or self.action is Action.ADD

    @property
    def tells(self) -> bool:
        """Whether there is anything in it for a person to read."""
        told = (self.writes, self.consent, self.conflicts, self.edits, self.notes)
        return any(told) or self.action is Action.QUESTION

    @property
    def next_conflicts(self) -> tuple[Conflict, ...]:
        """Of an answered question: what the answer leads to and must be answered too."""
        return next((item.conflicts for item in self.candidates if item.target == self.answer), ())

    @property
    def writes_consent(self) -> bool:
        """Whether a consent is written; one that people recorded in the EHR is left as it is."""
        return self.consent in ("record", "withdraw")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlan:
    """What happens to one client's record."""

    patient: str
    figures: tuple[FigurePlan, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether anything is written at all."""
        return any(figure.writes for figure in self.figures)

    @property
    def needs_person(self) -> str:
        """Code of what a run cannot do and somebody must, once the plan is applied; empty if nothing."""
        kinds = {note.partition(":")[0]: note.partition(":")[2] for figure in self.figures for note in figure.notes}
        return kinds.get("consent-stands") or kinds.get("asks-more", "")

    def after_answers(self, planned: ClientPlan) -> ClientPlan:
        """The plan with a note at each figure of which an answered question turned into conflicts."""
        asked = {figure.row for figure in planned.figures if figure.action is Action.QUESTION}
        figures = tuple(
            replace(figure, notes=(*figure.notes, "asks-more:sync-asks-more"))
            if figure.conflicts and figure.row in asked
            else figure
            for figure in self.figures
        )
        return replace(self, figures=figures)

    @property
    def tells(self) -> bool:
        """Whether there is anything in it for a person to read."""
        return any(figure.tells for figure in self.figures)

    def counts(self) -> Iterator[str]:
        """One word for each thing that happens, for the totals."""
        for figure in self.figures:
            yield figure.action.value
            yield from ("conflict" for _ in figure.conflicts)
            yield from ("edited" for _ in figure.edits)
            if figure.consent:
                yield f"consent-{figure.consent}"
            yield from (note for note in figure.notes)


def label_of(figure: SupportFigure) -> str:
    """What the family calls this person, else the name."""
    name = display_name(figure.name)
    return f"{figure.own_label} ({name})" if figure.own_label and name else figure.own_label or name


def known_of(figure: SupportFigure) -> Known:
    """What tells one person from another, for who must say whether two are one."""
    telecoms = tuple(item.value for item in figure.telecoms)
    listed = (
        ("own_label", figure.own_label),
        ("name", display_name(figure.name)),
        ("birth_date", figure.birth_date),
        ("telecoms", telecoms),
        ("addresses", figure.addresses),
        ("relations", figure.relations),
        ("kinds", figure.kinds),
    )
    return tuple((name, shown(value)) for name, value in listed if value not in (None, "", ()))


def shown(value: Any) -> str:
    """A value of an element as a person reads it, save that codes stay codes: ``plans.wording`` has their words."""
    if value is None or value == "":
        return "—"
    if isinstance(value, tuple):
        return ", ".join(map(shown, value)) or "—"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, _PLAIN):
        return str(value)
    return str(_SHOW.get(type(value), str)(value))


_PLAIN = (str, date, datetime, PartialDate)


def _parts(*values: Any) -> str:
    return " ".join(shown(value) for value in values if value not in (None, ""))


def _agreement(value: Agreement) -> str:
    agreed = "" if value.agreed is None else "yes" if value.agreed else "no"
    return _parts(agreed, value.on, value.informed_on and f"informed {value.informed_on}", value.exception)


_WORDED = (V3_ROLE_CODE, V3_NULL_FLAVOR, ROL_VEKTIS, ROL_NICTIZ)
"""Code systems of relations and roles that have words in every language here; others bring their own display."""

_SHOW: dict[type, Any] = {
    Telecom: lambda value: value.value,
    Coding: lambda value: value.code if value.system in _WORDED else value.display or value.code,
    Identifier: lambda value: value.value,
    Ref: lambda value: value.display or value.reference,
    Address: lambda value: _parts(
        value.street, value.house_number, value.addition, value.postcode, value.city, value.country
    ),
    Designation: lambda value: _parts(value.by, value.on),
    BondOfTrust: lambda value: _parts("yes" if value.confirmed else "no", value.on),
    VogSeen: lambda value: _parts("yes" if value.seen else "no", value.on),
    MandateFact: lambda value: value.kind.value,
    Note: lambda value: value.text,
    Agreement: _agreement,
}
