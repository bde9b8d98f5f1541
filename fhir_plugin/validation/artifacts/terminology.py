"""CodeSystem, ValueSet and ConceptMap: what their parts say of each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhir_plugin.validation.artifacts.reading import extension_value, items, text
from fhir_plugin.validation.fhirpath import FhirPathError, compile_expression
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_code_system", "check_concept_map", "check_value_set"]

Json = dict[str, Any]

_STANDARD = "http://hl7.org/fhir/concept-properties#"
_STANDARD_TYPES = {
    **dict.fromkeys(("inactive", "notSelectable"), "boolean"),
    **dict.fromkeys(("deprecated", "deprecationDate", "retirementDate", "effectiveDate"), "dateTime"),
    **dict.fromkeys(("parent", "child", "status", "partOf", "synonym"), "code"),
    **dict.fromkeys(("comment", "definition"), "string"),
    **dict.fromkeys(("itemWeight",), "decimal"),
    "order": "integer",
}
"""http://hl7.org/fhir/codesystem-concept-properties.html"""
_SWITCHES = frozenset({"inactive", "notSelectable"})
"""Properties that are true or false whatever the system."""
_CQF = "http://hl7.org/fhir/StructureDefinition/cqf-expression"
_PARAMETER = "http://hl7.org/fhir/tools/StructureDefinition/valueset-parameter"
_VARIABLE = re.compile(r"%([A-Za-z][A-Za-z0-9_-]*)")
_OF_FHIRPATH = frozenset({"resource", "rootResource", "context", "ucum", "sct", "loinc"})
"""Variables that are always there: http://hl7.org/fhir/R4/fhirpath.html#variables"""
_ECL_PART = r"(?:<<!|<!|>>!|>!|<<|<|>>|>|\^)?\s*(?:\*|\d{6,18}(?:\s*\|[^|]*\|)?)"
_ECL = re.compile(rf"\s*{_ECL_PART}(?:\s*(?:,|\bAND\b|\bOR\b|\bMINUS\b)\s*{_ECL_PART})*\s*", re.IGNORECASE)


def check_code_system(scope: Scope) -> None:
    """Supplements, the count, and properties that agree with their own declaration."""
    resource, path = scope.resource, scope.path
    if resource.get("supplements") and resource.get("content") != "supplement":
        scope.error("supplement-content", (path, "content", None))
    concepts = list(_concepts(resource, path))
    if resource.get("content") == "not-present" and concepts:
        scope.error("concepts-present", concepts[0][1])
    count = resource.get("count")
    if resource.get("content") == "complete" and type(count) is int and concepts and count != len(concepts):
        scope.error("concept-count", (path, "count", None), ("count", str(count)), ("found", str(len(concepts))))
    declared = _declared(scope)
    for concept, place in concepts:
        for value, where in items(concept, "property", place):
            code = text(value, "code")
            kind = next((name[5:] for name in value if name.startswith("value")), "")
            expected = declared.get(code, "")
            if expected and kind and kind.lower() != expected.lower():
                scope.error("property-type", where, ("code", code[:64]), ("type", expected))


def _concepts(holder: Json, path: Path) -> Iterator[tuple[Json, Path]]:
    for concept, place in items(holder, "concept", path):
        yield concept, place
        yield from _concepts(concept, place)


def _declared(scope: Scope) -> dict[str, str]:
    """Declared properties by code; a repeated or wrongly typed one is reported."""
    declared: dict[str, str] = {}
    uris: set[str] = set()
    for one, place in items(scope.resource, "property", scope.path):
        code, uri = text(one, "code"), text(one, "uri")
        if code in declared or (uri and uri in uris):
            scope.error("property-repeated", place, ("code", code[:64]))
        standard = uri.removeprefix(_STANDARD) if uri.startswith(_STANDARD) else ""
        if standard and standard not in _STANDARD_TYPES:
            scope.error("property-unknown", place, ("uri", uri[:120]))
        elif standard and _STANDARD_TYPES[standard] != text(one, "type"):
            scope.error("property-type", place, ("code", standard), ("type", _STANDARD_TYPES[standard]))
        uris.add(uri)
        declared.setdefault(code, text(one, "type"))
    return declared


def check_value_set(scope: Scope) -> None:
    """Absolute systems, and filters whose value can be one."""
    compose = scope.resource.get("compose")
    for name in ("include", "exclude"):
        for part, place in items(compose, name, (scope.path, "compose", None)):
            system = text(part, "system")
            if system and ":" not in system:
                scope.error("system-relative", place)
            for one, where in items(part, "filter", place):
                _check_filter(system, one, where, scope)


def _check_filter(system: str, one: Json, path: Path, scope: Scope) -> None:
    value, name = text(one, "value"), text(one, "property")
    _check_expression(one, path, scope)
    if system == "http://snomed.info/sct" and name in ("constraint", "expression") and value:
        if not any(mark in value for mark in "(:{") and not _ECL.fullmatch(value):
            scope.error("filter-value", path, ("property", name))
        return
    resource = scope.engine.definitions.code_system(system) if system else None
    kinds = {text(raw, "code"): text(raw, "type") for raw, _ in items(resource, "property", path)}
    kind = kinds.get(name) or ("boolean" if name in _SWITCHES and value else "")
    if kind == "boolean" and one.get("op") == "=" and value not in ("true", "false"):
        scope.error("filter-value", path, ("property", name))
    if value and kinds.get(name) == "Coding" and one.get("op") == "=":
        of_system, _, code = value.partition("#")
        known = scope.engine.terminology.exists(of_system.partition("|")[0], code) if code else False
        if known is False:
            scope.error("filter-value", path, ("property", name))


def _check_expression(one: Json, path: Path, scope: Scope) -> None:
    for extension, _ in items(one.get("_value"), "extension", path):
        expression = extension.get("valueExpression")
        if extension.get("url") != _CQF or type(expression) is not dict:
            continue
        place = ((path, "value", None), "extension", 0)
        if text(expression, "language") != "text/fhirpath":
            scope.error("expression-language", place)
            continue
        variable = _VARIABLE.fullmatch(text(expression, "expression"))
        if variable is not None and variable[1] not in _OF_FHIRPATH | _parameters(scope.resource):
            scope.error("expression-variable", place, ("name", variable[1][:64]))
            continue
        try:
            compile_expression(text(expression, "expression"))
        except FhirPathError:
            scope.error("expression-syntax", place)


def _parameters(value_set: Json) -> set[str]:
    """Names of the parameters that a value set says it has."""
    found = (one for one, _ in items(value_set, "extension", (None, "ValueSet", None)) if one.get("url") == _PARAMETER)
    return {name for one in found if type(name := extension_value(one, "name")) is str}


def check_concept_map(scope: Scope) -> None:
    """The codes that are mapped are in the value set the map says it maps from."""
    value_set = text(scope.resource, "sourceCanonical") or text(scope.resource, "sourceUri")
    for group, place in items(scope.resource, "group", scope.path):
        for element, where in items(group, "element", place):
            _check_member(value_set, text(group, "source"), text(element, "code"), where, scope)


def _check_member(value_set: str, system: str, code: str, path: Path, scope: Scope) -> None:
    index = scope.engine.terminology.value_set(value_set) if value_set else None
    if index is not None and system and code and index.contains(system, code) is False:
        params = (("value-set", value_set), ("code", f"{system}#{code}"[:120]))
        scope.error("binding-required", (path, "code", None), *params)
