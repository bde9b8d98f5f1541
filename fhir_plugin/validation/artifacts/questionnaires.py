"""Questionnaire: conditions refer to questions that can have been answered before.

http://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.question
"""

from __future__ import annotations

from typing import Any

from fhir_plugin.validation.artifacts.reading import items, text
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_questionnaire"]

Json = dict[str, Any]


def check_questionnaire(scope: Scope) -> None:
    """Report conditions on a question that is not there, that is the question itself, below it, or after it."""
    places = {link: number for number, link in enumerate(_links(scope.resource, scope.path))}
    _check_items(scope.resource, scope.path, places, scope)


def _links(holder: Json, path: Path) -> list[str]:
    """Every linkId, in document order."""
    found: list[str] = []
    for item, place in items(holder, "item", path):
        found += [text(item, "linkId"), *_links(item, place)]
    return found


def _check_items(holder: Json, path: Path, places: dict[str, int], scope: Scope) -> None:
    for item, place in items(holder, "item", path):
        own = text(item, "linkId")
        below = set(_links(item, place))
        for condition, _ in items(item, "enableWhen", place):
            wanted = text(condition, "question")
            link = ("link", wanted[:64])
            if wanted in below:
                scope.error("form-condition-inner", place, link)
            elif wanted not in places:
                scope.error("form-condition-unknown", place, link)
            elif wanted == own:
                scope.error("form-condition-self", place, link)
            elif places[wanted] > places.get(own, 0):
                scope.warn("form-condition-later", place, link)
        _check_items(item, place, places, scope)
