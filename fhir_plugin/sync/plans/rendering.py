"""Plans and runs as text a person reads: totals first, then client by client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fhir_plugin.sync.deciding.decided import Action, ClientPlan, Conflict, ElementChange, FigurePlan
from fhir_plugin.sync.plans.totals import client_words
from fhir_plugin.sync.plans.wording import value_words
from fhir_plugin.texts import Language, sentence, words

__all__ = ["consent_words", "element_words", "plan_lines"]

_SIGNS = {Action.ADD: "+", Action.UPDATE: "~", Action.END: "×", Action.NONE: "=", Action.QUESTION: "?"}


def plan_lines(plans: Iterable[ClientPlan], language: Language, *, in_full: bool = False) -> Iterator[str]:
    """Each client that something happens to; ``in_full`` for who has to enter somebody."""
    for plan in plans:
        if plan.tells:
            yield client_words(plan.patient, language)
        for figure in plan.figures:
            if figure.tells:
                yield from _figure_lines(figure, language, in_full=in_full)


def _figure_lines(figure: FigurePlan, language: Language, *, in_full: bool) -> Iterator[str]:
    ends = f"  ({words('sync-plan-end', language)})" if figure.action is Action.END else ""
    yield f"  {_SIGNS[figure.action]} {figure.label}{ends}  [{figure.row}]"
    if figure.action in (Action.UPDATE, Action.END):
        for change in figure.changes:
            yield f"      {_change_words(change, language)}"
    elif in_full and figure.action is Action.ADD:
        for change in figure.changes:
            value = value_words(change.element, change.after, language)
            yield f"      {element_words(change.element, language)}: {value}"
    for edit in figure.edits:
        name = element_words(edit.element, language)
        before, after = (value_words(edit.element, value, language) for value in (edit.before, edit.after))
        yield f"    ← {words('sync-plan-edit', language, element=name, before=before, after=after)}"
    if figure.consent:
        yield f"      {consent_words(figure.consent, language)}"
    for note in _told_once(figure.notes):
        yield f"      {_note_words(note, language)}"
    for conflict in figure.conflicts:
        yield f"    ! {_conflict_words(conflict, language)}"
    if figure.action is Action.QUESTION:
        yield from _question_lines(figure, language)


def _told_once(notes: Iterable[str]) -> list[str]:
    """Notes, but for waiting on a consent that cannot be recorded for the very reason that is told."""
    told = list(notes)
    hindered = {note.removeprefix("not-recorded") for note in told if note.startswith("not-recorded:")}
    return [note for note in told if note.removeprefix("waits-for-consent") not in hindered]


def _note_words(note: str, language: Language) -> str:
    """What a person should know: of what waits for signatures, whose."""
    kind, reason, signers = (*note.split(":"), "", "")[:3]
    if signers:
        names = ", ".join(words(f"sync-signer-{signer}", language) for signer in signers.split(","))
        return words("sync-plan-waits-for", language, names=names)
    why = sentence(reason, language)
    told = f"{why.text} {why.remedy}".strip() if why else reason
    return f"{words(f'sync-plan-{kind}', language)}: {told}"


def _question_lines(figure: FigurePlan, language: Language) -> Iterator[str]:
    """Who may be meant, and what would follow."""
    for item in figure.candidates:
        keys = ", ".join(element_words(key, language) for key in item.agrees)
        yield f"      {words('sync-plan-question', language, target=item.target, figure=item.label, keys=keys)}"
        for change in item.changes:
            yield f"          {_change_words(change, language)}"
        if item.consent:
            yield f"          {consent_words(item.consent, language)}"
        for conflict in item.conflicts:
            yield f"          ! {_conflict_words(conflict, language)}"
    yield f"      {words('sync-plan-question-new', language)}"


def _conflict_words(conflict: Conflict, language: Language) -> str:
    name = element_words(conflict.element, language)
    source, ehr = (value_words(conflict.element, value, language) for value in (conflict.source, conflict.ehr))
    return words("sync-plan-conflict", language, element=name, source=source, ehr=ehr)


def _change_words(change: ElementChange, language: Language) -> str:
    before, after = (value_words(change.element, value, language) for value in (change.before, change.after))
    return f"{element_words(change.element, language)}: {before} → {after}"


def consent_words(consent: str, language: Language) -> str:
    """What becomes of a consent."""
    return words(f"sync-plan-consent-{consent}", language)


def element_words(path: str, language: Language) -> str:
    """What an element is called."""
    return words(f"sync-element-{path.replace('.', '-').replace('_', '-')}", language)
