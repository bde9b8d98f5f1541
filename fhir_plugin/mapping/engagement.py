"""CareTeam.participant ↔ Engagement: the current engagement in care, one participant of the network's team.

Functions and involvement are separate role concepts; roles of other systems (such as those that drive rights in
Koppeltaal) stand beside them. Only our participants are touched: the list's other members belong to the EHR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhir_plugin.mapping import concepts
from fhir_plugin.mapping import extensions as ext
from fhir_plugin.mapping.json import Json, period_of, put_period, reference_to_json, text
from fhir_plugin.mapping.lens import Lens, apply_lenses
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.figure import Engagement
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.terms import CodeSystems, Context, Extensions, Function, Involvement

__all__ = [
    "ENGAGEMENT_LENSES",
    "current_participant",
    "engagement_of",
    "participants",
    "put_engagement",
    "same_member",
]

_KEY = "role"
_OWN: dict[str, type[Function] | type[Involvement]] = {
    CodeSystems.FUNCTION: Function,
    CodeSystems.INVOLVEMENT: Involvement,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The role concepts of a participant, apart by meaning."""

    functions: tuple[Function, ...] = ()
    involvement: tuple[Involvement, ...] = ()
    access_roles: tuple[Coding, ...] = ()


def _get(body: Json) -> Roles:
    found = concepts.all_codings(body, _KEY)
    functions = (ext.read_code(item.code, Function) for item in found if item.system == CodeSystems.FUNCTION)
    involvement = (ext.read_code(item.code, Involvement) for item in found if item.system == CodeSystems.INVOLVEMENT)
    return Roles(
        functions=tuple(code for code in functions if code),
        involvement=tuple(code for code in involvement if code),
        access_roles=tuple(item for item in found if item.system not in _OWN),
    )


def _write(body: Json, value: Roles) -> None:
    wanted = [Coding(system=CodeSystems.FUNCTION, code=code.value) for code in value.functions]
    wanted += [Coding(system=CodeSystems.INVOLVEMENT, code=code.value) for code in value.involvement]
    wanted += value.access_roles
    new = concepts.edited(body, _KEY, wanted, _is_owned)
    if _get({_KEY: new}) != value:
        new = concepts.rebuilt(body, _KEY, wanted, _is_owned)
    if new:
        body[_KEY] = new
    else:
        body.pop(_KEY, None)


def _is_owned(coding: Coding) -> bool:
    enum = _OWN.get(coding.system)
    return enum is None or ext.read_code(coding.code, enum) is not None


ROLES: Lens[Roles] = Lens(
    "roles",
    _KEY,
    _get,
    _write,
    lambda model: Roles(functions=model.functions, involvement=model.involvement, access_roles=model.access_roles),
)
ENGAGEMENT_LENSES: tuple[Lens[Any], ...] = (
    ext.code_list("contexts", f"extension('{Extensions.CONTEXT}')", Extensions.CONTEXT, Context),
    ROLES,
    Lens(
        "period",
        "period",
        lambda body: period_of(body, "period"),
        lambda body, value: put_period(body, "period", value),
    ),
)
"""Every element of CareTeam.participant this product owns."""


def engagement_of(participant: Json) -> Engagement:
    """The engagement a participant describes; total over any JSON object."""
    roles = ROLES.get(participant)
    contexts, _, period = ENGAGEMENT_LENSES
    return Engagement(
        functions=roles.functions,
        involvement=roles.involvement,
        access_roles=roles.access_roles,
        contexts=contexts.get(participant),
        period=period.get(participant),
        carried=Carried(participant),
    )


def current_participant(team: Json, member: str) -> int | None:
    """Index of the participant that is this member's current engagement: the last open one, else the last one."""
    held = participants(team)
    found = [
        index for index, item in enumerate(held) if isinstance(item, dict) and same_member(item.get("member"), member)
    ]
    still_open = [index for index in found if period_of(held[index], "period").end is None]
    return next(reversed(still_open or found), None)


def participants(team: Json) -> list[Any]:
    """The participant list as it stands, whatever is in it."""
    held = team.get("participant")
    return held if isinstance(held, list) else []


def same_member(member: Any, reference: str) -> bool:
    """Whether a participant's member is this resource: relative, absolute or versioned."""
    written = Ref(reference=text(member, "reference"))
    wanted = Ref(reference=reference)
    if reference.startswith("urn:"):
        return written.reference == reference
    return bool(wanted.id) and (written.type, written.id) == (wanted.type, wanted.id)


def put_engagement(team: Json, member: Ref, engagement: Engagement | None) -> bool:
    """Write a figure's engagement into a team; None removes the participant. Returns whether anything changed."""
    index = current_participant(team, member.reference)
    if engagement is None:
        if index is None:
            return False
        remaining = [item for position, item in enumerate(participants(team)) if position != index]
        if remaining:
            team["participant"] = remaining
        else:
            del team["participant"]
        return True
    if index is None:
        participant: Json = {"member": reference_to_json(member)}
        apply_lenses(ENGAGEMENT_LENSES, participant, engagement, new=True)
        team["participant"] = [*participants(team), participant]
        return True
    return bool(apply_lenses(ENGAGEMENT_LENSES, team["participant"][index], engagement))
