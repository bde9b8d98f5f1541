"""A row that may mean somebody the record knows: a question, with what tells one person from another on both sides."""

from __future__ import annotations

from fhir_plugin.sync.deciding.decided import Action, FigurePlan, Possible, known_of, label_of
from fhir_plugin.sync.matching.match import Candidate
from fhir_plugin.sync.sources.wanted import Wanted

__all__ = ["question_of"]


def question_of(wanted: Wanted, candidates: tuple[Candidate, ...]) -> FigurePlan:
    """The question; what an answer leads to is worked out by ``outlook``."""
    listed = tuple(
        Possible(
            target=item.figure.ref.reference,
            label=label_of(item.figure),
            agrees=item.agrees,
            holds=known_of(item.figure),
        )
        for item in candidates
    )
    return FigurePlan(
        row=str(wanted.place),
        label=label_of(wanted.figure),
        action=Action.QUESTION,
        candidates=listed,
        says=known_of(wanted.figure),
    )
