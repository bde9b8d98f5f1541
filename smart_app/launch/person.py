"""Who a ``fhirUser`` is in *this* child's record: which resource a Person stands for, and how a professional is called.

A parent of two children has one Person and two RelatedPersons; only the one whose ``patient`` is the patient of the
launch counts here. Source: FHIR R4, *Person.link*; App Launch 2.2, *fhirUser*: the claim is the URL of a resource, and
the scope lets us read it.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrError
from fhir_plugin.mapping.names import read_name
from fhir_plugin.model.names import display_name
from smart_app.launch.context import text
from smart_app.launch.phases import LaunchUser, UserKind

__all__ = ["known_user"]

MOST_LINKS = 10

log = logging.getLogger(__name__)


def known_user(user: LaunchUser, patient_id: str, ehr: FhirClient) -> LaunchUser:
    """The user as this record knows them, with a name where the record system has one.

    A Person whom the record does not know stays one, and so has no rights. The names of family come with the network.
    """
    try:
        if user.kind is UserKind.PERSON:
            return _linked_user(user, patient_id, ehr)
        if user.kind.is_professional and not user.name:
            return replace(user, name=_professional_name(user, ehr))
    except EhrError as error:
        log.warning("user not resolved", extra={"code": error.code})
    return user


def _linked_user(user: LaunchUser, patient_id: str, ehr: FhirClient) -> LaunchUser:
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


def _is_user_of(reference: str, patient_id: str, ehr: FhirClient) -> bool:
    kind, _, resource_id = reference.partition("/")
    if kind == UserKind.RELATED_PERSON:
        patient = ehr.read(kind, resource_id).get("patient") or {}
        return str(patient.get("reference", "")).removeprefix(f"{ehr.base_url}/") == f"Patient/{patient_id}"
    return reference == f"Patient/{patient_id}" or kind == UserKind.PRACTITIONER


def _professional_name(user: LaunchUser, ehr: FhirClient) -> str:
    kind, _, resource_id = user.reference.partition("/")
    found = ehr.read(kind, resource_id)
    if user.kind is UserKind.PRACTITIONER_ROLE:
        practitioner = found.get("practitioner")
        return text(practitioner, "display") if isinstance(practitioner, dict) else ""
    return display_name(read_name(found))
