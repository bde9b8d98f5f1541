"""Whether a question applies, given the other answers (http://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fhir_plugin.validation.artifacts.reading import choice, items, text
from fhir_plugin.validation.fhirpath import Environment, FhirPathError, compile_expression
from fhir_plugin.validation.profile.compare import order, same
from fhir_plugin.validation.scope import Scope

__all__ = ["enabled"]

Json = dict[str, Any]
_EXPRESSIONS = frozenset({
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression",
    "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen",
})  # fmt: skip
"""Extensions whose FHIRPath decides: SDC's (an Expression), and the older one of Finland's Kanta (a string)."""
_ORDERED: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip


def enabled(question: Json, around: Sequence[Json], scope: Scope) -> bool:
    """Whether a question is asked.

    Args:
        question: the item of the questionnaire.
        around: the part of the response its answer would stand in and what is around that, from the inside out: of
            questions that repeat, the nearest answer counts.
        scope: the whole response.
    """
    verdicts = [_holds(one, around, scope) for one, _ in items(question, "enableWhen", scope.path)]
    if verdicts:
        return any(verdicts) if text(question, "enableBehavior") == "any" else all(verdicts)
    for extension, _ in items(question, "extension", scope.path):
        if extension.get("url") in _EXPRESSIONS:
            value = choice(extension, "value")[1]
            return _true(text(value, "expression") if type(value) is dict else str(value), scope)
    return True


def _holds(condition: Json, around: Sequence[Json], scope: Scope) -> bool:
    wanted, link = choice(condition, "answer")[1], text(condition, "question")
    nearest = next((found for one in around if (found := list(_items(one, link, scope)))), [])
    given = [choice(one, "value")[1] for item in nearest for one, _ in items(item, "answer", scope.path)]
    relation = text(condition, "operator")
    if relation == "exists":
        return bool(given) == (wanted is True)
    return any(_compare(relation, one, wanted) for one in given)


def _items(holder: Json, link: str, scope: Scope) -> Iterator[Json]:
    """Every item with a linkId under a part of the response."""
    for item, path in items(holder, "item", scope.path):
        if text(item, "linkId") == link:
            yield item
        for answer, _ in items(item, "answer", path):
            yield from _items(answer, link, scope)
        yield from _items(item, link, scope)


def _compare(relation: str, given: Any, wanted: Any) -> bool:
    if relation in ("=", "!="):
        return _equal(given, wanted) == (relation == "=")
    found = order(given, wanted)
    return found is not None and relation in _ORDERED and _ORDERED[relation](found, 0)


def _equal(given: Any, wanted: Any) -> bool:
    """Equality; of codings by system and code alone."""
    if type(given) is dict and type(wanted) is dict and "code" in wanted:
        return (given.get("system"), given.get("code")) == (wanted.get("system"), wanted.get("code"))
    return same(wanted, given)


def _true(expression: str, scope: Scope) -> bool:
    """Whether an expression holds for the response; one without an answer does not hide a question."""
    node = scope.resource_node()
    env = Environment(scope.engine.schema, scope.engine.services(scope), node, scope.root.resource_node())
    try:
        return compile_expression(expression).holds(env, node)
    except FhirPathError:
        return True
