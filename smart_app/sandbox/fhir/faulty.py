"""An EHR's FHIR server as it is met in the field: the faults that change what an interaction does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from fhir_plugin.mapping.safety import is_block
from smart_app.sandbox.faults import FaultSwitch
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Backend, Entry, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.stu3 import check_stu3

__all__ = ["FaultyBackend", "refusal"]

_CODES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_WRITES = frozenset(_CODES.values())
_CLOSED = {
    "read-only": ("", _WRITES),
    "create-only": ("", _WRITES - {"create"}),
    "patch-only": ("", _WRITES - {"create", "patch"}),
    "no-care-team-write": ("CareTeam", _WRITES),
    "no-related-person-write": ("RelatedPerson", _WRITES),
}
"""Fault → the type it closes (empty: every type) and for what."""


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
        altered = self._altered(interaction, frozenset())
        hides = altered.type == "Flag" and guard.own_record and self._faults.active("hides-safety-block")
        with self._conflicts():
            if not hides:
                return self._inner.perform(altered, guard)
            found = self._inner.perform(replace(altered, wired=False), guard)
        return replace(found, body=_without_labelled(found.body))

    def transaction(self, entries: list[Entry], guard: Guard) -> list[Answer]:
        """All or nothing, if the faults leave it possible.

        Raises:
            FhirError: a fault refuses it, or the backend does.
        """
        if self._faults.active("transaction-refused"):
            raise FhirError(400, "not-supported", "This server does not support transactions.")
        related = frozenset(url for url, interaction in entries if url and interaction.type == "RelatedPerson")
        with self._conflicts():
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
        if self._faults.active("stu3"):
            statement["fhirVersion"] = "3.0.2"
        if self._faults.active("no-consent"):
            rest["resource"] = [item for item in rest["resource"] if item["type"] != "Consent"]
        for resource in rest["resource"]:
            self._declare(resource)
        return statement

    @contextmanager
    def _conflicts(self) -> Iterator[None]:
        """STU3 answers 409 where R4 has 412 (https://hl7.org/fhir/STU3/http.html#concurrency)."""
        try:
            yield
        except FhirError as error:
            if error.status == 412 and self._faults.active("stu3"):
                raise FhirError(409, error.code, error.diagnostics) from None
            raise

    def _exists(self, interaction: Interaction) -> None:
        asked = Interaction(method="GET", type=interaction.type, id=interaction.id)
        try:
            self._inner.perform(asked, Guard.everything())
        except FhirError:
            raise FhirError(405, "not-supported", "This server gives out ids itself.") from None

    def _declare(self, resource: Json) -> None:
        closed = {code for code in _WRITES if refusal(self._faults, resource["type"], code)}
        resource["interaction"] = [item for item in resource["interaction"] if item["code"] not in closed]
        if self._faults.active("no-if-match"):
            resource["versioning"] = "no-version"
        if self._faults.active("server-ids"):
            resource["updateCreate"] = False
        if self._faults.active("no-conditional"):
            resource.update(conditionalCreate=False, conditionalUpdate=False, conditionalDelete="not-supported")

    def _check(self, interaction: Interaction) -> None:
        """Refuse what the faulty server does not offer.

        Raises:
            FhirError: it does not.
        """
        active = self._faults.active
        if active("no-access"):
            raise FhirError(403, "forbidden", "This server gives nobody access.")
        if interaction.type == "Consent" and active("no-consent"):
            raise FhirError(404, "not-supported", "This server does not keep resources of type Consent.")
        if not interaction.writes:
            return
        reason = refusal(self._faults, interaction.type, _CODES[interaction.method])
        if reason:
            raise FhirError(405, "not-supported", reason)
        if active("server-ids") and interaction.method == "PUT":
            self._exists(interaction)
        if active("stu3"):
            check_stu3(interaction.body)
        if active("no-conditional") and _is_conditional(interaction):
            raise FhirError(400, "not-supported", "This server has no conditional create, update or delete.")

    def _altered(self, interaction: Interaction, related: frozenset[str]) -> Interaction:
        """The interaction as the faulty server understands it."""
        active = self._faults.active
        self._check(interaction)
        if not interaction.writes:
            return interaction
        if active("no-if-match") or active("stale-if-match-ignored"):
            interaction = replace(interaction, if_match=None)
        if interaction.type == "CareTeam" and active("drops-related-person-participants"):
            interaction = replace(interaction, body=_without_related(interaction.body, related))
        return interaction


def refusal(faults: FaultSwitch, kind: str, code: str) -> str:
    """Why a kind of write is not possible under the faults that are on; empty when it is."""
    for name, (closed, codes) in _CLOSED.items():
        if faults.active(name) and code in codes and closed in ("", kind):
            return f"This server does not offer {code} of {closed or 'anything'}."
    return ""


def _without_labelled(body: Json | None) -> Json | None:
    """A search in which what is labelled to be kept from family is left out, as if there were none."""
    if body is None or body.get("resourceType") != "Bundle":
        return body
    kept = [entry for entry in body.get("entry", ()) if not is_block(entry["resource"])]
    return {**{name: value for name, value in body.items() if name != "entry"}, "total": len(kept), "entry": kept}


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
