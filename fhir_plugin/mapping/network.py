"""FHIR resources of one child ↔ SupportNetwork: ``from_fhir`` and ``to_fhir``.

Two laws, property-tested: ``from_fhir(to_fhir(n)).network == n``, and ``to_fhir(from_fhir(b).network)`` holds every
resource of ``b`` as it was.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent import consent_to_fhir, read_consents
from fhir_plugin.mapping.engagement import current_participant, engagement_in, participants, put_engagement
from fhir_plugin.mapping.figure import figure_from, figure_onto
from fhir_plugin.mapping.findings import figure_issues
from fhir_plugin.mapping.json import Json, date_of, objects, reference_of, text
from fhir_plugin.mapping.names import NAME
from fhir_plugin.mapping.people import is_figure, people_from
from fhir_plugin.mapping.reading import NO_SERVER, Resources, collect
from fhir_plugin.mapping.safety import block_from, block_onto, is_block
from fhir_plugin.mapping.team import pick_team, settle_claim, team_from, team_onto
from fhir_plugin.mapping.ties import TIES_ON_PARTICIPANT, is_tie, new_tie, tie_about, tie_from
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.consent import ConsentRecord
from fhir_plugin.model.figure import SupportFigure, Tie
from fhir_plugin.model.identity import Identifier, Ref
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.network import Child, SupportNetwork
from fhir_plugin.model.terms import BSN_SYSTEMS

__all__ = ["NO_SERVER", "Mapped", "TiePlace", "collection", "entries_of", "from_fhir", "to_fhir"]

TiePlace = Literal["observation", "participant"]
_NAMESPACE = uuid.UUID("6f0f2a3c-52c8-5a0e-9c0e-5d1b4a1c7f10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What was read: the network, and what was noticed while reading it."""

    network: SupportNetwork
    report: Report


def from_fhir(source: Any, *, patient_id: str | None = None, base: str = "") -> Mapped:
    """Read one child's support network from FHIR R4 JSON. Never raises on what the source holds.

    Args:
        source: a Bundle, a resource, or an iterable of either (dicts, or typed models with ``model_dump_json``).
        patient_id: whose network is meant; without it there must be exactly one patient among the resources.
        base: FHIR base URL of the server they come from; see ``reading.collect``.

    Returns:
        The network; resources of other patients are never in it, only named in the report and kept in ``rest``.
    """
    found = collect(source, patient_id, base)
    related = found.of("RelatedPerson")
    teams = found.of("CareTeam")
    team, networks = pick_team(teams)
    if networks > 1:
        found.issues.append(Issue(severity=Severity.WARNING, code="several-networks", expression="CareTeam"))
    bodies = [body for body in related if is_figure(body)]
    figures = tuple(_figure(body, found, team) for body in bodies)
    consents, consent_report = read_consents(found.of("Consent"), key=lambda body: _key(found, body))
    observations = found.of("Observation")
    used = {id(tie) for body in bodies for tie in _observed(body, found, observations)}
    rest = [body for body in teams if body is not team]
    rest += [body for body in observations if id(body) not in used]
    rest += [body for body, record in zip(found.of("Consent"), consents, strict=True) if not record.carried]
    rest += [body for body in found.of("Flag") if not is_block(body)]
    rest += [body for kind in ("Condition", "Task", "DocumentReference") for body in found.of(kind)]
    network = SupportNetwork(
        child=_child(found),
        figures=figures,
        people=tuple(people_from(found.child, _others(related), teams, found.other)),
        team=team_from(team, team_id=_key(found, team), server=found.base) if team else None,
        consents=tuple(consents),
        safety_blocks=tuple(
            block_from(body, block_id=_key(found, body)) for body in found.of("Flag") if is_block(body)
        ),
        rest=tuple(Carried(body, tangled=id(body) in found.tangled) for body in rest + found.other),
    )
    issues = [issue for body in bodies for issue in figure_issues(body)]
    return Mapped(network=network, report=Report(issues=tuple(found.issues)).merged(issues, consent_report))


