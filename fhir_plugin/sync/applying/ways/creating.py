"""Ways to create a resource once: asked of the EHR, or made sure of by looking before and after."""

from __future__ import annotations

from dataclasses import dataclass

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.sync.applying.ways.finding import find_new
from fhir_plugin.sync.applying.ways.tasks import Task, own_identifier

__all__ = ["ConditionalCreate", "SearchedCreate", "condition_of"]


def condition_of(task: Task) -> str | None:
    """The If-None-Exist of a task: our identifier in this client's record, or None where it has none.

    One that was moved to another client's record is not meant: what is written here may not refer to it.
    """
    identifier = None if task.seen_before else own_identifier(task.body)
    return f"identifier={identifier[0]}|{identifier[1]}&patient={task.patient}" if identifier else None


@dataclass(frozen=True, slots=True)
class ConditionalCreate:
    """POST with If-None-Exist: the EHR itself sees to it that there is one."""

    client: FhirClient

    def __call__(self, task: Task) -> Written:
        """See ``tasks.Create``."""
        return self.client.create(task.body, if_none_exist=condition_of(task))


@dataclass(frozen=True, slots=True)
class SearchedCreate:
    """Search, POST, search again; more than one is put in quarantine (``Quarantined``)."""

    client: FhirClient

    def __call__(self, task: Task) -> Written:
        """See ``tasks.Create``."""
        if own_identifier(task.body) is None or task.seen_before:
            return self.client.create(task.body)
        there = find_new(self.client, task)
        if there is not None:
            return there
        written = self.client.create(task.body)
        find_new(self.client, task)
        return written
