"""Who is at the screen, and what is theirs to see and do (Jeugdwet 7.3.8–7.3.10; L4), judged anew on every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fhir_plugin.model.dates import age_on
from fhir_plugin.model.network import Standing, SupportNetwork
from smart_app.i18n import Message, msg
from smart_app.presenters.network import is_current

__all__ = ["Rights", "Viewer", "rights_of", "viewer_of"]

VIEWS_FROM = 12
"""Age from which a child may see the own file."""
DECIDES_FROM = 16
"""Age from which a parent sees the file only when the youth permits it."""


_UNKNOWN = msg("This app does not know in which role you are looking at this record.")
_TOO_YOUNG = msg("You can see this yourself from the age of 12. Until then, look at it together with someone.")
_SIXTEEN = msg("From the age of 16 the young person decides who may see this.")
_NOT_NOW = msg("This cannot be shown now. Ask the professional you know.")
"""While a safety block is, or may be, on; it says nothing of the block itself (L11)."""
_FORMER = msg("You are no longer in this network, so there is nothing here for you to see.")


class Viewer(StrEnum):
    """In which capacity somebody looks."""

    PROFESSIONAL = "professional"
    YOUTH = "youth"
    PARENT = "parent"
    FIGURE = "figure"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a page may show and offer.

    Attributes:
        network: see the network.
        private: see what is about the figure as a person: contact details, own answer, VOG, notes of professionals.
        edit: add and change figures, record and withdraw consents.
        note: write a note or a different opinion, or ask to hide or remove somebody.
        figure_id: the only figure this viewer may see; empty for all.
        refusal: why nothing may be seen, for the page that says so.
    """

    viewer: Viewer
    network: bool = False
    private: bool = False
    edit: bool = False
    note: bool = False
    figure_id: str = ""
    refusal: Message = _UNKNOWN


def viewer_of(reference: str, network: SupportNetwork, today: date) -> Viewer:
    """In which capacity the ``fhirUser`` of a launch looks at this child's network.

    Args:
        reference: relative reference of the user; empty where the EHR does not say.
        network: as read a moment ago.
        today: the day in the Netherlands.
    """
    kind = reference.partition("/")[0]
    if kind in ("Practitioner", "PractitionerRole"):
        return Viewer.PROFESSIONAL
    if reference == network.child.ref.reference:
        return Viewer.YOUTH
    if any(figure.ref.reference == reference for figure in network.figures):
        return Viewer.FIGURE
    for person in network.people:
        known = person.standing in (Standing.PARENT, Standing.LEGAL) and person.active
        if person.ref.reference == reference and known and person.holds_authority and person.authority.covers(today):
            return Viewer.PARENT
    return Viewer.NOBODY


def rights_of(viewer: Viewer, reference: str, network: SupportNetwork, today: date) -> Rights:
    """What is theirs on this day; an age that is not fully known counts as too young and too old.

    While a safety block is on, only professionals see anything, and nobody else learns why (L11). The same while the
    record system does not show whether one is: a block is labelled to be kept from exactly these viewers.
    """
    if network.sharing_is_off and viewer not in (Viewer.PROFESSIONAL, Viewer.NOBODY):
        return Rights(viewer=viewer, refusal=_NOT_NOW)
    born = network.child.birth_date
    age = age_on(born.first_day(), today) if born is not None and born.is_full else None
    match viewer:
        case Viewer.PROFESSIONAL:
            return Rights(viewer=viewer, network=True, private=True, edit=True, note=True)
        case Viewer.YOUTH if age is not None and age >= VIEWS_FROM:
            return Rights(viewer=viewer, network=True, note=True)
        case Viewer.YOUTH:
            return Rights(viewer=viewer, refusal=_TOO_YOUNG)
        case Viewer.PARENT if age is not None and age < DECIDES_FROM:
            return Rights(viewer=viewer, network=True, note=True)
        case Viewer.PARENT:
            return Rights(viewer=viewer, refusal=_SIXTEEN)
        case Viewer.FIGURE:
            own = next(figure for figure in network.figures if figure.ref.reference == reference)
            return Rights(viewer=viewer, figure_id=own.id if is_current(own, today) else "", refusal=_FORMER)
        case _:
            return Rights(viewer=Viewer.NOBODY)
