"""What the answer to a question would lead to, worked out beforehand: nobody should have to answer to find out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.deciding.decided import Action, ClientPlan, ElementChange, FigurePlan, Possible
from fhir_plugin.sync.deciding.decisions import decide_client
from fhir_plugin.sync.matching.linking import Others, Remembered
from fhir_plugin.sync.sources.wanted import Wanted

__all__ = ["with_outlook"]


def with_outlook(
    plan: ClientPlan,
    network: SupportNetwork,
    rows: Sequence[Wanted],
    memory: Mapping[str, Remembered],
    context: Context,
    others: Others,
) -> ClientPlan:
    """The plan with, at each question, what each possible person would get."""
    if not any(figure.action is Action.QUESTION for figure in plan.figures):
        return plan

    def outlook(figure: FigurePlan, item: Possible) -> Possible:
        decided = decide_client(network, rows, memory, context, {figure.row: item.target}, others)
        then = next((each for each in decided.plan.figures if each.row == figure.row), None)
        if then is None:
            return item
        return replace(item, changes=_telling(then.changes), conflicts=then.conflicts, consent=then.consent)

    return replace(
        plan,
        figures=tuple(
            replace(figure, candidates=tuple(outlook(figure, item) for item in figure.candidates))
            for figure in plan.figures
        ),
    )


def _telling(changes: tuple[ElementChange, ...]) -> tuple[ElementChange, ...]:
    """The changes that tell a person something; the number a figure gets is not among them."""
    return tuple(change for change in changes if change.element != "identifiers")
