"""When an invariant cannot but hold: an element it is about is not there.

``enableWhen.count() >= 2 implies enableBehavior.exists()`` says nothing of an element without ``enableWhen``. That is
in the text: here an expression is evaluated over what is certain (:class:`Known`) instead of over data. What may end
in an error, or depends on the surroundings (``%resource``), is never certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import lru_cache

from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.parser import Tree, parse
from fhir_plugin.validation.schema import Schema

__all__ = ["idle_without"]


class Known(Enum):
    """What is certain of a result."""

    EMPTY = auto()
    TRUE = auto()
    FALSE = auto()
    BOOLEAN = auto()
    """True or false."""
    ITEMS = auto()
    """Any number of items, and no error."""
    NOTHING = auto()
    """It may even end in an error."""


def idle_without(schema: Schema, expression: str, type_key: str) -> tuple[frozenset[str], ...]:
    """Groups of JSON properties: an object of a type that lacks all of one group satisfies an invariant for certain."""
    return tuple(
        frozenset(
            key
            for name in group
            for spec in schema.named(type_key, name)
            for key in (spec.json_name, f"_{spec.json_name}")
        )
        for group in _idle_names(expression)
    )


@lru_cache(maxsize=4096)
def _idle_names(expression: str) -> tuple[frozenset[str], ...]:
    """As :func:`idle_without`, in FHIRPath names."""
    try:
        tree = parse(expression)
    except FhirPathError:
        return ()
    names = frozenset(_names(tree))
    alone = tuple(one for name in sorted(names) if _certain(tree, one := frozenset({name})) is Known.TRUE)
    return alone or ((names,) if _certain(tree, names) is Known.TRUE else ())


def _names(tree: Tree) -> Iterator[str]:
    if tree[0] == "name" and tree[1][:1].islower():  # ``Patient`` may be the type of the element itself
        yield str(tree[1])
    for part in tree[1:]:
        if type(part) is tuple and part:
            yield from _names(part if type(part[0]) is str else ("", *part))


def _certain(tree: Tree, absent: frozenset[str]) -> Known:
    kind = tree[0]
    if kind == "name":
        if tree[1] in absent:
            return Known.EMPTY
        return Known.ITEMS if tree[1][:1].islower() else Known.NOTHING
    if kind == "literal" and type(tree[1]) is bool:
        return Known.TRUE if tree[1] else Known.FALSE
    if kind == "dot":
        return _followed(_certain(tree[1], absent), tree[2])
    if kind == "binary":
        apply = _OPERATORS.get(tree[1], _compared)
        return apply(_certain(tree[2], absent), _certain(tree[3], absent))
    return {"literal": Known.ITEMS, "empty": Known.EMPTY}.get(kind, Known.NOTHING)


def _followed(left: Known, right: Tree) -> Known:
    """The right side of a dot."""
    if right[0] == "name":
        return left if left is Known.EMPTY else Known.ITEMS if left is Known.ITEMS else Known.NOTHING
    if right[0] != "call":
        return Known.NOTHING
    name, arguments = right[1], right[2]
    if name == "not":
        return _NEGATED.get(left, Known.NOTHING)
    if left is Known.EMPTY:
        return _OF_EMPTY.get(name, Known.NOTHING)
    return Known.BOOLEAN if name in ("exists", "empty") and not arguments and left is Known.ITEMS else Known.NOTHING


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
    if left is Known.TRUE or (right is Known.TRUE and left is not Known.NOTHING and left is not Known.ITEMS):
        return Known.TRUE
    return _boolean(left, right, Known.FALSE)


def _and(left: Known, right: Known) -> Known:
    return Known.TRUE if left is right is Known.TRUE else _boolean(left, right, Known.TRUE)


def _implies(left: Known, right: Known) -> Known:
    return _or(_NEGATED.get(left, Known.NOTHING), right)


def _boolean(left: Known, right: Known, neutral: Known) -> Known:
    """The result of a logical operator that is not decided by one side."""
    if left is neutral:
        return right if right in _NEGATED else Known.NOTHING
    return Known.BOOLEAN if {left, right} <= {Known.TRUE, Known.FALSE, Known.BOOLEAN} else Known.NOTHING


def _compared(left: Known, right: Known) -> Known:
    """An operator that yields nothing where one side is empty."""
    sides = {left, right}
    return Known.EMPTY if Known.EMPTY in sides and Known.NOTHING not in sides else Known.NOTHING


_OPERATORS: dict[str, Callable[[Known, Known], Known]] = {
    "or": _or,
    "and": _and,
    "implies": _implies,
    **dict.fromkeys(("xor", "~", "!~", "|", "&", "contains", "in"), lambda _left, _right: Known.NOTHING),
}
"""Operators for which an empty side is not simply an empty result."""
