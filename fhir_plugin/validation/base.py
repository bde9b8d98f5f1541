"""Base rules as closures: every type becomes one function that walks a JSON value once.

A check is called as ``check(value, extra, path, scope)``; ``extra`` is the ``_field`` object of a primitive. Slots of
an object are compiled when their name is first met, so one small resource never pays for the whole specification.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fhir_plugin.validation import extensions, html, narrative, references
from fhir_plugin.validation.primitives import PRIMITIVES
from fhir_plugin.validation.rules import rules_of
from fhir_plugin.validation.schema import Element, Field, Schema
from fhir_plugin.validation.scope import Path, Scope

if TYPE_CHECKING:
    from fhir_plugin.validation.engine import Engine

__all__ = ["BaseChecks", "Check", "Slot"]

Json = dict[str, Any]
Check = Callable[[Any, Any, Path, Scope], None]
Slot = Callable[[Any, Json, Path, Scope], None]

_WARNED = frozenset({"string-blank"})
_SHOWN = frozenset({"code", "id", "uri", "url", "canonical", "oid", "uuid"})


class BaseChecks:
    """Compiled checks per type key, for one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.schema: Schema = engine.schema
        self._checks: dict[str, Check] = {}

    def check(self, type_key: str) -> Check:
        """The check of a type, compiled when first asked for."""
        found = self._checks.get(type_key)
        if found is None:
            found = self._checks[type_key] = self._compile(type_key)
        return found

    def _compile(self, type_key: str) -> Check:
        if type_key == "Resource":
            return self.engine.check_nested_resource
        if type_key[:1].islower() and "." not in type_key:
            return self._primitive(type_key)
        return self._object(type_key)

    def _object(self, type_key: str) -> Check:
        slots = _Slots(self, type_key)
        element = self.schema.element(type_key)
        required = _required(self.schema, type_key, element) if element else ()
        rules = rules_of(self.engine, element, type_key) if element else ()

        def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
            if type(value) is not dict:
                scope.error("object-expected", path, ("type", type_key))
                return
            if not value or (len(value) == 1 and "id" in value):
                scope.error("object-empty", path)
            for name, item in value.items():
                slot = slots[name]
                if slot is None:
                    scope.error("element-unknown", path, ("name", name))
                else:
                    slot(item, value, path, scope)
            for names, label in required:
                for name in names:
                    if name in value:
                        break
                else:
                    scope.error("cardinality-min", path, ("element", label), ("min", "1"), ("found", "0"))
            for rule in rules:
                rule.apply(value, None, path, scope)

        return check

    def _primitive(self, type_name: str) -> Check:
        test = PRIMITIVES.get(type_name, PRIMITIVES["string"])
        extended: list[Check] = []

        def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
            if value is not None:
                problem = test(value)
                if problem is not None:
                    _report_primitive(scope, problem, type_name, value, path)
            if extra is not None:
                if not extended:
                    extended.append(self._extended(type_name))
                extended[0](extra, None, path, scope)
                if value is None and not (type(extra) is dict and extra.get("extension")):
                    scope.error("value-missing", path)
            elif value is None:
                scope.error("null-value", path)

        return check

    def _extended(self, type_name: str) -> Check:
        """``id`` and ``extension`` of a primitive."""
        slots = _Slots(self, "Element", host=type_name)

        def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
            if type(value) is not dict:
                scope.error("object-expected", path, ("type", type_name))
                return
            if not value:
                scope.error("object-empty", path)
            for name, item in value.items():
                slot = slots[name]
                if slot is None:
                    scope.error("element-unknown", path, ("name", name))
                else:
                    slot(item, value, path, scope)

        return check

    def slot(self, type_key: str, name: str, host: str) -> Slot | None:
        """The check of one JSON property, or None where the type has no such property."""
        fields = self.schema.fields(type_key)
        bare = name.removeprefix("_")
        spec = fields.get(bare)
        if spec is None or (bare != name and not spec.is_primitive):
            return _resource_type if name == "resourceType" and self.schema.kind(type_key) == "resource" else None
        check = self._value_check(spec, type_key, host)
        if bare != name:
            return _extra_slot(spec, check)
        if spec.is_list:
            return _primitive_list(spec, check) if spec.is_primitive else _complex_list(spec, check)
        single = _primitive_single(spec, check) if spec.is_primitive else _complex_single(spec, check)
        if not spec.element.choice:
            return single
        return _only_choice(
            single, name, frozenset(one.json_name for one in self.schema.named(type_key, spec.name)), spec
        )

    def _value_check(self, spec: Field, type_key: str, host: str) -> Check:
        """The type's own check, then what this element adds: extension, reference, binding, invariants."""
        checks: list[Check] = [self.check(spec.type_key)]
        code = spec.type_use.code
        if spec.name == "id" and self.schema.kind(type_key) != "resource":
            checks = [self.check("string"), _element_id]
        elif spec.name == "id":
            checks = [self.check("id"), _resource_id]
        if code == "Extension":
            checks.append(extensions.check_for(host, spec.name))
        elif code in ("Reference", "canonical"):
            checks += references.checks_for(spec)
        elif code == "xhtml":
            checks.append(narrative.check)
        elif code == "string" and spec.name != "id":
            checks.append(html.check)
        checks += self.engine.bindings.checks_for(spec.element, code)
        checks += [rule.apply for rule in rules_of(self.engine, spec.element, spec.type_key, of_element=True)]
        checks += self.engine.special_checks(spec, type_key)
        return checks[0] if len(checks) == 1 else _sequence(checks)


