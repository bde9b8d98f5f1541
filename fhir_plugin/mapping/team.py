"""CareTeam ↔ Team: the team that holds the engagements of a child's support figures.

Based on base CareTeam: nl-core-CareTeam, read literally, allows one contact person, one patient and one professional,
so it is never claimed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fhir_plugin.mapping import concepts
from fhir_plugin.mapping import extensions as ext
from fhir_plugin.mapping.engagement import engagement_in, participants, put_engagement
from fhir_plugin.mapping.json import (
    Json,
    changed_at,
    objects,
    period_of,
    put_claim,
    put_period,
    put_text,
    reference_of,
    reference_to_json,
    text,
)
from fhir_plugin.mapping.lens import Lens, apply_lenses
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.figure import Engagement
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.network import Team
from fhir_plugin.model.terms import NETWORK_IDENTIFIER, CodeSystems, Context, Extensions, Profiles

__all__ = [
    "TEAM_LENSES",
    "engagement_of_member",
    "is_network_team",
    "pick_team",
    "settle_claim",
    "team_from",
    "team_onto",
    "with_engagement",
]

_OWN_ROLES = (CodeSystems.FUNCTION, CodeSystems.INVOLVEMENT)


def _contexts(body: Json) -> tuple[Context, ...]:
    codes = (ext.read_code(item.code, Context) for item in _own_categories(body))
    return tuple(code for code in codes if code)


def _write_contexts(body: Json, value: tuple[Context, ...]) -> None:
    wanted = [Coding(system=CodeSystems.CONTEXT, code=code.value) for code in value]
    new = concepts.edited(body, "category", wanted, _is_context)
    if _contexts({"category": new}) != value:
        new = concepts.rebuilt(body, "category", wanted, _is_context)
    if new:
        body["category"] = new
    else:
        body.pop("category", None)


def _own_categories(body: Json) -> list[Coding]:
    return [item for item in concepts.all_codings(body, "category") if item.system == CodeSystems.CONTEXT]


def _is_context(coding: Coding) -> bool:
    return coding.system == CodeSystems.CONTEXT and ext.read_code(coding.code, Context) is not None


TEAM_LENSES: tuple[Lens[Any], ...] = (
    Lens("status", "status", lambda body: text(body, "status"), lambda body, value: put_text(body, "status", value)),
    Lens("name", "name", lambda body: text(body, "name"), lambda body, value: put_text(body, "name", value)),
    Lens("contexts", "category", _contexts, _write_contexts),
    Lens(
        "period",
        "period",
        lambda body: period_of(body, "period"),
        lambda body, value: put_period(body, "period", value),
    ),
)
"""Every element of CareTeam itself this product owns; participants are owned one by one."""


def is_network_team(body: Json) -> bool:
    """Whether a CareTeam is a support network: it says so, carries our identifier, or has a participant of ours."""
    if any(text(item, "system") == NETWORK_IDENTIFIER for item in objects(body, "identifier")) or _claims(body):
        return True
    return any(_is_engaged(participant) for participant in participants(body) if isinstance(participant, dict))


def _claims(body: Json) -> bool:
    meta = body.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    return isinstance(profiles, list) and Profiles.NETWORK in profiles


def _is_engaged(participant: Json) -> bool:
    roles = concepts.all_codings(participant, "role")
    return any(coding.system in _OWN_ROLES for coding in roles) or ext.sub(participant, Extensions.CONTEXT) is not None


def pick_team(teams: Iterable[Json]) -> tuple[Json | None, int]:
    """The team that is the network now (active before others, then the newest), and how many are active."""
    networks = [team for team in teams if is_network_team(team) and text(team, "status") != "entered-in-error"]
    networks.sort(key=lambda team: (text(team, "status") == "active", changed_at(team)))
    active = sum(text(team, "status") == "active" for team in networks)
    return (networks[-1] if networks else None), active


def team_from(body: Json, *, team_id: str, server: str = "") -> Team:
    """The team a CareTeam describes; total over any JSON object.

    Args:
        body: the CareTeam.
        team_id: its id, where it holds none.
        server: where it is, as ``Ref.base`` gives it; empty where that is not known.
    """
    values = {lens.name: lens.get(body) for lens in TEAM_LENSES}
    return Team(id=text(body, "id") or team_id, server=server, carried=Carried(body), **values)


def engagement_of_member(team: Team, member: Ref) -> Engagement | None:
    """The engagement of a member, also of one who is not in the record; None where the team does not have them."""
    return engagement_in(team.carried.body(), member.reference, team.server) if team.carried else None


def with_engagement(team: Team, member: Ref, engagement: Engagement) -> Team:
    """The team with another engagement of a member who is not in the record: nobody else in it is touched."""
    body: Json = team.carried.body() if team.carried else {}
    put_engagement(body, member, engagement, team.server)
    return replace(team, carried=Carried(body))


def settle_claim(body: Json, team: Team) -> None:
    """Claim the SupportNetwork profile where a body that changed satisfies it, and only there (drafts do not)."""
    if team.carried is None or team.carried.body() != body:
        put_claim(body, Profiles.NETWORK, holds=_satisfies_profile(body))


def _satisfies_profile(body: Json) -> bool:
    """The rules ct-1, ct-2, ct-4 and ct-5 of the profile, on what the team itself says."""
    held = participants(body)
    ended_well = text(body, "status") != "inactive" or period_of(body, "period").end is not None
    return bool(held) and ended_well and all(isinstance(item, dict) and _is_whole(item) for item in held)


def _is_whole(participant: Json) -> bool:
    member = reference_of(participant.get("member"))
    if member is None:
        return False
    if member.type != "RelatedPerson" and not member.reference.startswith("urn:"):
        return True
    systems = {coding.system for coding in concepts.all_codings(participant, "role")}
    return systems.issuperset(_OWN_ROLES)


def team_onto(team: Team, patient: Ref) -> Json:
    """The CareTeam of a team, without the engagements: the body it came from with what differs rewritten."""
    body: Json = team.carried.body() if team.carried else {"resourceType": "CareTeam"}
    if "subject" not in body:
        body["subject"] = reference_to_json(patient)
    if team.id and not team.id.startswith("urn:"):
        body["id"] = team.id
    apply_lenses(TEAM_LENSES, body, team)
    if team.carried is None:
        body["identifier"] = [{"system": NETWORK_IDENTIFIER, "value": patient.id}]
    return body
