"""What an element becomes when a differential speaks about it (https://hl7.org/fhir/R4/profiling.html#differential).

Everything the differential says replaces what was there, but for what adds up (constraints, mappings, aliases,
conditions, examples), for texts that begin with ``...`` (continued), and for cardinality, which only gets tighter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["as_extension", "as_slice", "inherited", "merged", "without_extension_prose"]

Json = dict[str, Any]

_ADDRESS = {"id", "path", "sliceName", "base"}
_CONTINUED = ("definition", "comment", "requirements", "label", "meaningWhenMissing")
_KEYS: dict[str, Callable[[Any], object]] = {
    "constraint": lambda entry: entry.get("key"),
    "condition": lambda entry: entry,
    "alias": lambda entry: entry,
    "mapping": lambda entry: (entry.get("identity"), entry.get("map")),
    "example": lambda entry: entry.get("label"),
    "extension": lambda entry: entry.get("url"),
    "code": lambda entry: (entry.get("system"), entry.get("code")),
}
"""Lists that add up, and what makes two of their entries the same one."""


_NOT_INHERITED = {
    f"http://hl7.org/fhir/StructureDefinition/{name}"
    for name in (
        *("structuredefinition-standards-status", "structuredefinition-normative-version"),
        *("structuredefinition-fmm", "structuredefinition-wg", "structuredefinition-explicit-type-name"),
        "elementdefinition-isCommonBinding",
    )
}
"""What an element says about its own publication; it does not go for those who build on it."""
_MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
_PROSE = {
    name
    for field in ("short", "definition", "comment", "requirements", "alias", "mapping")
    for name in (field, f"_{field}")
}
_BINDABLE = {"code", "Coding", "CodeableConcept", "Quantity", "string", "uri", "url", "canonical"}
"""Types that may be bound to a value set (https://hl7.org/fhir/R4/terminologies.html#4.1.5)."""
_EXTENSION_PROSE = {
    "Optional Extensions Element",
    "Additional content defined by implementations",
    "Extensions that cannot be ignored",
    "Extensions that cannot be ignored even if unrecognized",
}
"""``short`` of extension elements in R4: general words, out of place on one particular extension."""


def inherited(facts: Json, source: str) -> Json:
    """The facts of an element for those who build on the structure ``source``.

    A constraint without source is one of that structure: the copies say so.
    """
    result = _without_publication(facts)
    if "binding" in result:
        result["binding"] = _without_publication(result["binding"])
    if any("source" not in constraint for constraint in result.get("constraint", ())):
        result["constraint"] = [{"source": source, **constraint} for constraint in result["constraint"]]
    return result


def _without_publication(body: Json) -> Json:
    kept = [entry for entry in body.get("extension", ()) if entry.get("url") not in _NOT_INHERITED]
    result = {key: value for key, value in body.items() if key != "extension"}
    return {**result, "extension": kept} if kept else result


def without_extension_prose(facts: Json) -> Json:
    """The facts of an extension element, its general words replaced by the shortest possible ones."""
    if facts.get("short") not in _EXTENSION_PROSE:
        return facts
    kept = {key: value for key, value in facts.items() if key not in _PROSE}
    return {**kept, "short": "Extension", "definition": "An Extension"}


def as_slice(facts: Json, before: Json) -> Json:
    """The facts with which a slice of an element begins.

    Args:
        facts: the element, with what this profile says of it: that goes for each of its slices.
        before: the element in the base. Of words, obligations and rules it gives the slice its own; those that the
            profile says of the element are about all slices, and are said and checked there.
    """
    of_all = {*_PROSE, "mustSupport", "condition", "constraint"}
    kept = {key: value for key, value in facts.items() if key not in of_all and key != "slicing"}
    return {**kept, **{key: value for key, value in before.items() if key in of_all}, "min": 0}


def merged(facts: Json, said: Json) -> Json:
    """The facts of an element after a differential element."""
    result = dict(facts)
    for key, value in said.items():
        if key in _ADDRESS:
            continue
        if key in _CONTINUED and isinstance(value, str) and value.startswith("..."):
            result[key] = f"{facts.get(key, '')}\r\n{value.removeprefix('...')}"
        elif key in _KEYS:
            result[key] = _added(facts.get(key, []), value, _KEYS[key], replace=key in ("extension", "example"))
        elif key == "slicing":
            result[key] = {**facts.get(key, {}), **value}
        elif key == "binding":
            result[key] = _binding(facts.get(key, {}), value)
        elif key == "min":
            result[key] = max(value, facts.get("min", 0))
        elif key == "max":
            result[key] = tighter_max(facts.get("max", "*"), value)
        else:
            _replace_value(result, key)
            result[key] = value
    if result.get("type") and not any(entry.get("code") in _BINDABLE for entry in result["type"]):
        result.pop("binding", None)
    return result


def tighter_max(one: str, other: str) -> str:
    """The smaller of two ``max`` values: ``*`` or a number.

    Raises:
        ValueError: one of them is neither.
    """
    numbers = [float("inf") if value == "*" else int(value) for value in (one, other)]
    return one if numbers[0] <= numbers[1] else other


def _replace_value(result: Json, key: str) -> None:
    """A fixed value takes the place of any fixed value, whatever type either has; so do patterns."""
    for family in ("fixed", "pattern", "defaultValue", "minValue", "maxValue"):
        if key.removeprefix("_").startswith(family):
            for other in [name for name in result if name.removeprefix("_").startswith(family)]:
                if other.removeprefix("_") != key.removeprefix("_"):
                    del result[other]


def _added(old: list[Any], new: list[Any], key: Callable[[Any], object], *, replace: bool) -> list[Any]:
    fresh = {key(entry): entry for entry in new}
    kept = [fresh.get(key(entry), entry) if replace else entry for entry in old]
    known = {key(entry) for entry in old}
    return kept + [entry for entry in new if key(entry) not in known]


def _binding(old: Json, new: Json) -> Json:
    """A binding says everything anew; where it is silent on set, strength and widest set, the base speaks.

    The widest set limits preferred and extensible bindings only; a required one needs none
    (http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet).
    """
    result = {key: old[key] for key in ("strength", "valueSet") if key in old} | new
    required = result.get("strength") == "required"
    widest = [entry for entry in old.get("extension", ()) if entry.get("url") == _MAX_VALUE_SET and not required]
    extensions = _added(widest, new.get("extension", []), _KEYS["extension"], replace=True)
    return {**result, "extension": extensions} if extensions else result


def as_extension(facts: Json, root: Json) -> Json:
    """The facts of an element that is a particular extension: those of the extension's root, within their place.

    Args:
        facts: the element where the extension is used; it keeps its own place and minimum.
        root: the root element of the extension's definition; its maximum goes for every use.
    """
    kept = {key: value for key, value in root.items() if key not in ("base", "min", "slicing", "condition")}
    kept["max"] = tighter_max(facts.get("max", "*"), root.get("max", "*"))
    return kept | {key: facts[key] for key in ("base", "min") if key in facts}
