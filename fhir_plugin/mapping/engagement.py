"""CareTeam.participant ↔ Engagement: the current engagement in care, one participant of the network's team.

Functions and involvement are separate role concepts; roles of other systems (such as those that drive rights in
Koppeltaal) stand beside them. Where an EHR gives somebody an open participant for each role, access roles count in any
of them, and end with the engagement. Only our participants are touched: the other members belong to the EHR.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fhir_plugin.mapping import concepts
from fhir_plugin.mapping import extensions as ext
from fhir_plugin.mapping.json import Json, listed, period_of, put_period, reference_to_json, text
from fhir_plugin.mapping.lens import Lens, apply_lenses
from fhir_plugin.model.figure import Engagement
from fhir_plugin.model.identity import Coding, Ref, type_and_id
from fhir_plugin.model.terms import CodeSystems, Context, Extensions, Function, Involvement

__all__ = [
    "ENGAGEMENT_LENSES",
    "current_participant",
    "engagement_in",
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


def _wanted(value: Roles) -> list[Coding]:
    wanted = [Coding(system=CodeSystems.FUNCTION, code=code.value) for code in value.functions]
    wanted += [Coding(system=CodeSystems.INVOLVEMENT, code=code.value) for code in value.involvement]
    return [*wanted, *value.access_roles]


def _fill(body: Json, value: Roles) -> None:
    body[_KEY] = concepts.rebuilt({}, _KEY, _wanted(value), _is_owned)


def _write(body: Json, value: Roles) -> None:
    wanted = _wanted(value)
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
    _fill,
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
    )


def engagement_in(team: Json, member: str, server: str = "") -> Engagement | None:
    """The engagement of a member in a team, with the access roles of every open participant of theirs; or None.

    Args:
        team: a CareTeam.
        member: reference of the member.
        server: see :func:`same_member`.
    """
    index = current_participant(team, member, server)
    if index is None:
        return None
    engagement = engagement_of(participants(team)[index])
    others = (role for other in _open_beside(team, member, index, server) for role in ROLES.get(other).access_roles)
    return replace(engagement, access_roles=tuple(dict.fromkeys((*engagement.access_roles, *others))))


def current_participant(team: Json, member: str, server: str = "") -> int | None:
    """Index of the participant that is this member's current engagement: the last open one, else the last to end."""
    found = _of_member(team, member, server)
    return max(found, key=lambda index: (_last_day(participants(team)[index]), index), default=None)


def _of_member(team: Json, member: str, server: str) -> list[int]:
    return [
        index
        for index, item in enumerate(participants(team))
        if isinstance(item, dict) and same_member(item.get("member"), member, server)
    ]


def _last_day(participant: Json) -> date:
    end = period_of(participant, "period").end
    return end.last_day() if end else date.max


def _open_beside(team: Json, member: str, current: int, server: str) -> Iterator[Json]:
    """The member's other participants without an end: some EHRs keep one for each role."""
    held = (participants(team)[index] for index in _of_member(team, member, server) if index != current)
    return (item for item in held if period_of(item, "period").end is None)


def participants(team: Json) -> list[Any]:
    """The participant list as it stands, whatever is in it."""
    return listed(team, "participant")


def same_member(member: Any, reference: str, server: str = "") -> bool:
    """Whether a participant's member is this resource: relative, absolute or versioned.

    ``RelatedPerson/7`` of another server is somebody else, and so is one in full where nobody knows the server.

    Args:
        member: the Reference.
        reference: of the resource.
        server: where relative references lead, as ``Ref.base`` gives it; empty where it is not known.
    """
    literal = text(member, "reference")
    if reference.startswith("urn:") or literal.startswith("urn:"):
        return literal == reference
    wanted = type_and_id(reference)
    if not wanted[1] or type_and_id(literal) != wanted:
        return False
    return literal == reference or _server(literal, server) == _server(reference, server)


def _server(reference: str, server: str) -> str:
    return Ref(reference=reference).base or server


def put_engagement(team: Json, member: Ref, engagement: Engagement | None, server: str = "") -> bool:
    """Write a figure's engagement into a team; None removes the participant. Returns whether anything changed.

    Args:
        team: a CareTeam; it is changed.
        member: the figure.
        engagement: the engagement.
        server: see :func:`same_member`.
    """
    index = current_participant(team, member.reference, server)
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
    participant, beside = team["participant"][index], list(_open_beside(team, member.reference, index, server))
    held = ROLES.get(participant).access_roles
    elsewhere = {role for other in beside for role in ROLES.get(other).access_roles}
    own = tuple(role for role in engagement.access_roles if role in held or role not in elsewhere)
    changed = apply_lenses(ENGAGEMENT_LENSES, participant, replace(engagement, access_roles=own))
    return any([bool(changed), *(_follow(other, engagement) for other in beside)])


def _follow(other: Json, engagement: Engagement) -> bool:
    """Take from an open participant beside the current one what the engagement does not have any more."""
    roles = ROLES.get(other)
    kept = replace(roles, access_roles=tuple(role for role in roles.access_roles if role in engagement.access_roles))
    end = engagement.period.end
    if end is not None:
        put_period(other, "period", replace(period_of(other, "period"), end=end))
    return ROLES.put(other, kept) or end is not None
