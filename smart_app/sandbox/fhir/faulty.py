"""An EHR's FHIR server as it is met in the field: the faults that change what an interaction does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from smart_app.sandbox.faults import FaultSwitch
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Backend, Entry, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["FaultyBackend"]

_WRITES = {"create", "update", "patch", "delete"}


class FaultyBackend:
    """A backend behind the faults that are on; without any it changes nothing."""

    def __init__(self, inner: Backend, faults: FaultSwitch) -> None:
        self.base_url = inner.base_url
        self._inner = inner
        self._faults = faults

    def perform(self, interaction: Interaction, guard: Guard) -> Answer:
        """One interaction, if the faults leave it possible.

        Raises:
            FhirError: a fault refuses it, or the backend does.
        """
        return self._inner.perform(self._altered(interaction, frozenset()), guard)

    def transaction(self, entries: list[Entry], guard: Guard) -> list[Answer]:
        """All or nothing, if the faults leave it possible.

        Raises:
            FhirError: a fault refuses it, or the backend does.
        """
        if self._faults.active("transaction-refused"):
            raise FhirError(400, "not-supported", "This server does not support transactions.")
        related = frozenset(url for url, interaction in entries if url and interaction.type == "RelatedPerson")
        return self._inner.transaction([(url, self._altered(item, related)) for url, item in entries], guard)

    def page(self, cursor: str, offset: int, guard: Guard) -> Json:
        """A further page; no fault touches it."""
        return self._inner.page(cursor, offset, guard)

    def capabilities(self) -> Json:
        """The CapabilityStatement of a server with these faults: it says honestly what it cannot do."""
        statement = self._inner.capabilities()
        rest = statement["rest"][0]
        if self._faults.active("transaction-refused"):
            rest["interaction"] = [item for item in rest["interaction"] if item["code"] != "transaction"]
        if self._faults.active("no-consent"):
            rest["resource"] = [item for item in rest["resource"] if item["type"] != "Consent"]
        for resource in rest["resource"]:
            self._declare(resource)
        return statement

    def _declare(self, resource: Json) -> None:
        closed = self._faults.active("read-only") or (
            resource["type"] == "CareTeam" and self._faults.active("no-care-team-write")
        )
        if closed:
            resource["interaction"] = [item for item in resource["interaction"] if item["code"] not in _WRITES]
        if self._faults.active("no-conditional"):
            resource.update(conditionalCreate=False, conditionalUpdate=False, conditionalDelete="not-supported")

    def _altered(self, interaction: Interaction, related: frozenset[str]) -> Interaction:
        """The interaction as the faulty server understands it."""
        active = self._faults.active
        if interaction.type == "Consent" and active("no-consent"):
            raise FhirError(404, "not-supported", "This server does not keep resources of type Consent.")
        if not interaction.writes:
            return interaction
        if active("read-only"):
            raise FhirError(405, "not-supported", "This server can only be read.")
        if interaction.type == "CareTeam" and active("no-care-team-write"):
            raise FhirError(405, "not-supported", "This server does not let a CareTeam be written.")
        if active("no-conditional") and _is_conditional(interaction):
            raise FhirError(400, "not-supported", "This server has no conditional create, update or delete.")
        if active("stale-if-match-ignored"):
            interaction = replace(interaction, if_match=None)
        if interaction.type == "CareTeam" and active("drops-related-person-participants"):
            interaction = replace(interaction, body=_without_related(interaction.body, related))
        return interaction


def _is_conditional(interaction: Interaction) -> bool:
    return interaction.if_none_exist is not None or (interaction.method != "POST" and not interaction.id)


def _without_related(body: Any, related: Iterable[str]) -> Any:
    """A CareTeam whose RelatedPerson participants are silently gone."""
    if not isinstance(body, dict) or not isinstance(body.get("participant"), list):
        return body
    kept = [item for item in body["participant"] if not _is_related(item, related)]
    return {**{name: value for name, value in body.items() if name != "participant"}, **_listed(kept)}


def _listed(participants: list[Any]) -> Json:
    return {"participant": participants} if participants else {}


def _is_related(participant: Any, related: Iterable[str]) -> bool:
    member = participant.get("member") if isinstance(participant, dict) else None
    reference = str(member.get("reference", "")) if isinstance(member, dict) else ""
    return "RelatedPerson/" in reference or reference in related