class _Slots(dict[str, "Slot | None"]):
    """Slots by JSON name, compiled on first use."""

    def __init__(self, checks: BaseChecks, type_key: str, host: str = "") -> None:
        super().__init__()
        self._checks = checks
        self._type_key = type_key
        self._host = host or type_key

    def __missing__(self, name: str) -> Slot | None:
        found = self._checks.slot(self._type_key, name, self._host)
        if found is not None:
            self[name] = found
        return found


def _required(schema: Schema, type_key: str, element: Element) -> tuple[tuple[tuple[str, ...], str], ...]:
    """JSON names of which one must be there, per required element."""
    found = []
    for child in element.children:
        if child.minimum > 0:
            names: list[str] = []
            for spec in schema.fields(type_key).values():
                if spec.element is child:
                    names += [spec.json_name, f"_{spec.json_name}"] if spec.is_primitive else [spec.json_name]
            found.append((tuple(names), f"{element.path}.{child.name}"))
    return tuple(found)


def _sequence(checks: Sequence[Check]) -> Check:
    first, *rest = checks

    def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        first(value, extra, path, scope)
        for other in rest:
            other(value, extra, path, scope)

    return check


def _report_primitive(scope: Scope, problem: str, type_name: str, value: Any, path: Path) -> None:
    shown = str(value)[:80] if type_name in _SHOWN and type(value) is str else ""
    report = scope.warn if problem in _WARNED else scope.error
    report(problem, path, ("type", type_name), ("value", shown))


def _resource_type(_value: Any, _parent: Json, _path: Path, _scope: Scope) -> None:
    """``resourceType`` was read before the resource was dispatched."""


def _resource_id(value: Any, extra: Any, path: Path, scope: Scope) -> None:
    if type(extra) is dict and extra.get("extension"):
        scope.error("id-extended", path)
    if type(value) is str and not PRIMITIVES["id"](value) and scope.contained and value.startswith("#"):
        scope.error("contained-id-hash", path)


def _element_id(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Element ids are unique within a resource (http://hl7.org/fhir/R4/element.html#id)."""
    ids = scope.root.element_ids
    if type(value) is not str or ids is None or path[0][1] == "element":
        return  # the ids of ElementDefinitions name elements: differential and snapshot share them
    if " " in value:
        scope.error("element-id-space", path)
    holder = path[0]
    if ids.setdefault(value, holder) is not holder:
        scope.error("element-id-duplicate", holder, ("id", value[:64]))


def _primitive_single(spec: Field, check: Check) -> Slot:
    segment, under = spec.segment, f"_{spec.json_name}"

    def slot(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is list:
            scope.error("array-unexpected", (path, segment, None))
        elif value is None:
            scope.error("null-value", (path, segment, None))
        else:
            check(value, parent.get(under), (path, segment, None), scope)

    return slot


def _primitive_list(spec: Field, check: Check) -> Slot:
    segment, under = spec.segment, f"_{spec.json_name}"

    def slot(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is not list:
            scope.error("array-expected", (path, segment, None))
            return
        if not value:
            scope.error("array-empty", (path, segment, None))
        extras = parent.get(under)
        if extras is None:
            for index, item in enumerate(value):
                check(item, None, (path, segment, index), scope)
        elif type(extras) is list:
            for index, item in enumerate(value):
                check(item, extras[index] if index < len(extras) else None, (path, segment, index), scope)
            for index in range(len(value), len(extras)):
                check(None, extras[index], (path, segment, index), scope)

    return slot


def _extra_slot(spec: Field, check: Check) -> Slot:
    """``_field``: beside a value it was seen already, alone it is the element."""
    segment, name, is_list = spec.segment, spec.json_name, spec.is_list

    def slot(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is list and not is_list:
            scope.error("array-unexpected", (path, segment, None))
        elif type(value) is not list and is_list:
            scope.error("array-expected", (path, segment, None))
        elif value is None:
            scope.error("null-value", (path, segment, None))
        elif name in parent:
            return
        elif is_list:
            for index, item in enumerate(value):
                check(None, item, (path, segment, index), scope)
        else:
            check(None, value, (path, segment, None), scope)

    return slot


def _only_choice(slot: Slot, name: str, names: frozenset[str], spec: Field) -> Slot:
    """One property of a choice: when there are several, the last one says so."""

    def check(value: Any, parent: Json, path: Path, scope: Scope) -> None:
        if len(parent) > 1:
            present = [one for one in parent if one in names]
            if len(present) > 1 and present[-1] == name:
                count = str(len(present))
                scope.error("cardinality-max", path, ("element", spec.element.path), ("max", "1"), ("found", count))
        slot(value, parent, path, scope)

    return check


def _complex_single(spec: Field, check: Check) -> Slot:
    segment = spec.segment

    def slot(value: Any, _parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is list:
            scope.error("array-unexpected", (path, segment, None))
        else:
            check(value, None, (path, segment, None), scope)

    return slot


def _complex_list(spec: Field, check: Check) -> Slot:
    segment, maximum = spec.segment, spec.element.maximum

    def slot(value: Any, _parent: Json, path: Path, scope: Scope) -> None:
        if type(value) is not list:
            scope.error("array-expected", (path, segment, None))
            return
        if not value:
            scope.error("array-empty", (path, segment, None))
        elif maximum is not None and len(value) > maximum:
            scope.error(
                "cardinality-max", path, ("element", segment), ("max", str(maximum)), ("found", str(len(value)))
            )
        for index, item in enumerate(value):
            check(item, None, (path, segment, index), scope)

    return slot
