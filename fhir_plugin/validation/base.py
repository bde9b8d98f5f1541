"""Base rules as closures: every type becomes one function that walks a JSON value once.

A check is called as ``check(value, extra, path, scope)``; ``extra`` is the ``_field`` object of a primitive. Slots of
an object are compiled when their name is first met, so one small resource never pays for the whole specification. Texts
that a slot's quick test accepts are not looked at further (see ``plain.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fhir_plugin.model.issues import Severity
from fhir_plugin.validation import attachments, extensions, html, narrative, references
from fhir_plugin.validation.plain import NEVER, PLAIN, Fits, learning
from fhir_plugin.validation.plans import Plans, together
from fhir_plugin.validation.primitives import PRIMITIVES
from fhir_plugin.validation.rules import rules_of
from fhir_plugin.validation.schema import Field, Schema
from fhir_plugin.validation.scope import Finding, Path, Scope
from fhir_plugin.validation.slots import RESOURCE_TYPE, Slot, slot_of
from fhir_plugin.validation.special import CONTEXT_FREE

if TYPE_CHECKING:
    from fhir_plugin.validation.engine import Engine

__all__ = ["BaseChecks", "Check"]

Json = dict[str, Any]
Check = Callable[[Any, Any, Path, Scope], None]

_WARNED = frozenset({"string-blank"})
_SHOWN = frozenset({"code", "id", "uri", "url", "canonical", "oid", "uuid"})


class BaseChecks:
    """Compiled checks per type key, for one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.schema: Schema = engine.schema
        self.shapes = 0
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
        rules = rules_of(self.engine, self.schema.element(type_key), type_key)
        return _walk(Plans(self, type_key, type_key, rules, ((), ("id",))), type_key)

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
        return _walk(Plans(self, "Element", type_name, (), ((),)), type_name)

    def slot(self, type_key: str, name: str, host: str) -> Slot | None:
        """How one JSON property is checked, or None where the type has no such property."""
        fields = self.schema.fields(type_key)
        bare = name.removeprefix("_")
        spec = fields.get(bare)
        if spec is None or (bare != name and not spec.is_primitive):
            return RESOURCE_TYPE if name == "resourceType" and self.schema.kind(type_key) == "resource" else None
        check, fits = self._value_check(spec, type_key, host)
        return slot_of(spec, check, fits, extra=bare != name)

    def _value_check(self, spec: Field, type_key: str, host: str) -> tuple[Check, Fits]:
        """The type's own check, then what this element adds: extension, reference, binding, invariants."""
        checks: list[Check] = [self.check(spec.type_key)]
        code, type_name = spec.type_use.code, spec.type_key
        if spec.name == "id" and self.schema.kind(type_key) != "resource":
            checks = [self.check("string"), _element_id]
        elif spec.name == "id":
            checks, type_name = [self.check("id"), _resource_id], "id"
        if code == "Extension":
            checks.append(extensions.check_for(host, spec.name))
        elif code in ("Reference", "canonical"):
            checks += references.checks_for(spec)
        elif code == "Attachment":
            checks.append(attachments.check)
        elif code == "xhtml":
            checks.append(narrative.check)
        elif code == "string" and spec.name != "id":
            checks.append(html.check)
        plain = len(checks) == 1 or checks[-1] in (html.check, _resource_id)
        codes = self.engine.bindings.checks_for(spec.element, code)
        special = self.engine.special_checks(spec, type_key)
        invariants = together(rules_of(self.engine, spec.element, spec.type_key, of_element=True), self.schema)
        whole = _joined([*checks, *codes, *invariants, *special])
        if type_name == "xhtml" and not invariants:
            return whole, narrative.accepted_at_once
        if not spec.is_primitive or not plain or invariants or not CONTEXT_FREE.issuperset(special):
            return whole, NEVER
        return learning(whole) if codes or special else (whole, PLAIN.get(type_name, NEVER))


def _walk(plans: Plans, type_name: str) -> Check:
    """The check of an object."""

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        if type(value) is not dict:
            scope.error("object-expected", path, ("type", type_name))
            return
        findings = scope.findings
        before = len(findings)
        slots, then, otherwise = plans[tuple(value)]
        for (fits, slot), item in zip(slots, value.values()):  # noqa: B905  as many slots as properties
            if type(item) is not str or not fits(item):
                slot(item, value, path, scope)
        if then is not otherwise and len(findings) > before and _doubtful(findings, before, path):
            then = otherwise
        for one in then:
            one(value, None, path, scope)

    return check


def _doubtful(findings: list[Finding], start: int, path: Path) -> bool:
    """Whether a property of an object itself is in error."""
    return any(one.path[0] is path and one.severity is Severity.ERROR for one in findings[start:])


def _joined(checks: Sequence[Check]) -> Check:
    """One check out of several."""
    first, *rest = checks
    if not rest:
        return first

    def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        first(value, extra, path, scope)
        for other in rest:
            other(value, extra, path, scope)

    return check


def _report_primitive(scope: Scope, problem: str, type_name: str, value: Any, path: Path) -> None:
    shown = str(value)[:80] if type_name in _SHOWN and type(value) is str else ""
    report = scope.warn if problem in _WARNED else scope.error
    report(problem, path, ("type", type_name), ("value", shown))


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
