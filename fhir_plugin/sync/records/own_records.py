"""Records as they count: what the EHR gives, with what we keep ourselves because it cannot."""

from __future__ import annotations

from collections.abc import Sequence

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.mapping.engagement import participants, same_member
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.mapping.reading import server_at
from fhir_plugin.mapping.team import is_network_team
from fhir_plugin.sync.records.own_store import LOCAL, Kept, OwnStore
from fhir_plugin.sync.records.population import Population

__all__ = ["OwnRecords", "together"]


class OwnRecords(Population):
    """Reads records of an EHR, and lays over them what is kept here."""

    def __init__(self, client: FhirClient, store: OwnStore) -> None:
        super().__init__(client)
        self._store = store

    def records(self, patient_ids: Sequence[str]) -> dict[str, list[Json]]:
        """See ``Population.records``."""
        found = super().records(patient_ids)
        for kept in self._store.kept(found):
            found[kept.patient] = together(found[kept.patient], kept, server_at(self._client.base_url))
        return found


def together(bodies: list[Json], kept: Kept, server: str = "") -> list[Json]:
    """The bodies of a record with one that is kept here in it.

    It stands in for the EHR's own resource as long as that is what it was; a team of the EHR that was changed since
    keeps the change, with the support figures it does not have from ours. A consent that was changed counts as it is.
    ``server``: of the EHR, see ``engagement.same_member``.
    """
    kind, id_ = text(kept.body, "resourceType"), text(kept.body, "id")
    if id_.startswith(LOCAL):
        team = next((body for body in bodies if kind == "CareTeam" and _is_network(body)), None)
        return (
            [*bodies, kept.body]
            if team is None
            else [_joined(b, kept.body, server) if b is team else b for b in bodies]
        )
    return [_standing_in(body, kept, server) if _is(body, kind, id_) else body for body in bodies]


def _standing_in(body: Json, kept: Kept, server: str) -> Json:
    held = text(body.get("meta"), "versionId")
    if held == kept.base:
        return kept.body
    return _joined(body, kept.body, server) if text(body, "resourceType") == "CareTeam" else body


def _joined(team: Json, ours: Json, server: str) -> Json:
    held = participants(team)
    new = [
        item
        for item in participants(ours)
        if isinstance(item, dict) and not any(_same(other, item, server) for other in held)
    ]
    return {**team, "participant": [*held, *new]} if new else team


def _same(held: object, item: Json, server: str) -> bool:
    member = item.get("member")
    reference = text(member, "reference") if isinstance(member, dict) else ""
    return isinstance(held, dict) and same_member(held.get("member"), reference, server)


def _is(body: Json, kind: str, id_: str) -> bool:
    return text(body, "resourceType") == kind and text(body, "id") == id_


def _is_network(body: Json) -> bool:
    return text(body, "resourceType") == "CareTeam" and is_network_team(body)
