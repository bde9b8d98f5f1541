"""Whether a record holds exactly what was sent: compared as JSON, which is many times cheaper than mapping it again.

What differs in any way is for the mapping to judge, element by element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_plugin.mapping.changes import ResourceChange
from fhir_plugin.mapping.engagement import current_participant, participants
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.wire import dumps

__all__ = ["as_sent", "frozen_in"]

_SERVERS = ("versionId", "lastUpdated", "source")
"""Members of ``meta`` that a server fills in."""


def as_sent(changes: Sequence[ResourceChange], ids: Mapping[str, str], bodies: Sequence[Json]) -> bool:
    """Whether every resource that was sent is in the record, the same to the letter but for what servers fill in.

    Args:
        changes: what was sent.
        ids: ``urn:uuid:`` → id of what was created.
        bodies: the record as it was read back.
    """
    held = {(text(body, "resourceType"), text(body, "id")): body for body in bodies}
    found = [held.get((change.type, ids.get(change.full_url, "") or text(change.body, "id"))) for change in changes]
    if not changes or not all(found):
        return False
    sent = _letters([change.body for change in changes])
    for change in changes:
        if change.full_url:
            sent = sent.replace(change.full_url.encode(), f"{change.type}/{ids[change.full_url]}".encode())
    return sent == _letters([body for body in found if body])


def frozen_in(reference: str, bodies: Sequence[Json]) -> Json | None:
    """A figure that is wholly ours as the journal keeps it (``codec.freeze``), out of the record that holds it."""
    person = next((body for body in bodies if f"{text(body, 'resourceType')}/{text(body, 'id')}" == reference), None)
    if person is None:
        return None
    for team in bodies:
        if text(team, "resourceType") == "CareTeam" and (index := current_participant(team, reference)) is not None:
            return {"person": person, "participant": participants(team)[index]}
    return {"person": person}


def _letters(bodies: Sequence[Json]) -> bytes:
    return dumps([_without_servers(body) for body in bodies], ordered=True)


def _without_servers(body: Json) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key not in ("id", "meta")}
    meta = body.get("meta")
    said = {key: value for key, value in meta.items() if key not in _SERVERS} if isinstance(meta, dict) else meta
    return {**kept, "meta": said} if said else kept
