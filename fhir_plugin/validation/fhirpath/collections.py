"""Functions over collections: existence, filtering, subsetting, combining (http://hl7.org/fhirpath/N1/#existence)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.fhirpath.compiler import Environment, Step
from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item
from fhir_plugin.validation.fhirpath.operators import distinct, equal, single_integer, truth

__all__ = ["CRITERIA", "PLAIN"]

Items = list[Item]


def _each(env: Environment, focus: Items, step: Step, stop: Callable[[Item, Items], bool]) -> bool:
    """Run ``step`` with every item as ``$this`` until ``stop`` says so. Whether it was stopped."""
    this, index = env.this, env.index
    try:
        for place, item in enumerate(focus):
            env.this, env.index = item, place
            if stop(item, step(env, [item])):
                return True
        return False
    finally:
        env.this, env.index = this, index


def _where(criteria: Step) -> Step:
    def run(env: Environment, focus: Items) -> Items:
        found: Items = []

        def keep(item: Item, answer: Items) -> bool:
            if truth(answer):
                found.append(item)
            return False

        _each(env, focus, criteria, keep)
        return found

    return run


def _select(projection: Step) -> Step:
    def run(env: Environment, focus: Items) -> Items:
        found: Items = []

        def keep(_item: Item, answer: Items) -> bool:
            found.extend(answer)
            return False

        _each(env, focus, projection, keep)
        return found

    return run


def _exists(criteria: Step | None = None) -> Step:
    if criteria is None:
        return lambda _env, focus: [bool(focus)]
    return lambda env, focus: [_each(env, focus, criteria, lambda _item, answer: truth(answer) is True)]


def _all(criteria: Step) -> Step:
    return lambda env, focus: [not _each(env, focus, criteria, lambda _item, answer: truth(answer) is not True)]


def _repeat(projection: Step) -> Step:
    select = _select(projection)

    def run(env: Environment, focus: Items) -> Items:
        found: Items = []
        waiting = list(focus)
        while waiting:
            fresh = distinct(select(env, waiting))
            waiting = [item for item in fresh if not any(equal(item, other) is True for other in found)]
            found += waiting
        return found

    return run


def _aggregate(step: Step, start: Step | None = None) -> Step:
    def run(env: Environment, focus: Items) -> Items:
        outer = env.total
        env.total = start(env, focus) if start else []

        def add(_item: Item, answer: Items) -> bool:
            env.total = answer
            return False

        _each(env, focus, step, add)
        result, env.total = env.total, outer
        return result

    return run


def _single(focus: Items) -> Items:
    if len(focus) > 1:
        raise FhirPathError("a single item is expected")
    return focus


def _skip(focus: Items, number: Items) -> Items:
    return focus[max(single_integer(number) or 0, 0) :]


def _take(focus: Items, number: Items) -> Items:
    return focus[: max(single_integer(number) or 0, 0)]


def _has(items: Items, wanted: Item) -> bool:
    return any(equal(item, wanted) is True for item in items)


def _subset(focus: Items, other: Items) -> Items:
    return [all(_has(other, item) for item in focus)]


def _booleans(test: Callable[[list[bool | None]], bool]) -> Callable[[Items], Items]:
    return lambda focus: [test([truth([item]) for item in focus])]


CRITERIA: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "where": (1, 1, _where),
    "select": (1, 1, _select),
    "exists": (0, 1, _exists),
    "all": (1, 1, _all),
    "repeat": (1, 1, _repeat),
    "aggregate": (1, 2, _aggregate),
}
PLAIN: dict[str, tuple[int, int, Callable[..., Items]]] = {
    "empty": (0, 0, lambda focus: [not focus]),
    "count": (0, 0, lambda focus: [len(focus)]),
    "first": (0, 0, lambda focus: focus[:1]),
    "last": (0, 0, lambda focus: focus[-1:]),
    "tail": (0, 0, lambda focus: focus[1:]),
    "single": (0, 0, _single),
    "skip": (1, 1, _skip),
    "take": (1, 1, _take),
    "distinct": (0, 0, distinct),
    "isDistinct": (0, 0, lambda focus: [len(distinct(focus)) == len(focus)]),
    "allTrue": (0, 0, _booleans(lambda values: all(value is True for value in values))),
    "anyTrue": (0, 0, _booleans(lambda values: any(value is True for value in values))),
    "allFalse": (0, 0, _booleans(lambda values: all(value is False for value in values))),
    "anyFalse": (0, 0, _booleans(lambda values: any(value is False for value in values))),
    "subsetOf": (1, 1, _subset),
    "supersetOf": (1, 1, lambda focus, other: _subset(other, focus)),
    "union": (1, 1, lambda focus, other: distinct(focus + other)),
    "combine": (1, 1, lambda focus, other: focus + other),
    "intersect": (1, 1, lambda focus, other: distinct([item for item in focus if _has(other, item)])),
    "exclude": (1, 1, lambda focus, other: [item for item in focus if not _has(other, item)]),
}