def to_fhir(network: SupportNetwork, *, ties: TiePlace = "observation", base: str = NO_SERVER) -> Json:
    """The FHIR R4 resources of a network, as a Bundle of type ``collection``.

    Args:
        network: every figure, and the team where a figure is engaged, must have an id (``urn:uuid:`` for new ones).
        ties: where a new tie goes; ties already recorded stay where they are.
        base: FHIR base URL of the server the ids belong to, for ``Bundle.entry.fullUrl`` (required in a collection).

    Raises:
        MappingError: a figure or team without an id, or an engagement without a team.
    """
    return collection(entries_of(network, ties=ties), base)


def entries_of(
    network: SupportNetwork, *, ties: TiePlace = "observation", but: Collection[int] = frozenset()
) -> list[Json]:
    """The entries of ``to_fhir``, those of new resources with their ``urn:uuid:`` as fullUrl.

    Args:
        network: see ``to_fhir``; it raises the same.
        ties: see ``to_fhir``.
        but: ``id()`` of the child, figures, people, consents and other resources whose own entry is not asked for.
    """
    patient = network.child.ref
    entries = [] if id(network.child) in but else _child_entries(network.child)
    observations: list[Json] = []
    team = team_onto(network.team, patient) if network.team else None
    server = network.team.server if network.team else ""
    for figure in network.figures:
        if not figure.id:
            raise MappingError("A figure without an id.", code="figure-without-id", remedy="Give it a urn:uuid id.")
        if id(figure) not in but:
            entries.append(_entry(figure_onto(figure, patient), figure.id))
        _engage(team, figure, server)
        observations += _place_ties(figure, patient, team, ties, server)
    entries += [_entry(each.carried.body()) for each in network.people if each.carried and id(each) not in but]
    if team is not None and network.team is not None:
        settle_claim(team, network.team)
        entries.append(_entry(team, network.team.id))
    consents = (item for item in network.consents if (item.carried or _is_new(item)) and id(item) not in but)
    entries += [_entry(consent_to_fhir(item), item.id) for item in consents]
    entries += [_entry(block_onto(block, patient), block.id) for block in network.safety_blocks]
    entries += observations
    entries += [_entry(carried.body()) for carried in network.rest if id(carried) not in but]
    return entries


def collection(entries: list[Json], base: str = NO_SERVER) -> Json:
    """A Bundle of type ``collection``, in which every entry has a fullUrl (R4 bundle.html#bundle-unique).

    Args:
        entries: Bundle entries; one without ``fullUrl`` gets it from the type and id of its resource.
        base: FHIR base URL of the server the ids belong to.
    """
    named = [_named(entry, base) for entry in entries]
    return {"resourceType": "Bundle", "type": "collection", **({"entry": named} if named else {})}


def _named(entry: Json, base: str) -> Json:
    """An entry with its fullUrl; a new resource already has its ``urn:uuid:``."""
    body = entry["resource"]
    if "fullUrl" in entry or not text(body, "id"):
        return entry
    return {"fullUrl": f"{base}/{text(body, 'resourceType')}/{text(body, 'id')}", **entry}


def _is_new(consent: ConsentRecord) -> bool:
    """Whether a consent without a body is a new one; a body too large to read with care is kept in ``rest``."""
    return not consent.not_understood


def _others(related: list[Json]) -> list[Json]:
    return [body for body in related if not is_figure(body)]


def _key(found: Resources, body: Json) -> str:
    """Id of a resource, else its fullUrl, else a name made from its content: the same body, the same name."""
    if key := found.key(body):
        return key
    # of a body beyond reason two that look alike get one name: contradicting consents, so that neither permits
    told = {key: text(body, key) for key in ("resourceType", "status")} if id(body) in found.tangled else body
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, _dumped(told))}"


def _dumped(body: Json) -> str:
    try:
        return json.dumps(body, sort_keys=True, default=str)
    except TypeError:  # keys that are no text: made in Python, for JSON knows none
        return json.dumps(sorted(map(repr, body.items())))


