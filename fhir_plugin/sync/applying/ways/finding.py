"""Finding back what was, or may have been, written: by our own identifier, and by what it says."""

from __future__ import annotations

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying.ways.tasks import Quarantined, Task, content_of, own_identifier, references

__all__ = ["find_new", "written_as"]

_PAGE = "200"
_SUBJECTS = {"RelatedPerson": "patient", "CareTeam": "subject", "Consent": "patient", "DocumentReference": "subject"}
_VOID = "entered-in-error"


def find_new(client: FhirClient, task: Task) -> Written | None:
    """The resource a create made, or may have made; None when it is not there.

    Looked up by patient and told apart here: some EHRs pass over search parameters they lack, and give everybody's.

    Raises:
        Quarantined: it is there more than once.
        EhrError: the EHR cannot be asked.
    """
    if task.type == "Provenance":
        found = [body for body in _provenances(client, task) if _same_provenance(body, task.body)]
    else:
        wanted = own_identifier(task.body)
        subject = _SUBJECTS[task.type]
        listed = client.search(task.type, {"patient": task.patient, "_count": _PAGE})
        mine = [body for body in listed if _is_of(body, subject, task.patient) and body.get("status") != _VOID]
        found = [body for body in mine if own_identifier(body) == wanted] if wanted else []
    if len(found) > 1 and task.type != "Provenance":
        raise Quarantined(
            f"The EHR holds {len(found)} {task.type}s with the same identifier of ours.",
            where=f"search {task.type}",
            remedy="Put all but one out of use in the EHR; nothing more is written for this client until then.",
        )
    return written_as(found[0]) if found else None


def written_as(body: Json) -> Written:
    """A resource that is there, as the answer to the write that made it."""
    version = text(body.get("meta"), "versionId")
    return Written(type=text(body, "resourceType"), id=text(body, "id"), version=version, status=200, body=body)


def _provenances(client: FhirClient, task: Task) -> list[Json]:
    target = next(iter(references(task.body.get("target"))), "")
    return list(client.search("Provenance", {"target": target, "_count": _PAGE})) if target else []


def _same_provenance(held: Json, wanted: Json) -> bool:
    targets = {Ref(reference=each).id for each in references(held.get("target"))}
    return targets == {Ref(reference=each).id for each in references(wanted.get("target"))} and (
        content_of(held).get("activity") == content_of(wanted).get("activity")
        and text(held, "recorded")[:19] == text(wanted, "recorded")[:19]
        and len(objects(held, "agent")) == len(objects(wanted, "agent"))
    )


def _is_of(body: Json, subject: str, patient: str) -> bool:
    return Ref(reference=text(body.get(subject), "reference")).id == Ref(reference=patient).id
