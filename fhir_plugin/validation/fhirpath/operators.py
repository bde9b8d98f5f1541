"""Operators and the notions under them: truth, equality, equivalence, order, types (http://hl7.org/fhirpath/N1/#operations)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir_plugin.validation.fhirpath import dates
from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item, Node, system_value
from fhir_plugin.validation.fhirpath.values import Moment, Quantity, compare_moments, compare_quantities

__all__ = [
    "EAGER", "LAZY", "cast", "distinct", "equal", "equivalent", "is_type", "signed", "single", "single_integer",
    "single_string", "test_type", "truth", "type_of",
]  # fmt: skip

Items = list[Item]
_SYSTEM = {bool: "Boolean", int: "Integer", Decimal: "Decimal", str: "String", Quantity: "Quantity"}
_MOMENT = {"date": "Date", "dateTime": "DateTime", "time": "Time"}


def single(items: Items) -> Any:
    """The one value of a collection, None when empty.

    Raises:
        FhirPathError: there are several.
    """
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError("a single item is expected")
    return system_value(items[0])


def single_string(items: Items) -> str | None:
    """The one string, None when empty or without a value."""
    value = single(items)
    if value is None:
        return None
    if type(value) is Moment:
        return value.text
    if not isinstance(value, str):
        raise FhirPathError("a string is expected")
    return value


def single_integer(items: Items) -> int | None:
    """The one integer, None when empty."""
    value = single(items)
    if value is None:
        return None
    if type(value) is not int:
        raise FhirPathError("an integer is expected")
    return value


def truth(items: Items) -> bool | None:
    """Boolean of a collection: None when empty, true for a single item of another type."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError("a single item is expected")
    value = items[0].value if type(items[0]) is Node else items[0]
    return value if type(value) is bool else True


def _answer(value: bool | None) -> Items:
    return [] if value is None else [value]


def equal(left: Item, right: Item) -> bool | None:
    """``=`` for two items; None where it cannot be known."""
    one, other = system_value(left), system_value(right)
    if type(one) is Node or type(other) is Node:
        return type(one) is type(other) and one.value == other.value and one.extra == other.extra
    if isinstance(one, Moment) or isinstance(other, Moment):
        return _equal_moments(one, other)
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        order = compare_quantities(one, other)
        return None if order is None else order == 0
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def _equal_moments(one: Any, other: Any) -> bool | None:
    one = Moment.parse(one) if isinstance(one, str) else one
    other = Moment.parse(other) if isinstance(other, str) else other
    if not isinstance(one, Moment) or not isinstance(other, Moment):
        return False
    if (one.kind == "time") != (other.kind == "time"):
        return False
    order = compare_moments(one, other)
    if order is None:
        return None
    return order == 0


def equivalent(left: Item, right: Item) -> bool:
    """``~`` for two items: without regard to case, white space, precision of decimals or order of children."""
    one, other = system_value(left), system_value(right)
    if type(one) is Node and type(other) is Node:
        return _equivalent_nodes(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
    if isinstance(one, Moment) and isinstance(other, Moment):
        return len(one.parts) == len(other.parts) and compare_moments(one, other) == 0
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        (left_value, unit), (right_value, other_unit) = one.canonical(), other.canonical()
        return unit == other_unit and _equivalent_decimals(left_value, right_value)
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        return _equivalent_decimals(one, other)
    return equal(one, other) is True


def _equivalent_nodes(one: Node, other: Node) -> bool:
    left, right = list(one.children()), list(other.children())
    return len(left) == len(right) and all(any(equivalent(a, b) for b in right) for a in left)


def _equivalent_decimals(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool) or not all(isinstance(x, int | Decimal) for x in (one, other)):
        return False
    left, right = Decimal(one), Decimal(other)
    exponent = max(_exponent(left), _exponent(right))
    step = Decimal(1).scaleb(exponent)
    return left.quantize(step) == right.quantize(step)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


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


def distinct(items: Items) -> Items:
    """Items without repeats, in order."""
    seen: set[Any] = set()
    found: Items = []
    for item in items:
        value = system_value(item)
        if type(value) is str:
            if value in seen:
                continue
            seen.add(value)
        elif any(equal(item, other) is True for other in found):
            continue
        found.append(item)
    return found


def _union(left: Items, right: Items) -> Items:
    return distinct(left + right)


def _contains(left: Items, right: Items) -> Items:
    if not right:
        return []
    wanted = right[0]
    if len(right) > 1:
        raise FhirPathError("a single item is expected")
    return [any(equal(item, wanted) is True for item in left)]


def _compare(test: Callable[[int], bool]) -> Callable[[Items, Items], Items]:
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


def _arithmetic(apply: Callable[[Any, Any], Any]) -> Callable[[Items, Items], Items]:
    def run(left: Items, right: Items) -> Items:
        one, other = single(left), single(right)
        if one is None or other is None:
            return []
        value = apply(one, other)
        return [] if value is None else [value]

    return run


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, Moment) and isinstance(other, Quantity):
        return dates.shifted(one, other)
    if isinstance(one, Quantity) and isinstance(other, Quantity) and one.unit == other.unit:
        return Quantity(one.value + other.value, one.unit)
    if _numbers(one, other) or (isinstance(one, str) and isinstance(other, str)):
        return one + other
    raise FhirPathError("these values cannot be added")


