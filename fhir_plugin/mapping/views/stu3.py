"""FHIR STU3 with zib2017 (http://fhir.nl/fhir/StructureDefinition/nl-core-relatedperson): down and up again.

STU3 knows one relationship per RelatedPerson and one role per participant; the role of zib2017 stands in an extension,
with RolCodelijst codes that have no leading zero; a second relationship in HL7's extension for an element of another
version (https://hl7.org/fhir/STU3/versions.html#extensions). Observation has no ``focus``, so ties stay on the
participant.
"""

from __future__ import annotations

import copy
from typing import Any

from fhir_plugin.mapping.engagement import participants
from fhir_plugin.mapping.json import Json, codings, objects, text
from fhir_plugin.mapping.network import collection, to_fhir
from fhir_plugin.mapping.views.blocked import refused, viewable
from fhir_plugin.mapping.views.stu3_consent import consent_down
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import ROL_NICTIZ, ROL_VEKTIS, CodeSystems

__all__ = [
    "ROLE_EXTENSION",
    "care_team_down",
    "care_team_up",
    "provenance_down",
    "provenance_up",
    "related_person_down",
    "related_person_up",
    "to_stu3",
]

ROLE_EXTENSION = "http://fhir.nl/fhir/StructureDefinition/nl-core-relatedperson-role"
_R4_RELATIONSHIP = "http://hl7.org/fhir/4.0/StructureDefinition/extension-RelatedPerson.relationship"
_ROLE_SYSTEMS = (ROL_VEKTIS, ROL_NICTIZ, CodeSystems.KIND)


def to_stu3(network: SupportNetwork) -> tuple[Json, Report]:
    """The network for an STU3 server; what it has no place for, or would turn into something else, is in the report."""
    if (refusal := refused(network)) is not None:
        return refusal
    network, left_out = viewable(network)
    issues = list(left_out)
    entries: list[Json] = []
    for entry in objects(to_fhir(network, ties="participant"), "entry"):
        written, lost = _down(entry["resource"])
        issues += lost
        if written is not None:
            entries.append({**entry, "resource": _untyped(written)})
    return collection(entries), Report(issues=tuple(issues))


def _down(body: Json) -> tuple[Json | None, list[Issue]]:
    """One resource, None where STU3 has no place for it, and what got lost."""
    kind = text(body, "resourceType")
    where = f"{kind}/{text(body, 'id')}"
    lost = [_issue("view-cannot-carry", where, "Reference.type")] if _names_type_of_identified(body) else []
    match kind:
        case "RelatedPerson":
            return related_person_down(body), lost
        case "CareTeam":
            return care_team_down(body), lost
        case "Consent":
            written = consent_down(body)
            return written, lost if written is not None else [_issue("view-refuses", where, "provision")]
        case "Patient":
            return body, lost
        case _:
            return None, [_issue("view-cannot-carry", where, kind)]


def related_person_down(body: Json) -> Json:
    """R4 → STU3: the first concept that is no role is the relationship; all others become extensions."""
    down = copy.deepcopy(body)
    roles = _roles(down)
    others = [concept for concept in objects(down, "relationship") if concept not in roles]
    down.pop("relationship", None)
    if others:
        down["relationship"] = others[0]
    added = [{"url": _R4_RELATIONSHIP, "valueCodeableConcept": concept} for concept in others[1:]]
    added += [{"url": ROLE_EXTENSION, "valueCodeableConcept": _shift(concept, _strip_zero)} for concept in roles]
    if added:
        down["extension"] = [*objects(down, "extension"), *added]
    return down


def related_person_up(body: Json) -> Json:
    """STU3 → R4: the relationship and what stands in extensions become relationship concepts."""
    up = copy.deepcopy(body)
    held = up.pop("relationship", None)
    relationship = [held] if isinstance(held, dict) else []
    extensions = objects(up, "extension")
    more, roles = (
        [item for item in extensions if item.get("url") == url and "valueCodeableConcept" in item]
        for url in (_R4_RELATIONSHIP, ROLE_EXTENSION)
    )
    relationship += [item["valueCodeableConcept"] for item in more]
    relationship += [_shift(item["valueCodeableConcept"], _add_zero) for item in roles]
    kept = [item for item in extensions if item not in more and item not in roles]
    up.pop("extension", None)
    return {
        **up,
        **({"extension": kept} if kept else {}),
        **({"relationship": relationship} if relationship else {}),
    }


