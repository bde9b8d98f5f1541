"""The notions under the operators: single values, truth, equality, equivalence, types.

http://hl7.org/fhirpath/N1/#equality, http://hl7.org/fhirpath/N1/#types
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item, Node, system_value
from fhir_plugin.validation.fhirpath.values import Moment, Quantity, compare_moments, compare_quantities

__all__ = [
    "cast", "cast_one", "distinct", "equal",
    "equivalent", "is_type", "single", "single_integer", "single_string", "test_type",
    "truth", "type_of",
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
    """``x as T`` and ``ofType(T)``: the items of that type; among primitives the type itself (a code is no string).

    Invariants of R4 also write ``as String`` for FHIR's own string.
    """
    bare = name.rpartition(".")[2]
    if bare[:1].islower():
        found = [item for item in items if type_of(item)[1] == bare]
    else:
        found = [item for item in items if is_type(item, name) or (bare == name and type_of(item)[1].title() == name)]
    if not found and any(type(item) is Node and not _is_known(item, bare) for item in items):
        raise FhirPathError(f"there is no type {bare}")
    return found


def cast_one(items: Items, name: str) -> Items:
    """``as(T)``: of one item."""
    if len(items) > 1:
        raise FhirPathError("a single item is expected")
    return cast(items, name)


def _is_known(node: Node, name: str) -> bool:
    return name in _MOMENT.values() or name in _SYSTEM.values() or node.schema.tree(name) is not None
