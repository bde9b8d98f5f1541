"""When an invariant cannot but hold: the names of an object's properties tell.

``enableWhen.count() >= 2 implies enableBehavior.exists()`` says nothing of an element without ``enableWhen``. That is
in the text: here an expression is evaluated over what is certain (:class:`Known`) instead of over data. What may end
in an error, or depends on the surroundings (``%resource``), is never certain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum, auto

from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.parser import Tree, parse
from fhir_plugin.validation.schema import Schema

__all__ = ["Holds", "holds_with"]


class Known(Enum):
    """What is certain of a result."""

    EMPTY = auto()
    TRUE = auto()
    FALSE = auto()
    BOOLEAN = auto()
    """True or false."""
    ITEMS = auto()
    """Any number of items, and no error."""
    PRESENT = auto()
    """One item at least."""
    NOTHING = auto()
    """It may even end in an error."""


class Holds(Enum):
    """What the names of an object's properties tell of an invariant."""

    ALWAYS = auto()
    """It holds, whatever the values are."""
    IF_SOUND = auto()
    """It holds if the values have the shape that their types ask for."""
    OPEN = auto()
    """The values tell."""


def holds_with(schema: Schema, expression: str, type_key: str, names: Collection[str]) -> Holds:
    """What is certain of an invariant on an object of a type that has exactly these JSON properties."""
    try:
        tree = parse(expression)
    except FhirPathError:
        return Holds.OPEN
    known = {name: _presence(schema, type_key, name, names) for name in set(_names(tree))}
    if _certain(tree, {name: _SOME.get(one, one) for name, one in known.items()}) is Known.TRUE:
        return Holds.ALWAYS
    return Holds.IF_SOUND if _certain(tree, known) is Known.TRUE else Holds.OPEN


def _presence(schema: Schema, type_key: str, name: str, names: Collection[str]) -> Known:
    """What is certain of a FHIRPath name."""
    specs = schema.named(type_key, name)
    if any(one.json_name in names for one in specs):
        return Known.PRESENT
    if any(f"_{one.json_name}" in names for one in specs):
        return Known.ITEMS
    return Known.EMPTY if specs else Known.NOTHING


_SOME = {Known.PRESENT: Known.ITEMS}
"""A property that is there may hold nothing."""


def _names(tree: Tree) -> Iterator[str]:
    if tree[0] == "name" and tree[1][:1].islower():  # ``Patient`` may be the type of the element itself
        yield str(tree[1])
    for part in tree[1:]:
        if type(part) is tuple and part:
            yield from _names(part if type(part[0]) is str else ("", *part))


def _certain(tree: Tree, known: Mapping[str, Known]) -> Known:
    kind = tree[0]
    if kind == "name":
        return known.get(tree[1], Known.NOTHING)
    if kind == "literal" and type(tree[1]) is bool:
        return Known.TRUE if tree[1] else Known.FALSE
    if kind == "dot":
        return _followed(_certain(tree[1], known), tree[2])
    if kind == "binary":
        apply = _OPERATORS.get(tree[1], _compared)
        return apply(_certain(tree[2], known), _certain(tree[3], known))
    return {"literal": Known.ITEMS, "empty": Known.EMPTY}.get(kind, Known.NOTHING)


def _followed(left: Known, right: Tree) -> Known:
    """The right side of a dot."""
    if right[0] == "name":
        return left if left is Known.EMPTY else Known.ITEMS if left in _ITEMS else Known.NOTHING
    if right[0] != "call":
        return Known.NOTHING
    name, arguments = right[1], right[2]
    if name == "not":
        return _not(left)
    if left is Known.EMPTY:
        return _OF_EMPTY.get(name, Known.NOTHING)
    if name not in ("exists", "empty") or arguments or left not in _ITEMS:
        return Known.NOTHING
    return Known.BOOLEAN if left is Known.ITEMS else Known.TRUE if name == "exists" else Known.FALSE


_ITEMS = (Known.ITEMS, Known.PRESENT)
_NEGATED = {
    Known.EMPTY: Known.EMPTY,
    Known.TRUE: Known.FALSE,
    Known.FALSE: Known.TRUE,
    Known.BOOLEAN: Known.BOOLEAN,
}
_OF_EMPTY = {
    **dict.fromkeys(("where", "select", "first", "last", "ofType", "as", "resolve"), Known.EMPTY),
    **dict.fromkeys(("exists", "hasValue"), Known.FALSE),
    **dict.fromkeys(("empty", "all", "isDistinct"), Known.TRUE),
}


def _or(left: Known, right: Known) -> Known:
    if left is Known.TRUE or (right is Known.TRUE and left is not Known.NOTHING and left not in _ITEMS):
        return Known.TRUE
    return _undecided(left, right)


def _and(left: Known, right: Known) -> Known:
    return _not(_or(_not(left), _not(right)))


def _implies(left: Known, right: Known) -> Known:
    return _or(_not(left), right)


def _not(one: Known) -> Known:
    return _NEGATED.get(one, Known.NOTHING)


def _undecided(left: Known, right: Known) -> Known:
    """``or`` of sides of which none is true for certain."""
    if left is Known.FALSE:
        return right if right in _NEGATED else Known.NOTHING
    return Known.BOOLEAN if {left, right} <= {Known.TRUE, Known.FALSE, Known.BOOLEAN} else Known.NOTHING


def _equal(left: Known, right: Known) -> Known:
    if {left, right} <= {Known.TRUE, Known.FALSE}:
        return Known.TRUE if left is right else Known.FALSE
    return _compared(left, right)


def _unequal(left: Known, right: Known) -> Known:
    return _not(_equal(left, right))


def _compared(left: Known, right: Known) -> Known:
    """An operator that yields nothing where one side is empty."""
    sides = {left, right}
    return Known.EMPTY if Known.EMPTY in sides and Known.NOTHING not in sides else Known.NOTHING


_OPERATORS: dict[str, Callable[[Known, Known], Known]] = {
    "or": _or,
    "and": _and,
    "implies": _implies,
    "=": _equal,
    "!=": _unequal,
    **dict.fromkeys(("xor", "~", "!~", "|", "&", "contains", "in"), lambda _left, _right: Known.NOTHING),
}
"""Operators for which an empty side is not simply an empty result."""
