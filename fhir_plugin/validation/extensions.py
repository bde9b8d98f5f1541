"""Extensions: is the definition known, may it stand here, does it hold (http://hl7.org/fhir/R4/defining-extensions.html)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.artifacts.reading import items
from fhir_plugin.validation.fhirpath import Environment, FhirPathError, Node, compile_expression
from fhir_plugin.validation.scope import Path, Scope, segments

__all__ = ["at", "check_for", "host_names"]

Json = dict[str, Any]
Check = Callable[[Any, Any, Path, Scope], None]

_CANONICAL_RESOURCES = frozenset({"CanonicalResource", "MetadataResource", "Element", "Base", "*"})
_CROSS_VERSION = ("http://hl7.org/fhir/1.0/", "http://hl7.org/fhir/3.0/", "http://hl7.org/fhir/4.0/",
                  "http://hl7.org/fhir/4.3/", "http://hl7.org/fhir/5.0/", "http://hl7.org/fhir/6.0/")  # fmt: skip
_TOOLS = ("http://hl7.org/fhir/tools/StructureDefinition/",)
_EXAMPLES = ("example.org", "acme.com")
_NORMATIVE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version"
"""Meant for a StructureDefinition by its definition; R4 itself puts it on every kind of resource and element."""
_DICOM = "http://nema.org/"
"""What R4's own examples call attributes of DICOM by; nobody publishes definitions of them."""


def check_for(host: str, name: str) -> Check:
    """The check of an extension in a property (``extension`` or ``modifierExtension``) of a type."""
    modifier = name == "modifierExtension"

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        url = value.get("url") if type(value) is dict else None
        if type(url) is not str or not url:
            return
        if "|" in url:
            scope.error("extension-versioned", (path, "url", None), ("url", url))
        elif ":" in url:
            _check_definition(url, value, modifier, host, path, scope)
        elif host != "Extension":
            scope.error("extension-relative", path, ("url", url))

    return check


def _check_definition(url: str, value: Json, modifier: bool, host: str, path: Path, scope: Scope) -> None:
    structure = scope.engine.definitions.structure(url)
    if structure is None or structure.get("type") != "Extension":
        _report_unknown(url, modifier, path, scope)
        return
    root = scope.engine.profiles.tree(url)
    if root is None:
        scope.error("profile-broken", path, ("profile", url), ("reason", "snapshot-malformed"))
        return
    if bool(root.raw.get("isModifier")) != modifier:
        scope.error("extension-modifier" if modifier else "extension-not-modifier", path, ("url", url))
    contexts = [one for one, _ in items(structure, "context", path)] if url != _NORMATIVE else []
    if contexts and not any(_allowed(one, host, path, scope) for one in contexts):
        expected = ", ".join(str(one.get("expression", "")) for one in contexts)
        scope.error("extension-context", path[0], ("url", url), ("expected", expected[:200]), at=path)
    rules = structure.get("contextInvariant")
    if type(rules) is list and any(not _holds(str(one), path, scope) for one in rules):
        scope.error("extension-context-rule", path[0], ("url", url), at=path)
    _check_parts(url, value, path, scope)
    scope.engine.profiles.check(url)(value, None, path, scope)


def _check_parts(url: str, value: Json, path: Path, scope: Scope) -> None:
    """The parts of a complex extension are those its definition names."""
    nested = value.get("extension")
    holder = scope.engine.profiles.tree(url)
    pieces = holder.child("extension") if holder is not None else None
    if type(nested) is not list or pieces is None or not pieces.slices:
        return
    named = {fixed.raw.get("fixedUri") for piece in pieces.slices if (fixed := piece.child("url")) is not None}
    for place, one in enumerate(nested):
        part = one.get("url") if type(one) is dict else None
        if type(part) is str and ":" not in part and part not in named:
            scope.error("extension-part-unknown", (path, "extension", place), ("url", url), ("part", part[:64]))


