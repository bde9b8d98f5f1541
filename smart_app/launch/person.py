"""A ``fhirUser`` that is a Person: which of the resources it links is the user in *this* child's record.

A parent of two children has one Person and two RelatedPersons; only the one whose ``patient`` is the patient of the
launch counts here. Source: FHIR R4, *Person.link*; App Launch 2.2, *fhirUser*.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrError
from smart_app.launch.phases import LaunchUser, UserKind

__all__ = ["linked_user"]

MOST_LINKS = 10

log = logging.getLogger(__name__)


def linked_user(user: LaunchUser, patient_id: str, ehr: FhirClient) -> LaunchUser:
    """The user as this record knows them; unchanged, and so without rights, where the record does not."""
    try:
        person = ehr.read("Person", user.reference.partition("/")[2])
        links = [str((link.get("target") or {}).get("reference", "")) for link in person.get("link", ())]
        return next(
            (
                replace(user, reference=reference, kind=UserKind(reference.partition("/")[0]))
                for reference in (link.removeprefix(f"{ehr.base_url}/") for link in links[:MOST_LINKS])
                if _is_user_of(reference, patient_id, ehr)
            ),
            user,
        )
    except EhrError as error:
        log.warning("person not resolved", extra={"code": error.code})
        return user


def _is_user_of(reference: str, patient_id: str, ehr: FhirClient) -> bool:
    kind, _, resource_id = reference.partition("/")
    if kind == UserKind.RELATED_PERSON:
        patient = ehr.read(kind, resource_id).get("patient") or {}
        return str(patient.get("reference", "")).removeprefix(f"{ehr.base_url}/") == f"Patient/{patient_id}"
    return reference == f"Patient/{patient_id}" or kind == UserKind.PRACTITIONER
