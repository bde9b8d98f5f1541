"""Order and arithmetic of single values (http://hl7.org/fhirpath/N1/#comparison, #math)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir_plugin.validation.fhirpath import dates
from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item
from fhir_plugin.validation.fhirpath.operators import single
from fhir_plugin.validation.fhirpath.values import Moment, Quantity, compare_moments, compare_quantities

__all__ = ["arithmetic", "compare", "div", "divide", "minus", "mod", "plus", "signed", "times"]

Items = list[Item]


def compare(test: Callable[[int], bool]) -> Callable[[Items, Items], Items]:
    """An ordering operator: empty where either side is, or where precision leaves it open."""

    def apply(left: Items, right: Items) -> Items:
        one, other = single(left), single(right)
        if one is None or other is None:
            return []
        order = _order(one, other)
        return [] if order is None else [test(order)]

    return apply


def _order(one: Any, other: Any) -> int | None:
    if isinstance(one, Moment) or isinstance(other, Moment):
        one = Moment.parse(one) if isinstance(one, str) else one
        other = Moment.parse(other) if isinstance(other, str) else other
        if isinstance(one, Moment) and isinstance(other, Moment):
            return compare_moments(one, other)
    elif isinstance(one, Quantity) and isinstance(other, Quantity):
        return compare_quantities(one, other)
    elif isinstance(one, Quantity) != isinstance(other, Quantity):
        one, other = _as_quantity(one), _as_quantity(other)
        return compare_quantities(one, other)
    elif (isinstance(one, str) and isinstance(other, str)) or _numbers(one, other):
        return int(one > other) - int(one < other)
    raise FhirPathError("these values have no order")


def _as_quantity(value: Any) -> Quantity:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Quantity(Decimal(value), "1")
    raise FhirPathError("these values have no order")


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values)


def arithmetic(apply: Callable[[Any, Any], Any]) -> Callable[[Items, Items], Items]:
    """An operator over two single values; empty where either side is."""

    def run(left: Items, right: Items) -> Items:
        one, other = single(left), single(right)
        if one is None or other is None:
            return []
        value = apply(one, other)
        return [] if value is None else [value]

    return run


def plus(one: Any, other: Any) -> Any:
    """``+``: numbers, strings, quantities of one unit, and moments with a duration."""
    if isinstance(one, Moment) and isinstance(other, Quantity):
        return dates.shifted(one, other)
    if isinstance(one, Quantity) and isinstance(other, Quantity) and one.unit == other.unit:
        return Quantity(one.value + other.value, one.unit)
    if _numbers(one, other) or (isinstance(one, str) and isinstance(other, str)):
        return one + other
    raise FhirPathError("these values cannot be added")


def minus(one: Any, other: Any) -> Any:
    """``-``: numbers, quantities of one unit, and moments with a duration."""
    if isinstance(one, Moment) and isinstance(other, Quantity):
        return dates.shifted(one, Quantity(-other.value, other.unit))
    if isinstance(one, Quantity) and isinstance(other, Quantity) and one.unit == other.unit:
        return Quantity(one.value - other.value, one.unit)
    if _numbers(one, other):
        return one - other
    raise FhirPathError("these values cannot be subtracted")


def times(one: Any, other: Any) -> Any:
    """``*``."""
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        left, right = _as_quantity(one), _as_quantity(other)
        return Quantity(left.value * right.value, _joined_units(left.unit, ".", right.unit))
    return one * other if _numbers(one, other) else _no_number()


def divide(one: Any, other: Any) -> Any:
    """``/``: always a decimal; empty for division by zero."""
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        left, right = _as_quantity(one), _as_quantity(other)
        return Quantity(left.value / right.value, _joined_units(left.unit, "/", right.unit)) if right.value else None
    if not _numbers(one, other):
        _no_number()
    return Decimal(one) / Decimal(other) if other else None


def _joined_units(one: str, sign: str, other: str) -> str:
    """The unit of a product or a quotient, as UCUM writes it."""
    if other == "1":
        return one
    if one == other and sign == "/":
        return "1"
    if one == "1" and sign == ".":
        return other
    return f"({one}){sign}({other})"


def _no_number() -> Any:
    raise FhirPathError("numbers are expected")


def div(one: Any, other: Any) -> Any:
    """``div``: whole division."""
    return int(Decimal(one) / Decimal(other)) if _numbers(one, other) and other else None


def mod(one: Any, other: Any) -> Any:
    """``mod``: the remainder."""
    if not _numbers(one, other) or not other:
        return None
    value = Decimal(one) % Decimal(other)
    return int(value) if type(one) is int and type(other) is int else value


def signed(items: Items, *, negative: bool) -> Items:
    """``+x`` and ``-x``."""
    value = single(items)
    if value is None or not negative:
        return items
    if isinstance(value, Quantity):
        return [Quantity(-value.value, value.unit)]
    return [-value] if _numbers(value) else _no_number()