def _report_unknown(url: str, modifier: bool, path: Path, scope: Scope) -> None:
    policy = scope.engine.policy
    reason = scope.engine.definitions.broken.get(url)
    if reason:
        scope.error("profile-broken", path, ("profile", url), ("reason", reason))
    elif url.startswith(_CROSS_VERSION + _TOOLS):
        scope.inform("extension-cross-version", path, ("url", url))
    elif modifier:
        scope.error("extension-modifier-unknown", path, ("url", url))
    elif url.startswith(_DICOM) or (policy.example_urls and any(name in url for name in _EXAMPLES)):
        scope.inform("extension-unknown", path, ("url", url))
    elif policy.unknown_extensions == "error" and not (
        url.startswith(policy.trusted_domains) or scope.engine.definitions.is_later_extension(url)
    ):
        scope.error("extension-unknown", path, ("url", url))
    elif policy.unknown_extensions != "ignore":
        scope.warn("extension-unknown", path, ("url", url))


def _allowed(context: Json, host: str, path: Path, scope: Scope) -> bool:
    kind, expression = context.get("type"), str(context.get("expression", ""))
    if kind == "extension":
        return _parent_url(path, scope) == expression.partition("#")[0]
    if kind == "fhirpath":
        return _selects(expression, path, scope)
    bare = expression.rpartition("#")[2]
    if bare.startswith("ElementDefinition.type.") and host == "ElementDefinition.type":
        return True  # structuredefinition-fhir-type says ``code`` and stands on ``type``, in the specification itself
    return bare == host or bare in _CANONICAL_RESOURCES or bare in host_names(host, path[0], scope)


def host_names(host: str, holder: Path, scope: Scope) -> set[str]:
    """Every way to name the element an extension stands on: by path, by the path within its type, by type."""
    schema = scope.engine.schema
    depth = len(list(segments(scope.path)))
    resource_type = str(scope.resource.get("resourceType"))
    names = {resource_type, *schema.ancestors(resource_type)}
    type_key = resource_type
    for segment, _index in list(segments(holder))[depth:]:
        stem, _, kind = segment.partition(".ofType(")
        spec = next((one for one in schema.named(type_key, stem) if not kind or one.type_use.code == kind[:-1]), None)
        label = f"{stem}[x]" if kind else stem
        names = {f"{name}.{label}" for name in names}
        if spec is None:
            return names
        type_key = spec.type_key
        names.add(type_key)
        names |= set(schema.ancestors(spec.type_use.code))
    return names | {host}


def _parent_url(path: Path, scope: Scope) -> str:
    """Url of the extension that an extension stands in, directly or on its value."""
    around: Path = path[0]
    holder = at(around[0] if around[1].startswith("value.ofType(") else around, scope)
    return str(holder.get("url", "")) if type(holder) is dict else ""


def at(path: Path, scope: Scope) -> Any:
    """The value at a place within the resource of a scope; of a primitive its ``_field`` object where it has one."""
    depth = len(list(segments(scope.path)))
    value: Any = scope.resource
    for segment, index in list(segments(path))[depth:]:
        stem, _, kind = segment.partition(".ofType(")
        name = f"{stem}{kind[:1].upper()}{kind[1:-1]}" if kind else stem
        nested = value.get(name) if type(value) is dict else None
        if type(nested) not in (dict, list):
            nested = value.get(f"_{name}") if type(value) is dict else None
        value = nested[index] if index is not None and type(nested) is list and index < len(nested) else nested
    return value


def _holds(expression: str, path: Path, scope: Scope) -> bool:
    """Whether a context invariant holds for what the extension stands on; one without an answer does not forbid."""
    node: Node | None = scope.resource_node()
    for segment, index in list(segments(path[0]))[len(list(segments(scope.path))) :]:
        children = node.child(segment.partition(".ofType(")[0]) if node is not None else []
        node = children[index or 0] if len(children) > (index or 0) else None
    if node is None:
        return True
    root = scope.root.resource_node()
    env = Environment(scope.engine.schema, scope.engine.services(scope), scope.resource_node(), root)
    try:
        return compile_expression(expression).holds(env, node)
    except FhirPathError:
        return True


def _selects(expression: str, path: Path, scope: Scope) -> bool:
    """Whether a FHIRPath context selects the element; an expression that has no answer does not forbid."""
    holder = at(path[0], scope)
    node = scope.resource_node()
    env = Environment(scope.engine.schema, scope.engine.services(scope), node, scope.root.resource_node())
    try:
        found = compile_expression(expression)(env, node)
    except FhirPathError:
        return True
    return any(type(one) is Node and (one.value is holder or one.extra is holder) for one in found)
