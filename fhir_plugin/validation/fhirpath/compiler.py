"""From syntax tree to closures: ``step(env, focus) -> items``.

Everything decidable from the text is decided once: names, operators, functions and literals become closures that only
look at data. Semantics: http://hl7.org/fhirpath/N1/ and http://hl7.org/fhir/R4/fhirpath.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from fhir_plugin.validation.fhirpath import operators
from fhir_plugin.validation.fhirpath.arithmetic import signed
from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item, Node, TypeInfo
from fhir_plugin.validation.fhirpath.parser import Tree, parse
from fhir_plugin.validation.fhirpath.symbols import EAGER, LAZY
from fhir_plugin.validation.schema import Schema

__all__ = ["Compiled", "Environment", "Services", "Step", "compile_expression", "compile_tree"]

Items = list[Item]


class Services(Protocol):
    """What an expression may ask of its surroundings; None means: cannot know."""

    def resolve(self, reference: str) -> Node | None:
        """The resource behind a reference."""

    def conforms(self, node: Node, canonical: str) -> bool | None:
        """Whether a node satisfies a profile."""

    def member_of(self, node: Node, value_set: str) -> bool | None:
        """Whether a code, Coding or CodeableConcept is in a value set."""

    def narrative_ok(self, text: str) -> bool:
        """``htmlChecks()``."""


@dataclass(slots=True)
class Environment:
    """What an expression is evaluated in."""

    schema: Schema
    services: Services | None = None
    resource: Node | None = None
    root: Node | None = None
    context: Item = None
    variables: dict[str, Items] = field(default_factory=dict)
    this: Item = None
    index: int = 0
    total: Items = field(default_factory=list)


Step = Callable[[Environment, Items], Items]

_CONSTANTS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}


class Compiled:
    """An expression ready to run."""

    __slots__ = ("_step", "text")

    def __init__(self, text: str, step: Step) -> None:
        self.text = text
        self._step = step

    def __call__(self, env: Environment, focus: Item) -> Items:
        """The items an expression yields for one focus.

        Raises:
            FhirPathError: the expression has no answer here.
        """
        env.this = focus
        if env.context is None:
            env.context = focus
        try:
            return self._step(env, [focus])
        except RecursionError as error:
            raise FhirPathError("nested too deeply") from error
        except (TypeError, ValueError, ArithmeticError) as error:
            raise FhirPathError(str(error)) from error

    def holds(self, env: Environment, focus: Item) -> bool:
        """The truth of an invariant: empty is false, a single value that is not boolean is true."""
        return operators.truth(self(env, focus)) is True


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Compiled:
    """Compile an expression.

    Raises:
        FhirPathSyntaxError: the text is not FHIRPath, names a function that does not exist, or is nested too deeply.
    """
    return Compiled(text, compile_tree(parse(text)))


def compile_tree(tree: Tree) -> Step:
    """The closure of one node of the syntax tree."""
    compiled: Step = _COMPILERS[tree[0]](tree)
    return compiled


def _literal(tree: Tree) -> Step:
    value = [tree[1]]
    return lambda _env, _focus: value


def _empty(_tree: Tree) -> Step:
    return lambda _env, _focus: []


def _variable(tree: Tree) -> Step:
    name = str(tree[1])
    if name in _CONSTANTS:
        return _literal(("literal", _CONSTANTS[name]))
    for prefix, base in (
        ("vs-", "http://hl7.org/fhir/ValueSet/"),
        ("ext-", "http://hl7.org/fhir/StructureDefinition/"),
    ):
        if name.startswith(prefix):
            return _literal(("literal", base + name[len(prefix) :]))

    def step(env: Environment, _focus: Items) -> Items:
        if name in env.variables:
            return env.variables[name]
        if name not in ("resource", "rootResource", "context"):
            raise FhirPathError(f"%{name} is not known")
        value = {"resource": env.resource, "rootResource": env.root, "context": env.context}[name]
        return [] if value is None else [value]

    return step


def _special(tree: Tree) -> Step:
    if tree[1] == "$this":
        return lambda env, _focus: [env.this]
    if tree[1] == "$index":
        return lambda env, _focus: [env.index]
    return lambda env, _focus: env.total


def _name(tree: Tree) -> Step:
    """A member; at the head of an expression also the type of the focus (``Patient.name``)."""
    name = str(tree[1])
    maybe_type = name[:1].isupper()

    def step(_env: Environment, focus: Items) -> Items:
        if len(focus) == 1 and type(focus[0]) is Node:
            node = focus[0]
            if maybe_type and operators.is_type(node, name):
                return focus
            return node.child(name)
        found: Items = []
        for item in focus:
            if type(item) is Node:
                found += [item] if maybe_type and operators.is_type(item, name) else item.child(name)
            elif type(item) is TypeInfo and name in ("name", "namespace"):
                found.append(getattr(item, name))
        return found

    return step


def _dot(tree: Tree) -> Step:
    left, right = compile_tree(tree[1]), compile_tree(tree[2])
    return lambda env, focus: right(env, left(env, focus))


def _index(tree: Tree) -> Step:
    left, right = compile_tree(tree[1]), compile_tree(tree[2])

    def step(env: Environment, focus: Items) -> Items:
        place = operators.single_integer(right(env, focus))
        items = left(env, focus)
        return [items[place]] if place is not None and 0 <= place < len(items) else []

    return step


def _sign(tree: Tree) -> Step:
    inner = compile_tree(tree[2])
    negative = tree[1] == "-"
    return lambda env, focus: signed(inner(env, focus), negative=negative)


def _binary(tree: Tree) -> Step:
    left, right = compile_tree(tree[2]), compile_tree(tree[3])
    lazy = LAZY.get(tree[1])
    if lazy is not None:
        return lambda env, focus: lazy(left(env, focus), lambda: right(env, focus))
    apply = EAGER[tree[1]]
    return lambda env, focus: apply(left(env, focus), right(env, focus))


def _type(tree: Tree) -> Step:
    inner, name = compile_tree(tree[2]), str(tree[3])
    apply = operators.test_type if tree[1] == "is" else operators.cast
    return lambda env, focus: apply(inner(env, focus), name)


def _call(tree: Tree) -> Step:
    from fhir_plugin.validation.fhirpath.functions import compile_call

    return compile_call(str(tree[1]), tree[2])


_COMPILERS: dict[str, Callable[[Tree], Any]] = {
    "literal": _literal,
    "empty": _empty,
    "variable": _variable,
    "special": _special,
    "name": _name,
    "dot": _dot,
    "index": _index,
    "sign": _sign,
    "binary": _binary,
    "type": _type,
    "call": _call,
}
