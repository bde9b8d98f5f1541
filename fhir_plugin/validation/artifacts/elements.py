"""Elements of a StructureDefinition: paths, profiles on types, discriminators, invariants."""

from __future__ import annotations

import re
from typing import Any

from fhir_plugin.validation.artifacts.reading import items, text
from fhir_plugin.validation.fhirpath import FhirPathError
from fhir_plugin.validation.fhirpath.parser import parse
from fhir_plugin.validation.fhirpath.paths import unknown_elements
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import FHIR

__all__ = ["check_elements"]

Json = dict[str, Any]
_ABSTRACT = frozenset({"Resource", "DomainResource", "Element", "BackboneElement", "Base"})
_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_CHILD = re.compile(r"\.(?![^(]*\))")
"""A dot between steps, not one in the argument of a function."""


def check_elements(scope: Scope) -> None:
    """What each element of the differential, and of a new type's snapshot, says by itself."""
    specialises = scope.resource.get("derivation") == "specialization"
    for view in ("differential", "snapshot"):
        for element, place in items(scope.resource.get(view), "element", (scope.path, view, None)):
            if specialises:
                _check_path(element, place, scope)
            if view == "differential":
                _check_profiles(element, place, scope)
                _check_discriminators(element, place, scope)
                _check_invariants(element, place, scope)


def _check_path(element: Json, path: Path, scope: Scope) -> None:
    """Paths begin with the name of the type, of a logical model with what its address ends in."""
    name = text(scope.resource, "type").rpartition("/")[2]
    if name and text(element, "path").partition(".")[0] != name:
        scope.error("element-path", path, ("type", name[:64]))


def _check_profiles(element: Json, path: Path, scope: Scope) -> None:
    """A profile on a type is a profile of that type."""
    for use, place in items(element, "type", path):
        code = text(use, "code").removeprefix(FHIR)
        profiles = use.get("profile")
        if code in _ABSTRACT or not code or "_profile" in use or type(profiles) is not list:
            continue
        for index, canonical in enumerate(profiles):
            of = _type_of(canonical, scope)
            if of and of.removeprefix(FHIR) != code:
                params = (("profile", str(canonical)[:120]), ("found", of[:64]), ("type", code[:64]))
                scope.error("type-profile-mismatch", (place, "profile", index), *params)


def _type_of(canonical: Any, scope: Scope) -> str:
    return text(scope.engine.definitions.structure(canonical), "type") if type(canonical) is str else ""


def _check_discriminators(element: Json, path: Path, scope: Scope) -> None:
    """The first step of a discriminator is an element of what is sliced."""
    kinds = _kinds(text(element, "path"), scope)
    slicing = element.get("slicing")
    for one, place in items(slicing, "discriminator", (path, "slicing", None)):
        step = _CHILD.split(text(one, "path"))[0]
        if kinds and _NAME.fullmatch(step) and not any(_has(kind, step, scope) for kind in kinds):
            scope.error("discriminator-path", place, ("path", step[:64]), ("element", text(element, "path")[:120]))


def _check_invariants(element: Json, path: Path, scope: Scope) -> None:
    """An invariant is FHIRPath, about elements that exist."""
    kinds = _kinds(text(element, "path"), scope)
    for one, place in items(element, "constraint", path):
        key, expression = text(one, "key")[:64], text(one, "expression")
        try:
            parse(expression or "true")
        except FhirPathError as error:
            scope.error("invariant-syntax", place, ("key", key), ("reason", str(error)[:200]))
            continue
        for unknown in unknown_elements(scope.engine.schema, expression, kinds) if kinds else ():
            params = (("key", key), ("element", unknown.name[:64]), ("type", unknown.within))
            scope.error("invariant-element-unknown", place, *params)


def _has(kind: str, name: str, scope: Scope) -> bool:
    """Whether a type has an element; of a type that is unknown or abstract nobody can tell."""
    schema = scope.engine.schema
    if kind in _ABSTRACT or not schema.fields(kind):
        return True
    return bool(schema.named(kind, name)) or name in schema.fields(kind)


def _kinds(path: str, scope: Scope) -> list[str]:
    """Types that the element at a path may have in the base definitions; empty when the path leaves them."""
    schema = scope.engine.schema
    root, *steps = path.split(".")
    kinds = [root]
    for step in steps:
        name = step.removesuffix("[x]")
        fields = [one for kind in kinds for one in schema.fields(kind).values() if name in (one.name, one.json_name)]
        kinds = list(dict.fromkeys(one.type_key for one in fields))
    return kinds
