"""zib2024: SNOMED CT for both lists. A neighbour moves from role to relation; some codes lose meaning on the way."""

from __future__ import annotations

from typing import Any

from fhir_plugin.mapping.json import Json, codings, objects, text
from fhir_plugin.mapping.network import to_fhir
from fhir_plugin.mapping.views.codelists import Translation, translations
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import ROL_NICTIZ, ROL_VEKTIS, V3_ROLE_CODE

__all__ = ["to_zib2024"]

_MAPS = {
    V3_ROLE_CODE: "relation-to-zib2024",
    ROL_VEKTIS: "role-to-zib2024",
    ROL_NICTIZ: "role-to-zib2024",
}


def to_zib2024(network: SupportNetwork) -> tuple[Json, Report]:
    """The network with the codes of zib2024; codes that have no target stay as they are and are reported."""
    issues: list[Issue] = []
    bundle = to_fhir(network)
    for entry in objects(bundle, "entry"):
        body = entry["resource"]
        if text(body, "resourceType") == "RelatedPerson" and "relationship" in body:
            path = f"RelatedPerson/{text(body, 'id')}.relationship"
            body["relationship"] = [_concept(concept, path, issues) for concept in body["relationship"]]
    return bundle, Report(issues=tuple(issues))


def _concept(concept: Any, path: str, issues: list[Issue]) -> Any:
    if not isinstance(concept, dict):
        return concept
    return {**concept, "coding": [_coding(item, path, issues) for item in concept.get("coding", [])]}


def _coding(item: Any, path: str, issues: list[Issue]) -> Any:
    coding = next(codings({"coding": [item]}), None)
    if coding is None or coding.system not in _MAPS:
        return item
    found = translations(_MAPS[coding.system]).get(coding.key)
    if found is None or not found.target.code:
        issues.append(_issue("view-no-code", path, coding))
        return item
    if found.is_lossy:
        issues.append(_issue("view-lossy-code", path, coding, found))
    return {"system": found.target.system, "code": found.target.code, "display": found.target.display}


def _issue(code: str, path: str, coding: Coding, found: Translation | None = None) -> Issue:
    params = (("from", coding.code), ("to", found.target.code if found else ""))
    return Issue(severity=Severity.WARNING, code=code, expression=path, params=params)
