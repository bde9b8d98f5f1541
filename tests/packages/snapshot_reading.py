"""Looks into a snapshot: its elements by id, in order, and the keys of their rules."""

from __future__ import annotations

from collections.abc import Callable

from package_makers import EXAMPLE, Json

from fhir_plugin.packages import Definitions

Define = Callable[..., Definitions]


def elements(definitions: Definitions, name: str = "a") -> dict[str, Json]:
    structure = definitions.structure(name if "/" in name else EXAMPLE + name)
    assert structure is not None
    assert not definitions.issues, definitions.issues
    found = structure["snapshot"]["element"]
    by_id = {element["id"]: element for element in found}
    assert len(by_id) == len(found)
    return by_id


def order(definitions: Definitions, below: str, name: str = "a") -> list[str]:
    return [identity for identity in elements(definitions, name) if identity.startswith(below)]


def keys(element: Json) -> list[str]:
    return [constraint["key"] for constraint in element.get("constraint", ())]
