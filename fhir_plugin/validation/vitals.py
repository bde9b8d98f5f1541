"""Vital signs carry their LOINC code whatever other code they have (http://hl7.org/fhir/R4/observation-vitalsigns.html)."""

from __future__ import annotations

from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check", "profiles"]

_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_ALSO: dict[str, tuple[tuple[str, str], ...]] = {
    "9279-1": ((_SNOMED, "86290005"),),
    "8867-4": ((_SNOMED, "364075005"),),
    "2708-6": ((_SNOMED, "103228002"), (_SNOMED, "431314004")),
    "8310-5": ((_SNOMED, "386725007"), (_SNOMED, "276885007")),
    "8302-2": ((_SNOMED, "50373000"), (_SNOMED, "248333004")),
    "9843-4": ((_SNOMED, "363812007"),),
    "29463-7": ((_SNOMED, "27113001"),),
    "39156-5": ((_SNOMED, "60621009"),),
    "85354-9": ((_SNOMED, "75367002"), (_LOINC, "55284-4"), (_LOINC, "76534-7"), (_LOINC, "76535-4")),
}
_NEEDED = {pair: magic for magic, pairs in _ALSO.items() for pair in pairs}
"""Code of a vital sign → the LOINC code that the specification asks beside it."""


_PROFILES = {
    "85353-1": "vitalspanel", "9279-1": "resprate", "8867-4": "heartrate", "2708-6": "oxygensat", "8310-5": "bodytemp",
    "8302-2": "bodyheight", "9843-4": "headcircum", "29463-7": "bodyweight", "39156-5": "bmi", "85354-9": "bp",
}  # fmt: skip


def profiles(resource: dict[str, Any]) -> list[str]:
    """The vital signs profiles that an Observation must hold to by its code."""
    concept = resource.get("code")
    codings = concept.get("coding") if type(concept) is dict else None
    found = (
        _PROFILES.get(str(one.get("code")))
        for one in (codings if type(codings) is list else ())
        if type(one) is dict and one.get("system") == _LOINC
    )
    return [f"http://hl7.org/fhir/StructureDefinition/{name}" for name in found if name]


def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Report an Observation.code of a vital sign without the LOINC code by which receivers find it."""
    codings = value.get("coding") if type(value) is dict else None
    pairs = {
        (str(one.get("system")), str(one.get("code")))
        for one in (codings if type(codings) is list else ())
        if type(one) is dict
    }
    for magic in sorted({_NEEDED[pair] for pair in pairs if pair in _NEEDED}):
        if (_LOINC, magic) not in pairs:
            scope.error("vital-sign-code", path, ("code", magic))
