"""What a reader of a figure should know: codes this version does not understand, and things that must not be there."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from fhir_plugin.mapping import concepts
from fhir_plugin.mapping import extensions as ext
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.model.terms import (
    BSN_SYSTEMS,
    Adult,
    BondKind,
    CodeSystems,
    Extensions,
    LifeDomain,
    ParentAccord,
    Supports,
)

__all__ = ["figure_issues"]

_CODED: dict[str, type[StrEnum]] = {
    Extensions.SUPPORTS: Supports,
    Extensions.LIFE_DOMAIN: LifeDomain,
    Extensions.ADULT: Adult,
    Extensions.PARENT_ACCORD: ParentAccord,
}


def figure_issues(body: Json) -> Iterator[Issue]:
    """Findings about a RelatedPerson that is a support figure; positions are FHIRPath, values are never repeated."""
    for index, item in enumerate(objects(body, "identifier")):
        if text(item, "system") in BSN_SYSTEMS:
            yield Issue(severity=Severity.ERROR, code="sf-1", expression=f"RelatedPerson.identifier[{index}]")
    if body.get("modifierExtension"):
        yield Issue(
            severity=Severity.WARNING, code="modifier-extension-kept", expression="RelatedPerson.modifierExtension"
        )
    for index, item in enumerate(objects(body, "extension")):
        enum = _CODED.get(text(item, "url"))
        if enum is not None and ext.read_code(text(item, "valueCode"), enum) is None:
            yield _unknown(f"RelatedPerson.extension[{index}]")
    for coding in concepts.all_codings(body, "relationship"):
        if coding.system == CodeSystems.KIND and ext.read_code(coding.code, BondKind) is None:
            yield _unknown("RelatedPerson.relationship")


def _unknown(expression: str) -> Issue:
    return Issue(severity=Severity.WARNING, code="unknown-code-kept", expression=expression)
