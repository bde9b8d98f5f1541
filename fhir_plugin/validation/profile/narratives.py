"""What a profile asks of a narrative by extension: sections per language, and where each part came from.

http://hl7.org/fhir/StructureDefinition/narrative-language-control and narrative-source-control
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["narrative_checks"]

Json = dict[str, Any]
Check = Callable[[Any, Any, Path, Scope], None]

_LANGUAGE = "http://hl7.org/fhir/StructureDefinition/narrative-language-control"
_SOURCE = "http://hl7.org/fhir/StructureDefinition/narrative-source-control"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_SOURCES = frozenset({"boilerplate", "generated", "original"})


def narrative_checks(raw: Json, source: str) -> Iterator[Check]:
    """The checks on a Narrative that the extensions of an ElementDefinition ask for."""
    for one in raw.get("extension", ()):
        if one.get("url") == _LANGUAGE and type(one.get("valueCode")) is str:
            yield _language(one["valueCode"].lstrip("_#"), source)
        elif one.get("url") == _SOURCE and one.get("valueCode") != "success":
            yield _sources(source)


def _language(wanted: str, source: str) -> Check:
    """Sections for languages are there (``yes``), are not (``no``), or there is one for a certain language."""

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        root = _read(value)
        if root is None:
            return
        sections = [text for one in root if (text := one.get("lang") or one.get(_XML_LANG))]
        language = scope.resource.get("language") if wanted == "resource" else wanted
        if wanted == "no":
            if sections:
                scope.error("narrative-sections", path, ("found", _shown(sections)), source=source)
        elif not sections:
            scope.error("narrative-no-sections", path, source=source)
        elif wanted != "yes" and language and language not in sections:
            params = (("language", str(language)[:20]), ("found", _shown(sections)))
            scope.error("narrative-language-missing", path, *params, source=source)

    return check


def _sources(source: str) -> Check:
    """Each part of the narrative says by its class whether it was generated, is original, or is boilerplate."""

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        root = _read(value)
        if root is not None and any(_unattributed(root)):
            scope.error("narrative-source", path, source=source)

    return check


def _unattributed(element: ElementTree.Element) -> Iterator[bool]:
    """True for each text that stands in no element with a source."""
    if _SOURCES & set(element.get("class", "").split()):
        return
    if (element.text or "").strip():
        yield True
    for child in element:
        yield from _unattributed(child)
        if (child.tail or "").strip():
            yield True


def _shown(languages: list[str]) -> str:
    return ", ".join(sorted(languages))[:60]


def _read(narrative: Any) -> ElementTree.Element | None:
    """The div of a narrative; None for one that is not well formed, which the walk has reported."""
    text = narrative.get("div") if type(narrative) is dict else None
    if type(text) is not str or "<!" in text:
        return None
    try:
        return ElementTree.fromstring(text)  # noqa: S314  # nosec B314: without a DTD no entities expand
    except (ElementTree.ParseError, ValueError):
        return None
