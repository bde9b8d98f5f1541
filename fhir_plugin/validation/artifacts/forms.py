"""QuestionnaireResponse against its Questionnaire (http://hl7.org/fhir/R4/questionnaireresponse.html#link)."""

from __future__ import annotations

from typing import Any

from fhir_plugin.validation.artifacts.reading import items, text
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_response"]

Json = dict[str, Any]
_DECIMALS = "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces"


def check_response(scope: Scope) -> None:
    """Every item answers a question that exists; nothing is said when the questionnaire is not known."""
    form = scope.engine.definitions.find("Questionnaire", text(scope.resource, "questionnaire"))
    if form is not None:
        _check_items(scope.resource, form, scope.path, scope)


def _check_items(answers: Json, questions: Json, path: Path, scope: Scope) -> None:
    known = {text(one, "linkId"): one for one, _ in items(questions, "item", path)}
    for item, place in items(answers, "item", path):
        question = known.get(text(item, "linkId"))
        if question is None:
            scope.error("form-link-unknown", path, ("link", text(item, "linkId")[:64]))
            continue
        _check_items(item, question, place, scope)
        for answer, where in items(item, "answer", place):
            _check_items(answer, question, where, scope)
            _check_decimals(answer, question, where, scope)


def _check_decimals(answer: Json, question: Json, path: Path, scope: Scope) -> None:
    limit = next(
        (one.get("valueInteger") for one, _ in items(question, "extension", path) if one.get("url") == _DECIMALS), None
    )
    quantity = answer.get("valueQuantity")
    value = quantity.get("value") if type(quantity) is dict else answer.get("valueDecimal")
    if type(limit) is int and value is not None and len(str(value).partition(".")[2]) > limit:
        segment = "value.ofType(Quantity)" if quantity is not None else "value.ofType(decimal)"
        scope.error("form-decimals", (path, segment, None), ("limit", str(limit)))
