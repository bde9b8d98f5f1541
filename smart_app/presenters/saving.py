"""From a draft to the network as it should be: pure, so that saving again after a conflict is the same step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from fhir_plugin.consent.granting import expire
from fhir_plugin.model.consent import ConsentRecord, Status
from fhir_plugin.model.figure import Note, SupportFigure
from fhir_plugin.model.identity import Identifier
from fhir_plugin.model.network import Person, Standing, SupportNetwork, Team
from fhir_plugin.model.terms import FIGURE_IDENTIFIER, URI_IDENTIFIER

__all__ = ["already_saved", "candidate_of", "fresh_figure", "with_consent_once", "with_figure", "with_notes_once"]


def candidate_of(network: SupportNetwork, reference: str) -> Person | None:
    """The person in the record with this reference who may become a figure."""
    return next(
        (one for one in network.people if one.ref.reference == reference and one.standing is Standing.CANDIDATE), None
    )


def fresh_figure(urn: str, mark: str, candidate: Person | None) -> SupportFigure:
    """A figure to fill in: empty, or with what the record already says of the candidate.

    Args:
        urn: ``urn:uuid:`` of the draft: the figure's place in the transaction that creates it.
        mark: business identifier, by which a repeated save finds the first; another one than ``urn``, because servers
            replace that one wherever it stands.
        candidate: a RelatedPerson becomes a figure itself; a mere contact of the Patient gets one.
    """
    identifiers = (Identifier(system=FIGURE_IDENTIFIER, value=mark),)
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


def already_saved(network: SupportNetwork, mark: str) -> SupportFigure | None:
    """The figure that was created from this draft before, when the EHR's answer got lost on its way."""
    mine = Identifier(system=FIGURE_IDENTIFIER, value=mark)
    return next((one for one in network.figures if mine in one.identifiers), None)


def with_figure(network: SupportNetwork, figure: SupportFigure, team_urn: str) -> SupportNetwork:
    """The network with a figure put in or replaced, and a team for the first engagement."""
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
    )


def with_notes_once(figure: SupportFigure, before: SupportFigure, at: datetime) -> SupportFigure:
    """The figure with its new notes, except those that an earlier attempt wrote whose answer got lost.

    Args:
        figure: with the answers in it; new notes stand behind those of ``before``.
        before: as the record holds it.
        at: the moment of the first attempt, the same for each.
    """
    known = {_mark(one) for one in before.notes}
    new = (replace(one, at=at) for one in figure.notes[len(before.notes) :])
    return replace(figure, notes=(*before.notes, *(one for one in new if _mark(one) not in known)))


def _mark(note: Note) -> tuple[object, ...]:
    return note.text, note.kind, note.author.reference if note.author else "", note.at


def with_consent_once(
    network: SupportNetwork, consent: ConsentRecord | None, urn: str, earlier: Collection[str]
) -> SupportNetwork:
    """The network with a consent that is not there yet; what an earlier attempt of the same form wrote makes room.

    The mark is not a ``CONSENT_IDENTIFIER``: those belong to the synchronisation, which ends what it no longer finds.

    Args:
        network: as it will be otherwise.
        consent: what was agreed now, if anything.
        urn: business identifier of exactly this consent of this form.
        earlier: those of earlier attempts.
    """
    mine = Identifier(system=URI_IDENTIFIER, value=urn)
    over = {Identifier(system=URI_IDENTIFIER, value=one) for one in earlier} - ({mine} if consent else set())
    kept = tuple(
        expire(one)[0] if one.status is Status.ACTIVE and over & set(one.identifiers) else one
        for one in network.consents
    )
    new = (replace(consent, identifiers=(mine,)),) if consent and not _holds(network, mine) else ()
    return replace(network, consents=(*kept, *new))


def _holds(network: SupportNetwork, mark: Identifier) -> bool:
    return any(mark in one.identifiers for one in network.consents)
