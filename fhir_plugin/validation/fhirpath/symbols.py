"""The operators of FHIRPath by their symbol (http://hl7.org/fhirpath/N1/#operations)."""

from __future__ import annotations

from collections.abc import Callable

from fhir_plugin.validation.fhirpath.arithmetic import arithmetic, compare, div, divide, minus, mod, plus, times
from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item
from fhir_plugin.validation.fhirpath.operators import distinct, equal, equivalent, single_string, truth

__all__ = ["EAGER", "LAZY"]

Items = list[Item]


def _answer(value: bool | None) -> Items:
    return [] if value is None else [value]


def _equals(left: Items, right: Items) -> Items:
    if not left or not right:
        return []
    if len(left) != len(right):
        return [False]
    answers = [equal(one, other) for one, other in zip(left, right, strict=True)]
    if False in answers:
        return [False]
    return [] if None in answers else [True]


def _equivalents(left: Items, right: Items) -> Items:
    if len(left) != len(right):
        return [False]
    return [all(any(equivalent(one, other) for other in right) for one in left)]


def _not(items: Items) -> Items:
    return [not items[0]] if items else []


def _union(left: Items, right: Items) -> Items:
    return distinct(left + right)


def _contains(left: Items, right: Items) -> Items:
    if not right:
        return []
    wanted = right[0]
    if len(right) > 1:
        raise FhirPathError("a single item is expected")
    return [any(equal(item, wanted) is True for item in left)]


def _concatenate(left: Items, right: Items) -> Items:
    return [(single_string(left) or "") + (single_string(right) or "")]


LAZY: dict[str, Callable[[Items, Callable[[], Items]], Items]] = {}
"""Operators that may leave their right side alone."""


def _lazy(name: str) -> Callable[[Callable[..., bool | None]], Callable[..., bool | None]]:
    def register(function: Callable[..., bool | None]) -> Callable[..., bool | None]:
        LAZY[name] = lambda left, right: _answer(function(truth(left), lambda: truth(right())))
        return function

    return register


@_lazy("and")
def _and(left: bool | None, right: Callable[[], bool | None]) -> bool | None:
    if left is False:
        return False
    other = right()
    return False if other is False else None if left is None or other is None else True


@_lazy("or")
def _or(left: bool | None, right: Callable[[], bool | None]) -> bool | None:
    if left is True:
        return True
    other = right()
    return True if other is True else None if left is None or other is None else False


@_lazy("implies")
def _implies(left: bool | None, right: Callable[[], bool | None]) -> bool | None:
    if left is False:
        return True
    other = right()
    if left is True:
        return other
    return True if other is True else None


@_lazy("xor")
def _xor(left: bool | None, right: Callable[[], bool | None]) -> bool | None:
    other = right()
    return None if left is None or other is None else left != other


EAGER: dict[str, Callable[[Items, Items], Items]] = {
    "=": _equals,
    "!=": lambda left, right: _not(_equals(left, right)),
    "~": _equivalents,
    "!~": lambda left, right: _not(_equivalents(left, right)),
    "<": compare(lambda order: order < 0),
    "<=": compare(lambda order: order <= 0),
    ">": compare(lambda order: order > 0),
    ">=": compare(lambda order: order >= 0),
    "|": _union,
    "in": lambda left, right: _contains(right, left),
    "contains": _contains,
    "+": arithmetic(plus),
    "-": arithmetic(minus),
    "*": arithmetic(times),
    "/": arithmetic(divide),
    "div": arithmetic(div),
    "mod": arithmetic(mod),
    "&": _concatenate,
}
