"""Rules on single elements that StructureDefinitions leave to prose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from fhir_plugin.validation import vitals
from fhir_plugin.validation.extensions import at
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["CONTEXT_FREE", "SPECIAL"]

Check = Callable[[Any, Any, Path, Scope], None]

_TEXT_LINK = "http://hl7.org/fhir/StructureDefinition/textLink"
"""https://hl7.org/fhir/extensions/StructureDefinition-textLink.html"""

_LINK = re.compile(r"<(?:a\s[^<>]*?href|img\s[^<>]*?src)\s*=\s*[\"']#([^\"'<>]+)[\"']")
_ANCHOR = re.compile(r"\s(?:id|name)\s*=\s*[\"']([^\"'<>]*)[\"']")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.\-]*:\S+")
"""With a lower-case scheme, as systems and canonicals are compared to the letter."""
_URI_SYSTEM = "urn:ietf:rfc:3986"


def _coding_system(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Coding.system is an absolute URI (http://hl7.org/fhir/R4/datatypes.html#Coding)."""
    if type(value) is str and value and not _ABSOLUTE.fullmatch(value) and not value.startswith("#"):
        report = scope.warn if path[0][1] == "coding" else scope.error
        report("system-relative", path[0])


def _quantity(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Quantity.system is an absolute URI (http://hl7.org/fhir/R4/datatypes.html#Quantity)."""
    if type(value) is str and value and not _ABSOLUTE.fullmatch(value):
        scope.error("system-relative", path[0])


def _identifier_value(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """A value from the system of URIs is a whole URI (http://hl7.org/fhir/R4/datatypes.html#Identifier)."""
    if type(value) is str and value and not _ABSOLUTE.match(value):
        holder = at(path[0], scope)
        if type(holder) is dict and holder.get("system") == _URI_SYSTEM:
            scope.error("identifier-uri", path[0])


def _identifier_system(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Identifier.system is an absolute URI (http://hl7.org/fhir/R4/datatypes.html#Identifier)."""
    if type(value) is str and value and not _ABSOLUTE.fullmatch(value):
        scope.error("system-relative", path[0])


def _reference_type(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Reference.type names a resource type, or a logical model by its canonical (http://hl7.org/fhir/R4/references.html)."""
    if type(value) is str and value and ":" not in value and not scope.engine.schema.is_resource(value):
        scope.error("resource-type-unknown", path, ("type", value[:64]))


def _narrative(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Links and images within a narrative lead to an id somewhere in the document (http://hl7.org/fhir/R4/narrative.html#id)."""
    if type(value) is not str or "#" not in value:
        return
    wanted = [match[1] for match in _LINK.finditer(value)]
    if wanted:
        _check_anchors(wanted, path, scope)


def _check_anchors(wanted: list[str], path: Path, scope: Scope) -> None:
    outermost = scope
    while outermost.outer is not None:
        outermost = outermost.outer
    if outermost.anchors is None:
        outermost.anchors = frozenset(_anchors(outermost.resource))
    for name in wanted:
        if name not in outermost.anchors:
            scope.error("narrative-dead-link", path, ("detail", f"#{name[:64]}"))


def _text_link(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """What links a part of the narrative to data names both by an id that is there."""
    if type(value) is not dict or value.get("url") != _TEXT_LINK or type(value.get("extension")) is not list:
        return
    parts = [one for one in value["extension"] if type(one) is dict]
    named = [one.get("valueString") for one in parts if one.get("url") == "htmlid"]
    named += [str(one.get("valueUri"))[1:] for one in parts if str(one.get("valueUri")).startswith("#")]
    _check_anchors([one for one in dict.fromkeys(named) if type(one) is str], path[0], scope)


def _anchors(value: Any) -> Iterator[str]:
    """Ids of resources, of elements and within narratives."""
    if type(value) is dict:
        for name, one in value.items():
            if name == "id" and type(one) is str:
                yield one
            elif name == "div" and type(one) is str:
                yield from (match[1] for match in _ANCHOR.finditer(one))
            else:
                yield from _anchors(one)
    elif type(value) is list:
        for one in value:
            yield from _anchors(one)


def _canonical_url(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """The url of a conformance resource is an absolute URI (http://hl7.org/fhir/R4/references.html#canonical)."""
    if type(value) is str and value and not _ABSOLUTE.fullmatch(value):
        scope.error("canonical-relative", path)


_CANONICAL_RESOURCES = (
    "StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "SearchParameter", "CapabilityStatement",
    "OperationDefinition", "Questionnaire", "Measure", "Library", "PlanDefinition", "ActivityDefinition",
    "ImplementationGuide", "MessageDefinition", "GraphDefinition", "StructureMap", "CompartmentDefinition",
)  # fmt: skip

SPECIAL: dict[str, Check] = {
    **{f"{name}.url": _canonical_url for name in _CANONICAL_RESOURCES},
    "Identifier.system": _identifier_system,
    "Identifier.value": _identifier_value,
    "Narrative.div": _narrative,
    "Narrative.extension": _text_link,
    "Observation.code": vitals.check,
    "Reference.type": _reference_type,
    "Coding.system": _coding_system,
    **{f"{name}.system": _quantity for name in ("Quantity", "Age", "Count", "Distance", "Duration")},
}

CONTEXT_FREE: frozenset[Check] = frozenset({_canonical_url, _identifier_system, _reference_type, _coding_system})
"""Those whose verdict depends on the value alone."""
