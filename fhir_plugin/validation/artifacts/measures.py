"""MeasureReport: does it report what its Measure defines (http://hl7.org/fhir/R4/measurereport.html)."""

from __future__ import annotations

from typing import Any

from fhir_plugin.validation.artifacts.reading import items, text
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_report"]

Json = dict[str, Any]
Pair = tuple[Json, Json, Path]
"""Part of the Measure, part of the report, place of the latter."""
_SCORING = "http://terminology.hl7.org/CodeSystem/measure-scoring"


def check_report(scope: Scope) -> None:
    """Groups, populations and stratifiers are those of the Measure; scores and subjects only where they belong."""
    report, path = scope.resource, scope.path
    canonical = text(report, "measure")
    measure = scope.engine.definitions.find("Measure", canonical) if canonical else None
    for group, place in items(report, "group", path):
        _check_subjects(group, place, scope)
    if measure is None:
        return
    scoring = {code for one, _ in items(measure.get("scoring"), "coding", path) if (code := _code_of(one))}
    reported = list(items(report, "group", path))
    defined = [one for one, _ in items(measure, "group", path)]
    pairs = (
        [(defined[0], *reported[0])]
        if len(reported) == len(defined) == 1
        else _matched(defined, reported, "group", path, scope)
    )
    for group, found, place in pairs:
        if "measureScore" in found and ("cohort" in scoring or report.get("type") == "data-collection"):
            scope.error("measure-score", (place, "measureScore", None))
        for name in ("population", "stratifier"):
            parts = [one for one, _ in items(group, name, path)]
            _matched(parts, list(items(found, name, place)), name, place, scope)


def _code_of(coding: Json) -> str:
    return text(coding, "code") if text(coding, "system") == _SCORING else ""


def _check_subjects(group: Json, path: Path, scope: Scope) -> None:
    """Only a list of subjects lists subjects (http://hl7.org/fhir/R4/measurereport.html#type)."""
    if scope.resource.get("type") == "subject-list":
        return
    for population, place in items(group, "population", path):
        if "subjectResults" in population:
            scope.error("measure-subjects", place)


def _matched(defined: list[Json], reported: list[tuple[Json, Path]], part: str, path: Path, scope: Scope) -> list[Pair]:
    """Parts of the report with what defines them, by code; what has no counterpart is reported."""
    pairs: list[Pair] = []
    for one, place in reported:
        found = next((other for other in defined if _same(other, one)), None)
        if found is None:
            scope.error("measure-unknown", place, ("part", part))
        elif any(found is other for other, _, _ in pairs):
            scope.error("measure-repeated", place, ("part", part))
        else:
            pairs.append((found, one, place))
    for other in defined:
        if not any(other is found for found, _, _ in pairs):
            scope.error("measure-missing", path, ("part", part), ("code", _label(other)))
    return pairs


def _same(one: Json, other: Json) -> bool:
    """Whether the codes of two parts share a coding, or a text where neither has codings."""
    mine, theirs = _codings(one), _codings(other)
    return bool(mine & theirs or (not mine and not theirs and _texts(one) & _texts(other)))


def _concepts(part: Json) -> list[Any]:
    """The codes of a part: a report's stratifier may have several, anything else has one."""
    code = part.get("code")
    return code if type(code) is list else [code]


def _codings(part: Json) -> set[tuple[str, str]]:
    found = (one for concept in _concepts(part) for one, _ in items(concept, "coding", (None, "code", None)))
    return {(text(one, "system"), text(one, "code")) for one in found}


def _texts(part: Json) -> set[str]:
    return {text(one, "text") for one in _concepts(part)} - {""}


def _label(part: Json) -> str:
    codes = sorted(code for _, code in _codings(part))
    return (", ".join(codes or sorted(_texts(part))) or text(part, "id"))[:80]
