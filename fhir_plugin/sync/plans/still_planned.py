"""Whether what is to be done now is what was planned, or the part of it that an earlier, broken-off run left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fhir_plugin.sync.deciding.decided import Action, ClientPlan, Conflict, FigurePlan
from fhir_plugin.sync.plans.codec import plan_json

__all__ = ["still_asked", "still_planned"]

_END = "engagement.period.end"


def still_planned(now: ClientPlan, planned: ClientPlan) -> bool:
    """Whether a decision made now does what was planned and nothing else, whatever a person answered in the plan."""
    if now == planned:
        return True
    now, planned = _unanswered(now), _unanswered(planned)
    if plan_json(now) == plan_json(planned):
        return True
    by_row = {figure.row: figure for figure in planned.figures}
    return all(figure.row in by_row and _is_rest_of(figure, by_row[figure.row]) for figure in now.figures)


def still_asked(bare: ClientPlan, planned: ClientPlan) -> bool:
    """Whether what was answered beforehand is what the answer to a question leads to now, with the same two values.

    Args:
        bare: as decided now with the answers to questions alone.
        planned: with the answers a person gave.
    """
    now = {figure.row: _asked(figure.conflicts) for figure in bare.figures}
    return all(
        _asked(each for each in figure.next_conflicts if each.answer) <= now.get(figure.row, set())
        for figure in planned.figures
    )


def _asked(conflicts: Iterable[Conflict]) -> set[tuple[str, str, str]]:
    return {(item.element, item.source, item.ehr) for item in conflicts}


def _is_rest_of(now: FigurePlan, planned: FigurePlan) -> bool:
    """Whether everything that is to be done for a figure was planned, from the same value to the same value."""
    if Action.QUESTION in (now.action, planned.action):
        return now.action is planned.action and now.candidates == planned.candidates
    if now.action is Action.ADD and planned.action is not Action.ADD:
        return False
    if planned.target and now.target != planned.target:
        return False
    return (
        set(now.changes) <= set(planned.changes)
        and now.consent in ("", planned.consent)
        and set(now.notes) <= set(planned.notes)
        and _asked(now.conflicts) <= _asked(planned.conflicts)
    )


def _unanswered(plan: ClientPlan) -> ClientPlan:
    """A plan without what a person answers, and without the day of ending.

    A withdrawal ends somebody's place on the day it is applied, which may be later than the day it was planned. The
    rows are the same, so a day that the source itself names is the same too.
    """
    return replace(plan, figures=tuple(map(_bare, plan.figures)))


def _bare(figure: FigurePlan) -> FigurePlan:
    return replace(
        figure,
        answer="",
        edits=(),
        conflicts=tuple(replace(conflict, answer="") for conflict in figure.conflicts),
        candidates=tuple(replace(item, changes=(), conflicts=(), consent="") for item in figure.candidates),
        changes=tuple(
            replace(change, after="") if change.element == _END and change.after != "—" else change
            for change in figure.changes
        ),
    )