def _minus(one: Any, other: Any) -> Any:
    if isinstance(one, Moment) and isinstance(other, Quantity):
        return dates.shifted(one, Quantity(-other.value, other.unit))
    if isinstance(one, Quantity) and isinstance(other, Quantity) and one.unit == other.unit:
        return Quantity(one.value - other.value, one.unit)
    if _numbers(one, other):
        return one - other
    raise FhirPathError("these values cannot be subtracted")


def _times(one: Any, other: Any) -> Any:
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        left, right = _as_quantity(one), _as_quantity(other)
        return Quantity(left.value * right.value, right.unit if left.unit == "1" else left.unit)
    return one * other if _numbers(one, other) else _no_number()


def _divide(one: Any, other: Any) -> Any:
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        left, right = _as_quantity(one), _as_quantity(other)
        unit = "1" if left.unit == right.unit else left.unit
        return Quantity(left.value / right.value, unit) if right.value else None
    if not _numbers(one, other):
        _no_number()
    return Decimal(one) / Decimal(other) if other else None


def _no_number() -> Any:
    raise FhirPathError("numbers are expected")


def _div(one: Any, other: Any) -> Any:
    return int(Decimal(one) / Decimal(other)) if _numbers(one, other) and other else None


def _mod(one: Any, other: Any) -> Any:
    if not _numbers(one, other) or not other:
        return None
    value = Decimal(one) % Decimal(other)
    return int(value) if type(one) is int and type(other) is int else value


def _concatenate(left: Items, right: Items) -> Items:
    return [(single_string(left) or "") + (single_string(right) or "")]


def signed(items: Items, *, negative: bool) -> Items:
    """``+x`` and ``-x``."""
    value = single(items)
    if value is None or not negative:
        return items
    if isinstance(value, Quantity):
        return [Quantity(-value.value, value.unit)]
    return [-value] if _numbers(value) else _no_number()


def is_type(item: Item, name: str) -> bool:
    """``is``: FHIR types (with their ancestors) for elements, System types for system values."""
    space, _, bare = name.rpartition(".")
    if type(item) is Node:
        if space == "System":
            return False
        type_name = item.type_name
        return bare == type_name or (
            (bare[:1].isupper() or bare in ("string", "uri", "integer")) and (bare in item.schema.ancestors(type_name))
        )
    return space != "FHIR" and bare == type_of(item)[1]


def type_of(item: Item) -> tuple[str, str]:
    """Namespace and name of an item's type."""
    if type(item) is Node:
        return "FHIR", item.type_name
    return "System", _MOMENT[item.kind] if isinstance(item, Moment) else _SYSTEM.get(type(item), "")


def test_type(items: Items, name: str) -> Items:
    """``x is T``: exact; a FHIR primitive is not a System type, except where invariants write ``is Boolean``."""
    if len(items) > 1:
        raise FhirPathError("a single item is expected")
    return [is_type(items[0], name)] if items else []


def cast(items: Items, name: str) -> Items:
    """``x as T`` and ``ofType(T)``: the items of that type; among primitives the type itself (a code is no string)."""
    bare = name.rpartition(".")[2]
    if bare[:1].islower():
        return [item for item in items if type_of(item)[1] == bare]
    return [item for item in items if is_type(item, name)]


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
    "<": _compare(lambda order: order < 0),
    "<=": _compare(lambda order: order <= 0),
    ">": _compare(lambda order: order > 0),
    ">=": _compare(lambda order: order >= 0),
    "|": _union,
    "in": lambda left, right: _contains(right, left),
    "contains": _contains,
    "+": _arithmetic(_plus),
    "-": _arithmetic(_minus),
    "*": _arithmetic(_times),
    "/": _arithmetic(_divide),
    "div": _arithmetic(_div),
    "mod": _arithmetic(_mod),
    "&": _concatenate,
}
