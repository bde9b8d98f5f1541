"""zib2024: SNOMED CT for both lists. A neighbour moves from role to relation; some codes lose meaning on the way.

Where a translation is not exact, the original code stays beside it as a second coding, so nothing is lost. A code that
could only become something narrower about the law (``24`` Wettelijke vertegenwoordiger is in zib2024 only "bij
wilsonbekwaamheid") or one of several is not translated: that would be inventing.
"""

from __future__ import annotations

from typing import Any

from fhir_plugin.mapping.json import Json, codings, objects, text
from fhir_plugin.mapping.network import to_fhir
from fhir_plugin.mapping.views.blocked import refused, viewable
from fhir_plugin.mapping.views.codelists import Translation, coding_of, translations
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import LEGAL_ROLE_CODES, ROL_NICTIZ, ROL_VEKTIS, V3_NULL_FLAVOR, V3_ROLE_CODE

__all__ = ["to_zib2024"]

_MAPS = {
    V3_ROLE_CODE: ("relation-2020-to-relation-2024",),
    ROL_VEKTIS: ("role-2020-to-role-2024", "role-2020-to-relation-2024"),
    ROL_NICTIZ: ("role-2020-to-role-2024",),
}
_OTHER = Coding(system=V3_NULL_FLAVOR, code="OTH", display="other")


def to_zib2024(network: SupportNetwork) -> tuple[Json, Report]:
    """The network with the codes of zib2024; what has no exact counterpart keeps its own code and is reported."""
    if (refusal := refused(network)) is not None:
        return refusal
    network, left_out = viewable(network)
    issues = list(left_out)
    bundle = to_fhir(network)
    for entry in objects(bundle, "entry"):
        body = entry["resource"]
        if text(body, "resourceType") == "RelatedPerson" and isinstance(body.get("relationship"), list):
            path = f"RelatedPerson/{text(body, 'id')}.relationship"
            body["relationship"] = [_concept(concept, path, issues) for concept in body["relationship"]]
    return bundle, Report(issues=tuple(issues))


def _concept(concept: Any, path: str, issues: list[Issue]) -> Any:
    if not isinstance(concept, dict) or not isinstance(concept.get("coding"), list):
        return concept
    return {**concept, "coding": [new for item in concept["coding"] for new in _codings(item, path, issues)]}


def _codings(item: Any, path: str, issues: list[Issue]) -> list[Any]:
    coding = next(codings({"coding": [item]}), None)
    if coding is None or coding.system not in _MAPS:
        return [item]
    found = _translation(coding)
    if found is None:
        issues.append(_issue("view-no-code", path, coding, _OTHER))
        return [coding_of(_OTHER), item]
    if found.is_lossy:
        issues.append(_issue("view-lossy-code", path, coding, found.target))
        return [coding_of(found.target), item]
    return [coding_of(found.target)]


def _translation(coding: Coding) -> Translation | None:
    for name in _MAPS[coding.system]:
        targets = translations(name).get(coding.key, ())
        if len(targets) == 1 and not (targets[0].is_narrower and coding.key in LEGAL_ROLE_CODES):
            return targets[0]
    return None


def _issue(code: str, path: str, coding: Coding, target: Coding) -> Issue:
    params = (("from", coding.code), ("to", target.code))
    return Issue(severity=Severity.WARNING, code=code, expression=path, params=params)
