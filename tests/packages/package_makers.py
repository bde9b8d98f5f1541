"""Profiles and manifests made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CORE = "http://hl7.org/fhir/StructureDefinition/"
EXAMPLE = "http://example.org/StructureDefinition/"

Json = dict[str, Any]
MakeArchive = Callable[[str, Mapping[str, Any]], Path]


def profile(name: str, of: str, *elements: Json, **more: Any) -> Json:
    """A profile in differential form; an element's path follows from its id."""
    for element in elements:
        element.setdefault("path", ".".join(part.partition(":")[0] for part in element["id"].split(".")))
        last = element["id"].rpartition(".")[2]
        if ":" in last:
            element.setdefault("sliceName", last.partition(":")[2])
    root = elements[0]["path"].partition(".")[0] if elements else of.rpartition("/")[2]
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": EXAMPLE + name,
        "name": name,
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": root,
        "baseDefinition": of if "/" in of else CORE + of,
        "derivation": "constraint",
        "differential": {"element": list(elements)},
        **more,
    }


def manifest(name: str = "example.fhir", version: str = "1.0.0", **more: Any) -> Json:
    return {"name": name, "version": version, "fhirVersions": ["4.0.1"], **more}