def _figure(body: Json, found: Resources, team: Json | None) -> SupportFigure:
    figure = figure_from(body, figure_id=_key(found, body))
    index = current_participant(team, figure.ref.reference, found.base) if team else None
    participant = participants(team)[index] if team is not None and index is not None else None
    ties = [tie_from(item, reference=_key(found, item)) for item in _observed(body, found, found.of("Observation"))]
    if team is None or participant is None:
        return replace(figure, ties=_in_order(ties))
    ties += TIES_ON_PARTICIPANT.get(participant)
    return replace(figure, engagement=engagement_in(team, figure.ref.reference, found.base), ties=_in_order(ties))


def _observed(body: Json, found: Resources, observations: list[Json]) -> list[Json]:
    key = _key(found, body)
    member = key if key.startswith("urn:") else f"RelatedPerson/{key}"
    return [item for item in observations if is_tie(item) and tie_about(item, member, found.base)]


def _in_order(ties: list[Tie]) -> tuple[Tie, ...]:
    return tuple(sorted(ties, key=lambda tie: tie.on.first_day().toordinal() if tie.on else 0))


def _child(found: Resources) -> Child:
    body = found.child
    if body is None:
        return Child(id=found.patient_id)
    return Child(
        id=found.patient_id,
        name=NAME.get(body),
        birth_date=date_of(body.get("birthDate")),
        gender=text(body, "gender"),
        identifiers=tuple(
            Identifier(system=text(item, "system"), value=text(item, "value"))
            for item in objects(body, "identifier")
            if text(item, "system") and text(item, "value") and text(item, "system") not in BSN_SYSTEMS
        ),
        deceased=body.get("deceasedBoolean") is True or bool(body.get("deceasedDateTime")),
        organization=reference_of(body.get("managingOrganization")),
        carried=Carried(body),
    )


def _child_entries(child: Child) -> list[Json]:
    if child.carried:
        return [_entry(child.carried.body())]
    return [] if child == Child(id=child.id) else [_entry(_patient(child))]


def _patient(child: Child) -> Json:
    body: Json = {"resourceType": "Patient", "id": child.id}
    NAME.put(body, child.name)
    if child.identifiers:
        body["identifier"] = [{"system": item.system, "value": item.value} for item in child.identifiers]
    if child.birth_date:
        body["birthDate"] = str(child.birth_date)
    if child.gender:
        body["gender"] = child.gender
    if child.deceased:
        body["deceasedBoolean"] = True
    if child.organization:
        body["managingOrganization"] = {"reference": child.organization.reference}
    return body


def _engage(team: Json | None, figure: SupportFigure, server: str) -> None:
    if team is not None:
        put_engagement(team, figure.ref, figure.engagement, server)
    elif figure.engagement is not None:
        raise MappingError("An engagement without a team.", code="engagement-without-team", remedy="Add a Team first.")


def _place_ties(figure: SupportFigure, patient: Ref, team: Json | None, place: TiePlace, server: str) -> list[Json]:
    """Put ties on the participant or answer them as Observation entries: history is added to, never rewritten."""
    index = current_participant(team, figure.ref.reference, server) if team else None
    participant = participants(team)[index] if team is not None and index is not None else None
    held = TIES_ON_PARTICIPANT.get(participant) if participant else ()
    here: list[Tie] = []
    entries: list[Json] = []
    for tie in figure.ties:
        if tie.carried is not None and tie_from(tie.carried.body()) == tie:
            entries.append(_entry(tie.carried.body(), tie.ref.reference if tie.ref else ""))
        elif participant is not None and (tie in held or place == "participant"):
            here.append(tie)
        else:
            entries.append(_entry(new_tie(tie, patient=patient, figure=figure.ref), _tie_url(figure, tie)))
    if participant is not None:
        TIES_ON_PARTICIPANT.put(participant, tuple(here))
    return entries


def _tie_url(figure: SupportFigure, tie: Tie) -> str:
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{figure.id}|{tie.ring}|{tie.quality}|{tie.by}|{tie.on}')}"


def _entry(body: Json, key: str = "") -> Json:
    return {"fullUrl": key, "resource": body} if key.startswith("urn:") else {"resource": body}
