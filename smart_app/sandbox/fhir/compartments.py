"""Whose record a resource belongs to (https://hl7.org/fhir/R4/compartmentdefinition-patient.html, made strict).

Strict: only the element that says whose record it *is* counts, not everyone who is mentioned in it; and something
that belongs to two children at once belongs to neither when a token for one child asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.fhir.paths import split_path
from smart_app.sandbox.fhir.values import reference_key

__all__ = ["INDIRECT_TYPES", "OWNED_TYPES", "SHARED_TYPES", "patients_of"]

SHARED_TYPES = frozenset(
    {
        "ActivityDefinition",
        "HealthcareService",
        "Location",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
    }
)
"""In nobody's record: a token for one child may read them where its scopes name the type, never write them."""

_OWNER = {
    "RelatedPerson": "patient",
    "CareTeam": "subject",
    "Consent": "patient",
    "Observation": "subject",
    "Condition": "subject",
    "DocumentReference": "subject",
    "Task": "for",
    "CarePlan": "subject",
    "Goal": "subject",
    "Encounter": "subject",
    "EpisodeOfCare": "patient",
    "Flag": "subject",
    "Communication": "subject",
    "QuestionnaireResponse": "subject",
    "ServiceRequest": "subject",
    "Procedure": "subject",
    "AllergyIntolerance": "patient",
    "Immunization": "patient",
    "List": "subject",
    "MedicationStatement": "subject",
    "Provenance": "target",
    "AuditEvent": "entity.what",
    "Person": "link.target",
}
OWNED_TYPES = ("Patient", *_OWNER)
"""Types that are in somebody's record."""

_PATHS = {name: split_path(path) for name, path in _OWNER.items()}

INDIRECT_TYPES = frozenset({"Provenance", "AuditEvent", "Person"})
"""Types that may belong to a record through another resource, so are judged after everything else is stored."""

Resolve = Callable[[str, str], frozenset[str]]
"""From (type, id) of a stored resource to the patients whose record it is in."""


def patients_of(resource: Json, base_url: str, resolve: Resolve) -> frozenset[str]:
    """Ids of the Patients whose record this resource is in; empty when it is in nobody's."""
    kind = str(resource.get("resourceType", ""))
    if kind == "Patient":
        return frozenset({str(resource.get("id", ""))})
    found: set[str] = set()
    for target_type, target_id in _owners(kind, resource, base_url):
        if target_type == "Patient":
            found.add(target_id)
        elif kind in INDIRECT_TYPES and target_type:
            found.update(resolve(target_type, target_id))
    return frozenset(found)


def _owners(kind: str, resource: Json, base_url: str) -> Iterator[tuple[str, str]]:
    for name, select in _PATHS.get(kind, ()):
        for element in select(resource.get(name)):
            reference: Any = element.get("reference") if isinstance(element, dict) else None
            if isinstance(reference, str):
                yield reference_key(reference.split("#")[0], base_url)
