"""What an STU3 server refuses of a resource that is written as R4 (https://hl7.org/fhir/STU3/resourcelist.html)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["check_stu3"]


def check_stu3(body: Any) -> None:
    """Refuse elements that STU3 does not have, or has once instead of repeated.

    Raises:
        FhirError: 422, it is not STU3.
    """
    if not isinstance(body, dict):
        return
    check = _CHECKS.get(str(body.get("resourceType", "")))
    wrong = next(check(body), "") if check else ""
    if wrong:
        raise FhirError(422, "structure", f"{wrong} is not as in STU3.")


def _related_person(body: Json) -> Iterator[str]:
    if isinstance(body.get("relationship"), list):
        yield "RelatedPerson.relationship"
    if "communication" in body:
        yield "RelatedPerson.communication"


def _care_team(body: Json) -> Iterator[str]:
    if any(isinstance(item.get("role"), list) for item in body.get("participant", ()) if isinstance(item, dict)):
        yield "CareTeam.participant.role"
    if "encounter" in body:
        yield "CareTeam.encounter"


def _consent(body: Json) -> Iterator[str]:
    yield from (f"Consent.{name}" for name in ("provision", "scope", "performer", "verification") if name in body)
    if isinstance(body.get("identifier"), list):
        yield "Consent.identifier"


def _provenance(body: Json) -> Iterator[str]:
    if "coding" in (body.get("activity") or {}):
        yield "Provenance.activity"
    if any("who" in agent or "type" in agent for agent in body.get("agent", ())):
        yield "Provenance.agent"


_CHECKS: dict[str, Callable[[Json], Iterator[str]]] = {
    "RelatedPerson": _related_person,
    "CareTeam": _care_team,
    "Consent": _consent,
    "Provenance": _provenance,
}
