"""Who a ``fhirUser`` is in *this* child's record: which resource a Person stands for, and how a professional is called.

A parent of two children has one Person and two RelatedPersons; only the one whose ``patient`` is the patient of the
launch counts here. Source: FHIR R4, *Person.link*; App Launch 2.2, *fhirUser*: the claim is the URL of a resource, and
the scope lets us read it.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrError, EhrForbidden, EhrNotFound
from fhir_plugin.mapping.names import read_name
from fhir_plugin.model.names import display_name
from smart_app.launch.context import FHIR_ID, text
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
    """Family of this child before a professional: who is both looks at the own child's record as family."""
    person = ehr.read("Person", user.reference.partition("/")[2])
    links = person.get("link")
    near = [_target(link, ehr) for link in links[:MOST_LINKS]] if isinstance(links, list) else []
    found = [link for link in near if _is_family(link, patient_id, ehr)]
    found += [link for link in near if link.partition("/")[0] == UserKind.PRACTITIONER]
    if not found:
        return user
    return replace(user, reference=found[0], kind=UserKind(found[0].partition("/")[0]))


def _target(link: object, ehr: FhirClient) -> str:
    """``Type/id`` of a link; empty where it leads elsewhere or is not one."""
    target = link.get("target") if isinstance(link, dict) else None
    reference = text(target, "reference") if isinstance(target, dict) else ""
    kind, _, resource_id = reference.removeprefix(f"{ehr.base_url}/").partition("/_history/")[0].partition("/")
    return f"{kind}/{resource_id}" if FHIR_ID.fullmatch(resource_id) else ""


def _is_family(reference: str, patient_id: str, ehr: FhirClient) -> bool:
    """Whether it is the patient, or somebody of the patient; what is in another child's record is not ours to read."""
    kind, _, resource_id = reference.partition("/")
    if kind != UserKind.RELATED_PERSON:
        return reference == f"Patient/{patient_id}"
    try:
        patient = ehr.read(kind, resource_id).get("patient") or {}
    except (EhrForbidden, EhrNotFound):
        return False
    return str(patient.get("reference", "")).removeprefix(f"{ehr.base_url}/") == f"Patient/{patient_id}"


def _professional_name(user: LaunchUser, ehr: FhirClient) -> str:
    kind, _, resource_id = user.reference.partition("/")
    found = ehr.read(kind, resource_id)
    if user.kind is UserKind.PRACTITIONER_ROLE:
        practitioner = found.get("practitioner")
        return text(practitioner, "display") if isinstance(practitioner, dict) else ""
    return display_name(read_name(found))
