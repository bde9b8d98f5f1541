"""Invariants that can be read off a JSON object, without the machinery of FHIRPath.

Most invariants ask which elements are there and which code one of them has, as in ``comment.exists() or
equivalence.empty()``. Those parts are closures over the object itself; any other part says :class:`Unclear` when it is
reached, and the interpreter answers. Three values as in http://hl7.org/fhirpath/N1/#boolean-logic: None is empty.
"""

from __future__ import annotations

from collections.abc import Callable

from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.parser import Tree, parse
from fhir_plugin.validation.schema import Schema
from fhir_plugin.validation.snapshots import Json

__all__ = ["Unclear", "direct"]

Reader = Callable[[Json], bool | None]
Keys = tuple[tuple[str, bool], ...]
"""JSON properties, and whether they are of a primitive type."""
_TEXTS = frozenset({"code", "string", "uri", "id"})


class Unclear(Exception):
    """The object alone, or this reading of it, does not tell."""


def direct(schema: Schema, expression: str, type_key: str) -> Reader | None:
    """What an invariant says of an object of a type, or None where hardly any of it can be read off.

    The reader raises :class:`Unclear` where an object leaves the part that can.
    """
    try:
        tree = parse(expression)
    except FhirPathError:
        return None
    reading = _Reading(schema, type_key)
    reader = reading.of(tree)
    return reader if reading.clear else None


class _Reading:
    """One expression on one type.

    Attributes:
        clear: how many parts can be read off.
    """

    def __init__(self, schema: Schema, type_key: str) -> None:
        self._schema = schema
        self._type_key = type_key
        self.clear = 0

    def of(self, tree: Tree) -> Reader:
        """The reader of a tree."""
        kind = tree[0]
        if kind == "binary" and tree[1] in _LOGIC:
            return _LOGIC[tree[1]](self.of(tree[2]), self.of(tree[3]))
        if kind == "binary" and tree[1] in ("=", "!=", "in"):
            return self._compared(tree[1], tree[2], _texts(tree[3]))
        if kind == "dot" and tree[2][0] == "call" and not tree[2][2]:
            return self._asked(tree[1], tree[2][1])
        return _unclear

    def _asked(self, left: Tree, question: str) -> Reader:
        if question == "not":
            return _not(self.of(left))
        keys = self._keys(left)
        if not keys or question not in ("exists", "empty"):
            return _unclear
        self.clear += 1
        wanted = question == "exists"
        return lambda value: _present(value, keys) is wanted

    def _compared(self, operator: str, left: Tree, texts: tuple[str, ...]) -> Reader:
        name = _name(left)
        spec = self._schema.fields(self._type_key).get(name)
        several = operator != "in" and len(texts) > 1  # then one and two items are compared, which never equal
        if spec is None or not texts or several or spec.is_list or spec.type_key not in _TEXTS or spec.element.choice:
            return _unclear
        self.clear += 1
        wanted, under = operator != "!=", f"_{name}"

        def read(value: Json) -> bool | None:
            found = value.get(name)
            if type(found) is str and under not in value:
                return (found in texts) is wanted
            if name in value or under in value:
                raise Unclear
            return None

        return read

    def _keys(self, tree: Tree) -> Keys:
        """The JSON properties behind one name, with what their values are."""
        named = self._schema.named(self._type_key, _name(tree))
        return tuple((key, one.is_primitive) for one in named for key in (one.json_name, f"_{one.json_name}"))


def _name(tree: Tree) -> str:
    """The one name of a path, which ``trace()`` does not change."""
    if tree[0] == "dot" and tree[2][:2] == ("call", "trace"):
        return _name(tree[1])
    return str(tree[1]) if tree[0] == "name" and tree[1][:1].islower() else ""


def _texts(tree: Tree) -> tuple[str, ...]:
    """The strings of a literal or of a union of them; none for anything else."""
    if tree[0] == "literal" and type(tree[1]) is str:
        return (tree[1],)
    if tree[0] == "binary" and tree[1] == "|":
        left, right = _texts(tree[2]), _texts(tree[3])
        return (*left, *right) if left and right else ()
    return ()


def _present(value: Json, keys: Keys) -> bool:
    for key, is_primitive in keys:
        if key in value:
            found = value[key]
            if type(found) is list:
                found = found[0] if found else None
            fits = type(found) not in (dict, list) and found is not None if is_primitive else type(found) is dict
            if not fits or key[0] == "_":
                raise Unclear
            return True
    return False


def _unclear(_value: Json) -> bool | None:
    raise Unclear


def _not(inner: Reader) -> Reader:
    def read(value: Json) -> bool | None:
        found = inner(value)
        return None if found is None else not found

    return read


def _and(left: Reader, right: Reader) -> Reader:
    def read(value: Json) -> bool | None:
        one = left(value)
        if one is False:
            return False
        other = right(value)
        return False if other is False else None if one is None or other is None else True

    return read


def _or(left: Reader, right: Reader) -> Reader:
    def read(value: Json) -> bool | None:
        one = left(value)
        if one is True:
            return True
        other = right(value)
        return True if other is True else None if one is None or other is None else False

    return read


def _implies(left: Reader, right: Reader) -> Reader:
    def read(value: Json) -> bool | None:
        one = left(value)
        if one is False:
            return True
        other = right(value)
        return other if one is True or other is True else None

    return read


_LOGIC: dict[str, Callable[[Reader, Reader], Reader]] = {"and": _and, "or": _or, "implies": _implies}