def care_team_down(body: Json) -> Json:
    """R4 → STU3: a participant with several roles becomes one participant per role; ``encounter`` is ``context``."""
    down = copy.deepcopy(body)
    spread: list[Any] = []
    for participant in participants(down):
        if not isinstance(participant, dict):
            spread.append(participant)
            continue
        roles = objects(participant, "role")
        alone = {key: value for key, value in participant.items() if key != "role"}
        spread += [{**alone, "role": role} for role in roles] or [alone]
    if spread:
        down["participant"] = spread
    if "encounter" in down:
        down["context"] = down.pop("encounter")
    return down


def care_team_up(body: Json) -> Json:
    """STU3 → R4: participants that differ only in their role are one participant with several roles."""
    up = copy.deepcopy(body)
    joined: list[Json] = []
    for participant in objects(up, "participant"):
        role = participant.pop("role", None)
        same = next((item for item in joined if {k: v for k, v in item.items() if k != "role"} == participant), None)
        if same is None:
            same = participant
            joined.append(same)
        if isinstance(role, dict):
            same["role"] = [*objects(same, "role"), role]
    if joined:
        up["participant"] = joined
    if "context" in up:
        up["encounter"] = up.pop("context")
    return up


def provenance_down(body: Json) -> Json:
    """R4 → STU3: ``activity`` is a Coding, an agent's type is one of its roles, ``who`` is ``whoReference``."""
    down = copy.deepcopy(body)
    activity = objects(down.get("activity"), "coding")
    if "activity" in down:
        down["activity"] = activity[0] if activity else {}
    down["agent"] = [_agent_down(agent) for agent in objects(down, "agent")]
    return down


def provenance_up(body: Json) -> Json:
    """STU3 → R4: the first role of an agent is its type."""
    up = copy.deepcopy(body)
    if isinstance(up.get("activity"), dict):
        up["activity"] = {"coding": [up["activity"]]}
    up["agent"] = [_agent_up(agent) for agent in objects(up, "agent")]
    return up


def _agent_down(agent: Json) -> Json:
    roles = [*([agent["type"]] if "type" in agent else []), *objects(agent, "role")]
    rest = {key: value for key, value in agent.items() if key not in ("type", "role", "who", "onBehalfOf")}
    renamed = {f"{key}Reference": agent[key] for key in ("who", "onBehalfOf") if key in agent}
    return {**rest, **({"role": roles} if roles else {}), **renamed}


def _agent_up(agent: Json) -> Json:
    roles = objects(agent, "role")
    rest = {key: value for key, value in agent.items() if key not in ("role", "whoReference", "onBehalfOfReference")}
    renamed = {key: agent[f"{key}Reference"] for key in ("who", "onBehalfOf") if f"{key}Reference" in agent}
    return {**rest, **({"type": roles[0]} if roles else {}), **({"role": roles[1:]} if roles[1:] else {}), **renamed}


def _untyped(value: Any) -> Any:
    """The value with STU3 references: those have no ``type``."""
    if isinstance(value, list):
        return [_untyped(item) for item in value]
    if not isinstance(value, dict):
        return value
    dropped = {"type", "_type"} if _is_typed_reference(value) else set()
    return {key: _untyped(item) for key, item in value.items() if key not in dropped}


def _names_type_of_identified(value: Any) -> bool:
    """Whether a reference by identifier says what type it leads to: nothing else in it tells."""
    if isinstance(value, list):
        return any(map(_names_type_of_identified, value))
    if not isinstance(value, dict):
        return False
    if _is_typed_reference(value) and not text(value, "reference"):
        return True
    return any(map(_names_type_of_identified, value.values()))


def _is_typed_reference(value: Json) -> bool:
    points = isinstance(value.get("reference"), str) or isinstance(value.get("identifier"), dict)
    return points and isinstance(value.get("type"), str)


def _roles(body: Json) -> list[Json]:
    return [
        concept
        for concept in objects(body, "relationship")
        if any(coding.system in _ROLE_SYSTEMS for coding in codings(concept))
    ]


def _shift(concept: Json, change: Any) -> Json:
    coding = [{**item, "code": change(text(item, "code"))} if text(item, "system") == ROL_VEKTIS else item
              for item in objects(concept, "coding")]  # fmt: skip
    return {**concept, **({"coding": coding} if coding else {})}


def _strip_zero(code: str) -> str:
    return code.lstrip("0") or code


def _add_zero(code: str) -> str:
    return code.zfill(2)


def _issue(code: str, path: str, element: str) -> Issue:
    severity = Severity.ERROR if code == "view-refuses" else Severity.WARNING
    return Issue(severity=severity, code=code, expression=path, params=(("element", element),))
