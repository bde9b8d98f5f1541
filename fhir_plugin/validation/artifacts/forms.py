"""QuestionnaireResponse against its Questionnaire (http://hl7.org/fhir/R4/questionnaireresponse.html#link)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir_plugin.validation.artifacts.answers import check_answer, check_exclusive
from fhir_plugin.validation.artifacts.enabling import enabled
from fhir_plugin.validation.artifacts.reading import extension_value, items, text
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_response"]

Json = dict[str, Any]
Placed = tuple[Json, Path]
Holders = tuple[Json, ...]
"""What holds the items at hand, and what is around it, from the inside out."""
_MIN_OCCURS = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs"
_MAX_OCCURS = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"


@dataclass(frozen=True, slots=True)
class _Form:
    """One response under its questionnaire.

    Attributes:
        missing: reports a required answer that is not there: an error, unless the response is still being filled in.
    """

    scope: Scope
    questions: Json
    missing: Callable[..., None]


def check_response(scope: Scope) -> None:
    """Every item answers a question that exists, as that question asks; silent when the questionnaire is not known."""
    canonical = text(scope.resource, "questionnaire")
    questions = _questionnaire(canonical, scope)
    if questions is None:
        if canonical and _is_other(canonical, scope):
            scope.error("form-wrong-type", (scope.path, "questionnaire", None))
        return
    unfinished = text(scope.resource, "status") == "in-progress"
    form = _Form(scope, questions, scope.warn if unfinished else scope.error)
    _check_items(form, (scope.resource,), questions, scope.path)


def _questionnaire(canonical: str, scope: Scope) -> Json | None:
    if canonical.startswith("#"):
        found = [one for one, _ in items(scope.resource, "contained", scope.path) if one.get("id") == canonical[1:]]
        return found[0] if found and found[0].get("resourceType") == "Questionnaire" else None
    return scope.engine.definitions.find("Questionnaire", canonical)


def _is_other(canonical: str, scope: Scope) -> bool:
    """Whether the canonical is that of a definition of another kind."""
    definitions = scope.engine.definitions
    return any(definitions.find(kind, canonical) is not None for kind in ("ValueSet", "CodeSystem"))


def _check_items(form: _Form, around: Holders, questions: Json, path: Path) -> None:
    """The items of a response, an item or an answer against the items of the questionnaire at the same place."""
    asked = [one for one, _ in items(questions, "item", path)]
    order = {text(one, "linkId"): place for place, one in reversed(list(enumerate(asked)))}
    given: dict[str, list[Placed]] = {}
    last = -1
    for item, place in items(around[0], "item", path):
        link = text(item, "linkId")
        if link not in order:
            form.scope.error("form-link-unknown", path, ("link", link[:64]))
            continue
        if order[link] < last:
            form.scope.error("form-order", place, ("link", link[:64]))
        last = max(last, order[link])
        given.setdefault(link, []).append((item, place))
    for question in asked:
        found = given.get(text(question, "linkId"), [])
        _check_question(form, question, found, around, path)


def _is_empty(item: Json) -> bool:
    return not item.get("answer") and not item.get("item")


def _check_question(form: _Form, question: Json, named: list[Placed], around: Holders, path: Path) -> None:
    """All the items that answer one question, or their absence."""
    link = ("link", text(question, "linkId")[:64])
    applies = enabled(question, around, form.scope)
    found = [one for one in named if not _is_empty(one[0])]
    if not found:
        where = named[0][1] if named else path
        if applies and question.get("required") is True:
            code = "form-group-missing" if text(question, "type") == "group" and named else "form-answer-missing"
            form.missing(code, where, link)
        elif applies and named:
            _check_count(question, 0, where, form.scope)
        return
    if len(found) > 1 and question.get("repeats") is not True:
        form.scope.error("form-item-repeated", found[1][1], link)
    for item, place in found:
        if not applies:
            form.scope.error("form-not-enabled", place, link)
        _check_item(form, item, question, around, place)


def _check_item(form: _Form, item: Json, question: Json, around: Holders, path: Path) -> None:
    kind, link = text(question, "type"), ("link", text(question, "linkId")[:64])
    answers = list(items(item, "answer", path))
    if answers and kind in ("group", "display", "question"):
        form.scope.error("form-no-answers", path, ("type", kind))
    elif answers or kind not in ("group", "display", "question"):
        if not answers and question.get("required") is True:
            form.missing("form-answer-missing", path, link)
        _check_count(question, len(answers), path, form.scope)
        check_exclusive(question, answers, form.scope)
        for answer, place in answers:
            check_answer(answer, question, place, form.scope)
            _check_items(form, (answer, item, *around), question, place)
    if kind == "group":
        _check_items(form, (item, *around), question, path)
    elif item.get("item"):
        form.scope.error("form-no-items", path, ("type", kind))


def _check_count(question: Json, count: int, path: Path, scope: Scope) -> None:
    low, high = extension_value(question, _MIN_OCCURS), extension_value(question, _MAX_OCCURS)
    if count > 1 and question.get("repeats") is not True:
        scope.error("form-answer-repeated", path, ("link", text(question, "linkId")[:64]))
    if type(low) is int and count < low:
        scope.error("form-answers-min", path, ("min", str(low)), ("found", str(count)))
    if type(high) is int and count > high:
        scope.error("form-answers-max", path, ("max", str(high)), ("found", str(count)))
