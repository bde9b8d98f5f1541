"""Keeping a resource ourselves, where the EHR has no place for it."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrError
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import CONSENT_IDENTIFIER, LOINC
from fhir_plugin.sync.applying.ways.finding import find_new, written_as
from fhir_plugin.sync.applying.ways.tasks import Create, Task, Update, own_identifier
from fhir_plugin.sync.records.own_store import LOCAL, OwnStore

__all__ = ["KeptConsent", "KeptHere", "document_of"]

_CONSENT_DOCUMENT = "64292-6"
"""LOINC: release of information consent."""


@dataclass(frozen=True, slots=True)
class KeptHere:
    """Create and update in our own store."""

    store: OwnStore

    def __call__(self, task: Task) -> Written:
        """See ``tasks.Create`` and ``tasks.Update``."""
        id_ = task.id or f"{LOCAL}{_same_each_time(task)}"
        base = "" if task.version.startswith(LOCAL) else task.version
        stored = self.store.keep(
            Ref(reference=task.patient).id, {**task.body, "id": id_}, base=base, expected=task.version
        )
        return written_as(stored)


@dataclass(frozen=True, slots=True)
class KeptConsent:
    """A Consent in our own store, and, where the EHR takes documents, a DocumentReference that tells people of it.

    The consent that counts is ours. A document that does not arrive opens nothing and is made good by the next change.
    """

    kept: KeptHere
    client: FhirClient
    create: Create | None
    update: Update | None

    def __call__(self, task: Task) -> Written:
        """See ``tasks.Create`` and ``tasks.Update``."""
        written = self.kept(task)
        with suppress(EhrError):
            self._tell(task, written.id)
        return written

    def _tell(self, task: Task, consent_id: str) -> None:
        body = document_of(task.body, task.patient, consent_id)
        new = Task(body=body, patient=task.patient)
        held = find_new(self.client, new)
        if held is None and self.create is not None:
            self.create(new)
        elif held is not None and held.body is not None and self.update is not None:
            changed = {**held.body, "status": body["status"]}
            if changed != held.body:
                self.update(Task(body=changed, before=held.body, version=held.version, patient=task.patient))


def document_of(consent: Json, patient: str, consent_id: str) -> Json:
    """The DocumentReference of a consent that is kept elsewhere: that it is there, and whether it stands; not more."""
    identifier = own_identifier(consent) or (CONSENT_IDENTIFIER, consent_id)
    coding = {"system": LOINC, "code": _CONSENT_DOCUMENT}
    return {
        "resourceType": "DocumentReference",
        "identifier": [{"system": identifier[0], "value": identifier[1]}],
        "status": "current" if text(consent, "status") == "active" else "superseded",
        "type": {"coding": [coding]},
        "subject": {"reference": patient},
        "content": [{"attachment": {"contentType": "application/fhir+json", "title": "Toestemming (steunfiguren)"}}],
    }


def _same_each_time(task: Task) -> str:
    """An id that does not multiply when a run is done again."""
    identifier = own_identifier(task.body)
    name = "|".join(identifier) if identifier else task.full_url or str(sorted(task.body.items(), key=str))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{task.patient}|{task.type}|{name}"))
