"""From a draft to the network as it should be: pure, so that saving again after a conflict is the same step."""

from __future__ import annotations

from dataclasses import replace

from fhir_plugin.model.consent import ConsentRecord
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Identifier
from fhir_plugin.model.network import Person, Standing, SupportNetwork, Team
from fhir_plugin.model.terms import FIGURE_IDENTIFIER

__all__ = ["already_saved", "candidate_of", "fresh_figure", "with_figure"]


def candidate_of(network: SupportNetwork, reference: str) -> Person | None:
    """The person in the record with this reference who may become a figure."""
    return next(
        (one for one in network.people if one.ref.reference == reference and one.standing is Standing.CANDIDATE), None
    )


def fresh_figure(urn: str, candidate: Person | None) -> SupportFigure:
    """A figure to fill in: empty, or with what the record already says of the candidate.

    Args:
        urn: ``urn:uuid:`` of the draft; also the business identifier, so that a repeated save finds the first.
        candidate: a RelatedPerson becomes a figure itself; a mere contact of the Patient gets one.
    """
    identifiers = (Identifier(system=FIGURE_IDENTIFIER, value=urn),)
    if candidate is None:
        return SupportFigure(id=urn, identifiers=identifiers)
    related = candidate.ref.type == "RelatedPerson"
    return SupportFigure(
        id=candidate.ref.id if related else urn,
        identifiers=identifiers,
        name=candidate.name,
        relations=candidate.relations,
        roles=candidate.roles,
        telecoms=candidate.telecoms,
        carried=candidate.carried if related else None,
    )


def already_saved(network: SupportNetwork, urn: str) -> SupportFigure | None:
    """The figure that was created from this draft before, when the EHR's answer got lost on its way."""
    mine = Identifier(system=FIGURE_IDENTIFIER, value=urn)
    return next((one for one in network.figures if mine in one.identifiers), None)


def with_figure(
    network: SupportNetwork, figure: SupportFigure, team_urn: str, consent: ConsentRecord | None = None
) -> SupportNetwork:
    """The network with a figure put in or replaced, a team for the first engagement, and a new consent."""
    known = network.figure(figure.id) is not None
    figures = tuple(figure if one.id == figure.id else one for one in network.figures)
    team = network.team
    if figure.engagement is not None and team is None:
        team = Team(id=team_urn)
    return replace(
        network,
        figures=figures if known else (*figures, figure),
        people=tuple(one for one in network.people if one.ref.reference != figure.ref.reference),
        team=team,
        consents=(*network.consents, consent) if consent else network.consents,
    )
