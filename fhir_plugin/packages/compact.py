"""The compact form of FHIR definitions and its way back.

What follows from the rest of an element is left out and put back on reading: an ``id`` equal to the ``path``, a
``base`` that repeats the element itself, the shared constraints (kept once, by number), bare types. Prose goes to a
document of its own, since only a published snapshot needs it.

Documents decoded here are shared by every reader: treat them as frozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = [
    "PROSE",
    "ConstraintTable",
    "decode_code_system",
    "decode_structure",
    "encode_code_system",
    "encode_structure",
    "encode_value_set",
    "prose_of",
    "with_prose",
]

Json = dict[str, Any]

PROSE = ("short", "definition", "isModifierReason")
"""Element fields for readers that are kept, apart (https://hl7.org/fhir/R4/elementdefinition.html)."""

_ELEMENT_DROPPED = {
    *PROSE,
    *("comment", "requirements", "alias", "meaningWhenMissing", "orderMeaning", "mapping", "example", "condition"),
    "extension",
}
_STRUCTURE_KEPT = (
    "url",
    "name",
    "kind",
    "abstract",
    "context",
    "contextInvariant",
    "type",
    "baseDefinition",
    "derivation",
)
_KEPT_BINDING_EXTENSION = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_KEPT_TYPE_EXTENSIONS = (
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type",
    "http://hl7.org/fhir/StructureDefinition/regex",
)
_KEPT_CONCEPT_PROPERTIES = (
    "status",
    "notSelectable",
    "abstract",
    "inactive",
    "child",
    "parent",
    "subsumedBy",
    "partOf",
)
_CODE_SYSTEM_KEPT = (
    "url",
    "version",
    "name",
    "status",
    "caseSensitive",
    "valueSet",
    "hierarchyMeaning",
    "content",
    "supplements",
)
_VALUE_SET_KEPT = ("url", "version", "name", "status", "compose")


class ConstraintTable:
    """Constraints kept once; elements name them by number."""

    def __init__(self, constraints: Iterable[Json] = ()) -> None:
        self.constraints: list[Json] = list(constraints)
        self._numbers: dict[str, int] = {}

    def number(self, constraint: Json) -> int:
        """The number of a constraint, without its XPath (removed from FHIR in R5), added when new."""
        kept = {key: value for key, value in constraint.items() if key != "xpath"}
        name = repr(kept)
        if name not in self._numbers:
            self._numbers[name] = len(self.constraints)
            self.constraints.append(kept)
        return self._numbers[name]


def encode_structure(structure: Json, table: ConstraintTable) -> Json:
    """A StructureDefinition with snapshot in its compact form."""
    kept = {key: structure[key] for key in _STRUCTURE_KEPT if key in structure}
    kept["e"] = [_encode_element(element, table) for element in structure["snapshot"]["element"]]
    return kept


def _encode_element(element: Json, table: ConstraintTable) -> Json:
    kept = {key: value for key, value in element.items() if key not in _ELEMENT_DROPPED}
    if kept.get("id") == kept["path"]:
        del kept["id"]
    if kept.get("base") == {"path": kept["path"], "min": kept["min"], "max": kept["max"]}:
        del kept["base"]
    for flag in ("isModifier", "isSummary", "mustSupport"):
        if kept.get(flag) is False:
            del kept[flag]
    if "constraint" in kept:
        kept["constraint"] = [table.number(constraint) for constraint in kept["constraint"]]
    if "type" in kept:
        kept["type"] = [_encode_type(entry) for entry in kept["type"]]
    if "binding" in kept:
        kept["binding"] = _with_extensions(kept["binding"], (_KEPT_BINDING_EXTENSION,), drop=("description",))
    return kept


def _encode_type(entry: Json) -> Json | str:
    kept = _with_extensions(entry, _KEPT_TYPE_EXTENSIONS)
    code: str = kept["code"]
    return code if len(kept) == 1 else kept


def _with_extensions(body: Json, urls: tuple[str, ...], drop: tuple[str, ...] = ()) -> Json:
    kept = {key: value for key, value in body.items() if key != "extension" and key not in drop}
    extensions = [extension for extension in body.get("extension", ()) if extension["url"] in urls]
    return {"extension": extensions, **kept} if extensions else kept


def decode_structure(compact: Json, table: ConstraintTable, version: str) -> Json:
    """The StructureDefinition of a compact form, with its snapshot."""
    structure: Json = {"resourceType": "StructureDefinition", "version": version, "status": "active", **compact}
    structure["fhirVersion"] = version
    elements = structure.pop("e")
    structure["snapshot"] = {"element": [_decode_element(element, table.constraints) for element in elements]}
    return structure


def _decode_element(kept: Json, constraints: list[Json]) -> Json:
    kept.setdefault("id", kept["path"])
    if "base" not in kept:
        kept["base"] = {"path": kept["path"], "min": kept["min"], "max": kept["max"]}
    if "constraint" in kept:
        kept["constraint"] = [constraints[number] for number in kept["constraint"]]
    if "type" in kept:
        kept["type"] = [{"code": entry} if isinstance(entry, str) else entry for entry in kept["type"]]
    return kept


def prose_of(structure: Json) -> list[Json]:
    """The prose of a snapshot's elements, in their order."""
    return [{key: element[key] for key in PROSE if key in element} for element in structure["snapshot"]["element"]]


def with_prose(structure: Json, prose: list[Json]) -> Json:
    """A structure whose elements have their prose again."""
    pairs = zip(structure["snapshot"]["element"], prose, strict=True)
    return {**structure, "snapshot": {"element": [{**element, **words} for element, words in pairs]}}


def encode_value_set(value_set: Json) -> Json:
    """A ValueSet with what decides membership and displays."""
    return {key: value_set[key] for key in _VALUE_SET_KEPT if key in value_set}


def encode_code_system(code_system: Json) -> Json:
    """A CodeSystem with concepts as ``[code, display, Dutch designation, properties, children]``, cut where empty."""
    kept = {key: code_system[key] for key in _CODE_SYSTEM_KEPT if key in code_system}
    kept["c"] = [_encode_concept(concept) for concept in code_system.get("concept", ())]
    return kept


def _encode_concept(concept: Json) -> list[Any]:
    dutch = [entry["value"] for entry in concept.get("designation", ()) if entry.get("language") == "nl"]
    properties = [entry for entry in concept.get("property", ()) if entry["code"] in _KEPT_CONCEPT_PROPERTIES]
    children = [_encode_concept(child) for child in concept.get("concept", ())]
    row = [concept["code"], concept.get("display", ""), dutch[0] if dutch else "", properties, children]
    while not row[-1]:
        row.pop()
    return row


def decode_code_system(compact: Json) -> Json:
    """The CodeSystem of a compact form."""
    code_system = {"resourceType": "CodeSystem", **compact}
    code_system["concept"] = [_decode_concept(row) for row in code_system.pop("c")]
    return code_system


def _decode_concept(row: list[Any]) -> Json:
    code, display, dutch, properties, children = row + ["", "", (), ()][len(row) - 1 :]
    concept: Json = {"code": code}
    if display:
        concept["display"] = display
    if dutch:
        concept["designation"] = [{"language": "nl", "value": dutch}]
    if properties:
        concept["property"] = properties
    if children:
        concept["concept"] = [_decode_concept(child) for child in children]
    return concept
