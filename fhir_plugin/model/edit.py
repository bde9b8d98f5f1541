"""What people do to a network, as pure operations: network in, network out.

Ending care never ends the bond, nothing is deleted, and a figure needs no more than a name or an own label.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from fhir_plugin.errors import UsageError
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import Note, SupportFigure, Tie
from fhir_plugin.model.identity import Identifier
from fhir_plugin.model.network import SupportNetwork, Team
from fhir_plugin.model.terms import FIGURE_IDENTIFIER

__all__ = ["add_figure", "add_note", "add_tie", "end_bond", "end_engagement", "new_urn", "replace_figure"]

NewId = Callable[[], str]


def new_urn() -> str:
    """A fresh ``urn:uuid:`` to name a resource that does not exist yet."""
    return f"urn:uuid:{uuid.uuid4()}"


def add_figure(network: SupportNetwork, figure: SupportFigure, *, new_id: NewId = new_urn) -> SupportNetwork:
    """The network with a new figure, and with a team when the figure is engaged and there was none.

    The figure gets a business identifier, so that sending it twice creates it once.
    """
    added = replace(figure, id=figure.id or new_id())
    if not any(item.system == FIGURE_IDENTIFIER for item in added.identifiers):
        own = Identifier(system=FIGURE_IDENTIFIER, value=uuid_of(added.id, new_id))
        added = replace(added, identifiers=(*added.identifiers, own))
    return replace(_with_team(network, added, new_id), figures=(*network.figures, added))


def replace_figure(network: SupportNetwork, figure: SupportFigure, *, new_id: NewId = new_urn) -> SupportNetwork:
    """The network with a figure's new state.

    Raises:
        UsageError: the network has no figure with this id.
    """
    _found(network, figure.id)
    figures = tuple(figure if held.id == figure.id else held for held in network.figures)
    return replace(_with_team(network, figure, new_id), figures=figures)


def end_engagement(network: SupportNetwork, figure_id: str, on: PartialDate) -> SupportNetwork:
    """The engagement in care ends; the bond goes on."""
    figure = _found(network, figure_id)
    if figure.engagement is None:
        return network
    period = replace(figure.engagement.period, end=on)
    return replace_figure(network, replace(figure, engagement=replace(figure.engagement, period=period)))


def end_bond(network: SupportNetwork, figure_id: str, on: PartialDate) -> SupportNetwork:
    """The bond itself ends, and with it the engagement in care."""
    figure = _found(end_engagement(network, figure_id, on), figure_id)
    return replace_figure(network, replace(figure, active=False, bond=replace(figure.bond, end=on)))


def add_note(network: SupportNetwork, figure_id: str, note: Note) -> SupportNetwork:
    """A remark or a dissent is recorded; earlier ones stay."""
    figure = _found(network, figure_id)
    return replace_figure(network, replace(figure, notes=(*figure.notes, note)))


def add_tie(network: SupportNetwork, figure_id: str, tie: Tie) -> SupportNetwork:
    """A new judgement of the tie; earlier ones stay as its history."""
    figure = _found(network, figure_id)
    return replace_figure(network, replace(figure, ties=(*figure.ties, tie)))


def uuid_of(figure_id: str, new_id: NewId) -> str:
    """The identifier's value: the figure's own ``urn:uuid:``, or a fresh one."""
    return figure_id if figure_id.startswith("urn:uuid:") else new_id()


def _found(network: SupportNetwork, figure_id: str) -> SupportFigure:
    figure = network.figure(figure_id)
    if figure is None:
        raise UsageError("This network has no such figure.", code="no-such-figure", remedy="Read the network again.")
    return figure


def _with_team(network: SupportNetwork, figure: SupportFigure, new_id: NewId) -> SupportNetwork:
    if network.team is not None or figure.engagement is None:
        return network
    return replace(network, team=Team(id=new_id()))
