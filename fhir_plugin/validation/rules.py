"""Invariants: the constraints of a definition as tests that report (http://hl7.org/fhir/R4/conformance-rules.html#constraints)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from fhir_plugin.validation.fhirpath import Environment, FhirPathError, Node, compile_expression
from fhir_plugin.validation.fhirpath.direct import Unclear, direct
from fhir_plugin.validation.fhirpath.idle import Holds, holds_with
from fhir_plugin.validation.fhirpath.paths import unknown_elements
from fhir_plugin.validation.native import NATIVE
from fhir_plugin.validation.patches import PATCHES
from fhir_plugin.validation.scope import Path, Scope

if TYPE_CHECKING:
    from fhir_plugin.validation.engine import Engine
    from fhir_plugin.validation.schema import Schema
    from fhir_plugin.validation.snapshots import Element

__all__ = ["Rule", "rules_of"]

Json = dict[str, Any]
_BEST_PRACTICE = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"
_IN_CODE = frozenset({"ele-1", "dom-3", "txt-1", "txt-2"})
"""Checked by the walk itself."""


class Rule:
    """One invariant on one kind of element; compiled when first applied."""

    __slots__ = ("_expression", "_human", "_key", "_native", "_reader", "_severity", "_source", "_type_key")

    def __init__(self, raw: Json, type_key: str, source: str) -> None:
        text = str(raw.get("expression", ""))
        self._expression = PATCHES.get(text, text)
        self._native: Callable[[Any, Any, Scope], bool] | None = NATIVE.get(text)
        self._key = str(raw.get("key", ""))
        self._human = str(raw.get("human", ""))
        self._severity = "warn" if raw.get("severity") == "warning" else "error"
        self._type_key = type_key
        self._source = source
        self._reader: Callable[[Any], bool | None] | None = None

    def apply(self, value: Any, extra: Any, path: Path, scope: Scope) -> None:
        """Report where the invariant does not hold."""
        try:
            holds = self._native(value, extra, scope) if self._native else self._interpret(value, extra, scope)
        except FhirPathError:
            scope.warn("invariant-undecided", path, ("key", self._key), ("text", self._human), source=self._source)
            return
        except (TypeError, AttributeError, KeyError, ValueError):
            return  # the element has a wrong shape, which the walk has reported itself
        if not holds:
            report = scope.error if self._severity == "error" else scope.warn
            report(self._key, path, ("key", self._key), ("text", self._human), source=self._source)

    def flaw(self, engine: Engine, element: Element) -> Callable[[Any, Any, Path, Scope], None] | None:
        """A warning wherever ``element`` is, if the invariant on it names something that does not exist; else None."""
        types = [use.code for use in element.types] if element.choice else [self._type_key]
        unknown = unknown_elements(engine.schema, self._expression, types)
        if not unknown:
            return None
        params = (("key", self._key), ("element", unknown[0].name), ("type", unknown[0].within))

        def warn(_value: Any, _extra: Any, path: Path, scope: Scope) -> None:
            scope.warn("invariant-element-unknown", path, *params, source=self._source)

        return warn

    def holds_with(self, schema: Schema, names: Collection[str]) -> Holds:
        """What is certain of it on an object with exactly these properties."""
        if self._type_key == "Resource" or not _is_sound(self._expression):
            return Holds.OPEN
        return holds_with(schema, self._expression, self._type_key, names)

    def _direct(self, schema: Schema) -> Callable[[Any], bool | None]:
        """What reads it off an object, where that can be done."""
        if self._type_key == "Resource" or not _is_sound(self._expression):
            return _unread
        return direct(schema, self._expression, self._type_key) or _unread

    def _interpret(self, value: Any, extra: Any, scope: Scope) -> bool:
        schema = scope.engine.schema
        if type(value) is dict:
            if self._reader is None:
                self._reader = self._direct(schema)
            try:
                return self._reader(value) is True
            except Unclear:
                pass
        whole = value is scope.resource
        focus = scope.resource_node() if whole else Node(schema, value, self._type_key, extra)
        if type(value) is dict and self._type_key == "Resource":
            focus = Node.of_resource(schema, value)
        env = Environment(schema, scope.engine.services(scope), scope.resource_node(), scope.root.resource_node())
        return compile_expression(self._expression).holds(env, focus)


def _unread(_value: Any) -> bool | None:
    raise Unclear


def _is_sound(expression: str) -> bool:
    """Whether an expression can be run at all; one that cannot is undecided whatever the element holds."""
    try:
        compile_expression(expression)
    except FhirPathError:
        return False
    return True


def rules_of(
    engine: Engine,
    element: Element | None,
    type_key: str,
    *,
    of_element: bool = False,
    known: Collection[tuple[str, str]] = (),
    source: str = "",
) -> tuple[Rule, ...]:
    """The invariants an element adds to those already known.

    Args:
        engine: whose policy decides about best practice.
        element: the element with the constraints.
        type_key: what the expression is evaluated on.
        of_element: leave out what the element's own type brings along.
        known: (key, expression) pairs that are checked elsewhere.
        source: canonical of the profile that asks for them.
    """
    if element is None or (of_element and (element.path == type_key or element.reference)):
        return ()
    seen = set(known)
    if of_element:
        seen |= constraint_keys(engine.schema.element(type_key))
    found = []
    for raw in element.raw.get("constraint", ()):
        identity = (str(raw.get("key")), str(raw.get("expression")))
        if identity in seen or identity[0] in _IN_CODE or not raw.get("expression"):
            continue
        if engine.policy.best_practice or not _is_best_practice(raw):
            found.append(Rule(raw, type_key, source))
    return tuple(found)


def constraint_keys(element: Element | None) -> set[tuple[str, str]]:
    """Key and expression of the constraints on an element."""
    if element is None:
        return set()
    return {(str(raw.get("key")), str(raw.get("expression"))) for raw in element.raw.get("constraint", ())}


def _is_best_practice(raw: Json) -> bool:
    return any(one.get("url") == _BEST_PRACTICE for one in raw.get("extension", ()))
