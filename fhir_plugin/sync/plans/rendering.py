"""Plans and runs as text a person reads: totals first, then client by client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from fhir_plugin.sync.deciding.decided import Action, ClientPlan, FigurePlan
from fhir_plugin.texts import Language, sentence

__all__ = ["plan_lines", "totals_lines", "words"]

TOTALS = (
    "clients", "clients-written", "add", "update", "end", "none", "consent-record", "consent-adopt", "consent-withdraw",
    "consent-stands", "consent-beside", "waits-for-consent", "incomplete", "not-recorded", "edited", "conflict",
    "question", "rows-refused",
)  # fmt: skip
"""Totals in the order they are read."""

_SIGNS = {Action.ADD: "+", Action.UPDATE: "~", Action.END: "×", Action.NONE: "=", Action.QUESTION: "?"}


def words(code: str, language: Language, **params: str) -> str:
    """The sentence of a code, or the code itself."""
    found = sentence(code, language, tuple(params.items()))
    return found.text if found else code


def totals_lines(totals: Mapping[str, int], language: Language) -> Iterator[str]:
    """One line for each total that is not zero."""
    for name in TOTALS:
        if totals.get(name):
            yield f"  {totals[name]:>7}  {words(f'sync-total-{name}', language, count=str(totals[name]))}"


def plan_lines(plans: Iterable[ClientPlan], language: Language, *, limit: int) -> Iterator[str]:
    """Each client that something happens to, at most ``limit`` of them; 0 is all."""
    telling = (plan for plan in plans if any(_tells(figure) for figure in plan.figures))
    for plan in islice(telling, limit) if limit else telling:
        yield plan.patient
        for figure in plan.figures:
            if _tells(figure):
                yield from _figure_lines(figure, language)
    more = sum(1 for _ in telling)
    if more:
        yield words("sync-plan-more", language, count=str(more))


def _tells(figure: FigurePlan) -> bool:
    told = (figure.writes, figure.consent, figure.conflicts, figure.edits, figure.notes)
    return any(told) or figure.action is Action.QUESTION


def _figure_lines(figure: FigurePlan, language: Language) -> Iterator[str]:
    ends = f"  ({words('sync-plan-end', language)})" if figure.action is Action.END else ""
    yield f"  {_SIGNS[figure.action]} {figure.label}{ends}  [{figure.row}]"
    if figure.action in (Action.UPDATE, Action.END):
        for change in figure.changes:
            yield f"      {element_words(change.element, language)}: {change.before} → {change.after}"
    for edit in figure.edits:
        name = element_words(edit.element, language)
        yield f"    ← {words('sync-plan-edit', language, element=name, before=edit.before, after=edit.after)}"
    if figure.consent:
        yield f"      {words(f'sync-plan-consent-{figure.consent}', language)}"
    for note in figure.notes:
        kind, _, reason = note.partition(":")
        yield f"      {words(f'sync-plan-{kind}', language)}: {words(reason, language)}"
    for conflict in figure.conflicts:
        name = element_words(conflict.element, language)
        said = words("sync-plan-conflict", language, element=name, source=conflict.source, ehr=conflict.ehr)
        yield f"    ! {said}"
    if figure.candidates:
        yield from _question_lines(figure, language)


def _question_lines(figure: FigurePlan, language: Language) -> Iterator[str]:
    """Who may be meant, and what would follow."""
    for item in figure.candidates:
        keys = ", ".join(element_words(key, language) for key in item.agrees)
        yield f"      {words('sync-plan-question', language, target=item.target, figure=item.label, keys=keys)}"
        for change in item.changes:
            yield f"          {element_words(change.element, language)}: {change.before} → {change.after}"
        for element in item.conflicts:
            yield f"          ! {words('sync-plan-then-conflict', language, element=element_words(element, language))}"
    yield f"      {words('sync-plan-question-new', language)}"


def element_words(path: str, language: Language) -> str:
    """What an element is called."""
    return words(f"sync-element-{path.replace('.', '-').replace('_', '-')}", language)
