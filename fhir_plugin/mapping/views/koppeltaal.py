"""Koppeltaal 2.0: KT2_RelatedPerson and KT2CareTeam (http://koppeltaal.nl/fhir/StructureDefinition/…).

The profiles close the slicing of ``relationship``, require identifier, active, relationship, name, gender and birth
date, and forbid category, note and reasons on the team. A participant's period is not used there: whoever is no longer
engaged is left out. Roles on the team, not relationships, give rights.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date

from fhir_plugin.mapping.contact import ADDRESSES, TELECOMS
from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.mapping.json import Json, prune
from fhir_plugin.mapping.names import NAME
from fhir_plugin.mapping.network import collection
from fhir_plugin.mapping.views.blocked import refused, viewable
from fhir_plugin.mapping.views.codelists import exact
from fhir_plugin.mapping.views.losses import losses
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import NETWORK_IDENTIFIER, SNOMED, CodeSystems

__all__ = ["ACCESS_ROLES", "to_koppeltaal"]

KT2_RELATED_PERSON = "http://koppeltaal.nl/fhir/StructureDefinition/KT2RelatedPerson"
KT2_CARE_TEAM = "http://koppeltaal.nl/fhir/StructureDefinition/KT2CareTeam"
ACCESS_ROLES = {
    "407542009": "Mantelzorger",
    "310391000146105": "Wettelijk vertegenwoordiger",
    "125677006": "Naaste",
    "62071000": "Buddy",
}
"""SNOMED CT roles that give a related person rights in Koppeltaal; Naaste and Buddy see only their own tasks."""
_NEW_TEAM = uuid.uuid5(uuid.NAMESPACE_URL, KT2_CARE_TEAM)
_CARRIED = frozenset(
    {"identifiers", "active", "relations", "roles", "kinds", "name", "telecoms", "addresses", "gender", "birth_date"}
)


def to_koppeltaal(network: SupportNetwork, *, today: date | None = None) -> tuple[Json, Report]:
    """The engaged figures as Koppeltaal wants them, and what could not be said there.

    Args:
        network: the child's network.
        today: day on which an engagement must be running; None keeps every engagement without an end.
    """
    if (refusal := refused(network)) is not None:
        return refusal
    issues = list(viewable(network)[1])
    entries: list[Json] = []
    participants: list[Json] = []
    for position, figure in enumerate(network.figures):
        if not _is_engaged(figure, today):
            continue
        path = f"figures[{position}]"
        missing = list(_missing(figure))
        if missing:
            issues += [_issue(Severity.ERROR, "koppeltaal-missing", path, name) for name in missing]
            continue
        entries.append(_entry(_related_person(figure, network), figure.id))
        participants.append(_participant(figure))
        issues += losses(figure, path, _CARRIED)
        if not _access(figure):
            issues.append(_issue(Severity.WARNING, "koppeltaal-no-role", path, "access_roles"))
    if network.child.id:  # a team of nobody's cannot be written: KT2CareTeam requires a subject
        entries.append(_entry(_team(network, participants), _team_id(network)))
    return collection(entries), Report(issues=tuple(issues))


def _entry(body: Json, key: str) -> Json:
    """An entry; what has no id yet goes under its ``urn:uuid:``."""
    return {"fullUrl": key, "resource": body} if key.startswith("urn:") else {"resource": body}


def _team_id(network: SupportNetwork) -> str:
    """Id of the team; one that is not recorded yet has a name of its own, the same each time."""
    if network.team is not None and network.team.id:
        return network.team.id
    return f"urn:uuid:{uuid.uuid5(_NEW_TEAM, network.child.ref.reference)}"


def _is_engaged(figure: SupportFigure, today: date | None) -> bool:
    if figure.engagement is None or not figure.active:
        return False
    period = figure.engagement.period
    return period.end is None if today is None else period.covers(today)


def _missing(figure: SupportFigure) -> Iterator[str]:
    if not figure.identifiers:
        yield "identifier"
    if not (figure.relations or figure.roles):
        yield "relationship"
    if figure.name.is_empty:
        yield "name"
    if not figure.gender:
        yield "gender"
    if figure.birth_date is None:
        yield "birthDate"


def _related_person(figure: SupportFigure, network: SupportNetwork) -> Json:
    body: Json = {
        "resourceType": "RelatedPerson",
        "id": "" if figure.id.startswith("urn:") else figure.id,
        "meta": {"profile": [KT2_RELATED_PERSON]},
        "identifier": [{"system": item.system, "value": item.value} for item in figure.identifiers],
        "active": figure.active,
        "patient": {"reference": network.child.ref.reference},
        "relationship": _relationship(figure),
        "gender": figure.gender,
        "birthDate": str(figure.birth_date),
    }
    NAME.put(body, figure.name)
    TELECOMS.put(body, figure.telecoms)
    ADDRESSES.put(body, figure.addresses)
    return prune(body)


def _relationship(figure: SupportFigure) -> list[Json]:
    """One concept per zib code; kinds join the last one, because a third kind of repetition is not allowed."""
    concepts: list[Json] = [{"coding": [exact(coding)]} for coding in (*figure.relations, *figure.roles)]
    kinds = [coding_to_json(Coding(system=CodeSystems.KIND, code=kind.value)) for kind in figure.kinds]
    concepts[-1]["coding"] += kinds
    return concepts


def _participant(figure: SupportFigure) -> Json:
    role = _access(figure)
    concept = [{"coding": [coding_to_json(role)]}] if role else []
    return prune({"role": concept, "member": {"reference": figure.ref.reference}})


def _access(figure: SupportFigure) -> Coding | None:
    held = figure.engagement.access_roles if figure.engagement else ()
    for coding in held:
        if coding.system == SNOMED and coding.code in ACCESS_ROLES:
            return Coding(system=SNOMED, code=coding.code, display=ACCESS_ROLES[coding.code])
    return None


def _team(network: SupportNetwork, participants: list[Json]) -> Json:
    team = network.team
    return prune(
        {
            "resourceType": "CareTeam",
            "id": "" if team is None or team.id.startswith("urn:") else team.id,
            "meta": {"profile": [KT2_CARE_TEAM]},
            "identifier": [{"system": NETWORK_IDENTIFIER, "value": network.child.id}],
            "status": team.status if team else "active",
            "name": team.name if team else "",
            "subject": {"reference": network.child.ref.reference},
            "participant": participants,
        }
    )


def _issue(severity: Severity, code: str, path: str, element: str) -> Issue:
    return Issue(severity=severity, code=code, expression=path, params=(("element", element),))
