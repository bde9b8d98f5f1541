"""Definitions of profiles and search parameters, and what a server says of them: do they fit what they derive from."""

from __future__ import annotations

from typing import Any

from fhir_plugin.errors import PackageError
from fhir_plugin.model.issues import Severity
from fhir_plugin.validation.artifacts.elements import check_elements
from fhir_plugin.validation.artifacts.reading import extension_value, items, text
from fhir_plugin.validation.scope import Scope
from fhir_plugin.validation.snapshots import FHIR

__all__ = ["check_capabilities", "check_search_parameter", "check_structure"]

Json = dict[str, Any]
_OBLIGATIONS_ONLY = (f"{FHIR}obligation-profile-flag", f"{FHIR}obligation-profile")
"""The name that was published, and the one before it."""
_SEARCH = "http://hl7.org/fhir/SearchParameter/"


def check_capabilities(scope: Scope) -> None:
    """A search parameter has the type that its definition gives it."""
    for rest, place in items(scope.resource, "rest", scope.path):
        for resource, inside in items(rest, "resource", place):
            for one, here in items(resource, "searchParam", inside):
                known = _parent(scope, text(one, "definition").partition("|")[0])
                if known is not None and text(one, "type") and text(one, "type") != text(known, "type"):
                    scope.error("search-type", here, ("type", text(known, "type")))


def check_search_parameter(scope: Scope) -> None:
    """A derived parameter keeps the type and the resource types of the one it derives from."""
    resource, path = scope.resource, scope.path
    if resource.get("type") == "composite" and len(list(items(resource, "component", path))) < 2:
        scope.error("search-composite", path)
    parent = _parent(scope, text(resource, "derivedFrom"))
    if parent is None:
        return
    if text(resource, "type") != text(parent, "type"):
        scope.error("search-type", path, ("type", text(parent, "type")))
    allowed = parent.get("base") or ()
    for base in resource.get("base") or ():
        if base not in allowed and "Resource" not in allowed:
            scope.error("search-base", path, ("base", str(base)[:64]))


def _parent(scope: Scope, canonical: str) -> Json | None:
    """The search parameter behind a canonical; those of R4 are kept by resource type and code."""
    definitions = scope.engine.definitions
    base, _, code = canonical.removeprefix(_SEARCH).partition("-")
    if not canonical.startswith(_SEARCH):
        return definitions.find("SearchParameter", canonical)
    found = next((one for one in definitions.search_parameters(base) if one.get("code") == code), None)
    return {**found, "base": [base]} if found is not None else None


def check_structure(scope: Scope) -> None:
    """A snapshot can be made of the differential, and an extension keeps the url of the one it derives from."""
    resource, path = scope.resource, scope.path
    check_elements(scope)
    _check_obligations(scope)
    if resource.get("derivation") == "specialization":
        _check_new_type(scope)
    if resource.get("derivation") != "constraint" or type(resource.get("differential")) is not dict:
        return
    base = scope.engine.definitions.structure(text(resource, "baseDefinition"))
    if base is None:
        return
    if text(base, "type") == "Extension" and text(base, "url") != f"{FHIR}Extension":
        _check_url(scope, base)
    from fhir_plugin.packages.snapshot import SnapshotGenerator  # only profiles need it

    try:
        _, issues = SnapshotGenerator(scope.engine.definitions.structure).generate(resource)
        reasons = [issue.code for issue in issues if issue.severity is Severity.ERROR]
    except PackageError as error:
        reasons = [error.code]
    for reason in reasons:
        scope.error("snapshot-impossible", path, ("reason", reason))


def _check_obligations(scope: Scope) -> None:
    """Obligations are taken over from profiles that hold obligations only, of the same base."""
    for extension, place in items(scope.resource, "extension", scope.path):
        canonical = extension.get("valueCanonical")
        if extension.get("url") != f"{FHIR}inherit-obligations" or type(canonical) is not str:
            continue
        found = scope.engine.definitions.structure(canonical)
        if found is None:
            continue
        if not any(extension_value(found, url) is True for url in _OBLIGATIONS_ONLY):
            scope.error("obligations-none", place, ("profile", canonical[:120]))
        elif text(found, "baseDefinition") != text(scope.resource, "baseDefinition"):
            base = text(scope.resource, "baseDefinition")
            scope.error("obligations-base", place, ("profile", canonical[:120]), ("base", base[:120]))


def _check_new_type(scope: Scope) -> None:
    """A new type has a name of its own: an absolute one, for the short names are FHIR's."""
    name = text(scope.resource, "type")
    of_fhir = text(scope.resource, "url") == FHIR + name
    if name and ":" not in name and not of_fhir and scope.engine.schema.tree(name) is None:
        scope.error("type-name", (scope.path, "type", None), ("type", name[:64]))
    base = scope.engine.definitions.structure(text(scope.resource, "baseDefinition"))
    if base is not None and name and name == text(base, "type"):
        scope.error("type-name", scope.path, ("type", name[:120]))


def _check_url(scope: Scope, base: Json) -> None:
    fixed = {text(one, "path"): one.get("fixedUri") for one, _ in items(base.get("snapshot"), "element", scope.path)}
    differential = (scope.path, "differential", None)
    for one, place in items(scope.resource.get("differential"), "element", differential):
        if text(one, "path") == "Extension.url" and one.get("fixedUri") not in (None, fixed.get("Extension.url")):
            scope.error("fixed-value", place, ("expected", str(fixed.get("Extension.url"))))
