"""Does a path lead anywhere: the elements an expression names, held to the schema before anything is evaluated.

Evaluated, a path to an element that no type has is merely empty, and an invariant with a slip of the pen holds, or
fails, for everybody. What the types of a path are is read off the expression alone: :data:`ANYTHING` where that cannot
be told (``resolve()``, ``children()``, a contained resource), and of that every element is taken to exist.
http://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fhir_plugin.validation.fhirpath.errors import FhirPathSyntaxError
from fhir_plugin.validation.fhirpath.parser import Tree, parse
from fhir_plugin.validation.schema import Schema

__all__ = ["UnknownElement", "unknown_elements"]

Types = frozenset[str] | None
"""Type keys (see ``fhir_plugin.validation.schema``) that items of a path may have."""
ANYTHING: Types = None
_NOTHING: frozenset[str] = frozenset()
_ABSTRACT = frozenset({"Resource", "DomainResource", "Element", "BackboneElement", ""})
_OF_ITEM = frozenset({"where", "exists", "all", "select", "iif", "aggregate", "trace"})
"""Functions that evaluate their arguments on each item of the focus."""
_SAME = frozenset({"where", "first", "last", "tail", "skip", "take", "single", "distinct", "trace", "intersect",
                   "exclude", "defineVariable"})  # fmt: skip
"""Functions that yield items of their focus."""


class UnknownElement(NamedTuple):
    """A name in a path that nothing has that may stand before it.

    Attributes:
        name: as the expression writes it.
        within: the types that do not have it.
    """

    name: str
    within: str


def unknown_elements(schema: Schema, expression: str, type_keys: Iterable[str]) -> tuple[UnknownElement, ...]:
    """The names in an expression that lead nowhere from an element; none for what is not FHIRPath at all.

    Args:
        schema: the types there are.
        expression: FHIRPath.
        type_keys: the types that the element has it is evaluated on.
    """
    try:
        tree = parse(expression)
    except FhirPathSyntaxError:
        return ()
    walk = _Walk(schema)
    focus = walk.known(set(type_keys))
    walk.types(tree, focus, focus)
    return tuple(dict.fromkeys(walk.unknown))


class _Walk:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.unknown: list[UnknownElement] = []

    def known(self, keys: set[str]) -> Types:
        """Type keys of which one can tell the elements; anything else may have any."""
        if not _ABSTRACT.isdisjoint(keys) or any(not self._schema.fields(one) for one in keys):
            return ANYTHING
        return frozenset(keys)

    def types(self, tree: Tree, focus: Types, this: Types) -> Types:
        """What a tree yields on a focus, noting the names that lead nowhere."""
        kind = tree[0]
        if kind == "name":
            return self._named(str(tree[1]), focus)
        if kind == "dot":
            return self.types(tree[2], self.types(tree[1], focus, this), this)
        if kind == "call":
            return self._called(str(tree[1]), tree[2], focus, this)
        if kind == "index":
            self.types(tree[2], this, this)
            return self.types(tree[1], focus, this)
        if kind == "type":
            found = self.types(tree[2], focus, this)
            return self._cast(str(tree[3]), found) if tree[1] == "as" else ANYTHING
        if kind == "binary":
            left, right = self.types(tree[2], focus, this), self.types(tree[3], focus, this)
            return _either(left, right) if tree[1] == "|" else ANYTHING
        if kind == "sign":
            self.types(tree[2], focus, this)
        if tree == ("special", "$this"):
            return this
        return _NOTHING if kind == "empty" else ANYTHING

    def _named(self, name: str, focus: Types) -> Types:
        if focus is ANYTHING or not focus:
            return focus
        if name[:1].isupper():
            fitting = {key for key in focus if self._schema.is_a(key, name)}
            if fitting:
                return frozenset(fitting)
        found = {spec.type_key for key in focus for spec in self._schema.named(key, name)}
        if not found:
            self.unknown.append(UnknownElement(name, ", ".join(sorted(focus))))
            return ANYTHING
        return self.known(found)

    def _called(self, name: str, arguments: tuple[Tree, ...], focus: Types, this: Types) -> Types:
        if name in ("ofType", "as"):
            return self._cast(_type_name(arguments[0]) if arguments else "", focus)
        if name == "is":
            return ANYTHING
        if name == "repeat":
            return self._repeated(arguments, focus)
        inner = focus if name in _OF_ITEM else this
        found = [self.types(one, inner, inner) for one in arguments]
        if name in _SAME:
            return focus
        if name in ("union", "combine") and found:
            return _either(focus, found[0])
        if name == "iif":
            return _either(*found[1:], _NOTHING)
        if name == "extension":
            return self.known({"Extension"})
        return found[0] if name == "select" and found else ANYTHING

    def _repeated(self, arguments: tuple[Tree, ...], focus: Types) -> Types:
        """``repeat(x)``: what ``x`` yields on the focus, and again on that; later rounds may come to an end."""
        found = self.types(arguments[0], focus, focus) if arguments else ANYTHING
        noted = len(self.unknown)
        grown = _NOTHING if found is not ANYTHING else ANYTHING
        while found is not ANYTHING and found != grown:
            grown = found
            found = _either(grown, self.types(arguments[0], grown, grown))
        del self.unknown[noted:]
        return found

    def _cast(self, name: str, focus: Types) -> Types:
        """Of another type; one that nobody has is left to the evaluation, which says so."""
        bare = name.rpartition(".")[2]
        return ANYTHING if name.startswith("System.") or focus == _NOTHING else self.known({bare})


def _either(*sides: Types) -> Types:
    found: frozenset[str] = _NOTHING
    for one in sides:
        if one is None:
            return ANYTHING
        found |= one
    return found


def _type_name(tree: Tree) -> str:
    return str(tree[1]) if tree[0] == "name" else _type_name(tree[2]) if tree[0] == "dot" else ""
