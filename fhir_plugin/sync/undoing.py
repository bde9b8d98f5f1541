"""Taking a run back: new versions that say what was said before. Nothing is deleted.

What somebody changed after the run stays as they left it, and is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.errors import EhrConflict, EhrError
from fhir_plugin.sync.journal import Journal, Step

__all__ = ["undo_run"]

Json = dict[str, Any]


def undo_run(client: FhirClient, journal: Journal, run: int, progress: Callable[[int, int], None]) -> list[Step]:
    """Take back what a run wrote, client by client, each in one transaction.

    Returns:
        One step per client: ``undone``, ``changed`` (somebody edited it since) or ``failed``.
    """
    written = journal.steps(run, "done")
    results: list[Step] = []
    for position, step in enumerate(written, start=1):
        result = _undo_client(client, step)
        with journal.together():
            journal.note(run, [result])
            if result.state == "undone":
                journal.forget(step.patient)
        results.append(result)
        progress(position, len(written))
    return results


def _undo_client(client: FhirClient, step: Step) -> Step:
    try:
        entries = list(_entries(client, step.undo))
        client.transaction(entries)
    except EhrConflict:
        return Step(patient=step.patient, state="changed", code="sync-changed", undo=step.undo)
    except EhrError as error:
        return Step(patient=step.patient, state="failed", code=error.code, undo=step.undo)
    return Step(patient=step.patient, state="undone", resources=len(entries), undo=step.undo)


def _entries(client: FhirClient, undo: Json) -> Iterator[Entry]:
    """The compensating writes: access goes first, so that nobody keeps it while the rest is taken back."""
    order = {"CareTeam": 0, "Consent": 1, "RelatedPerson": 2}
    versions: dict[str, str] = undo["versions"]
    for reference in sorted(versions, key=lambda each: order.get(each.split("/")[0], 3)):
        before = undo["before"].get(reference)
        if before is None:
            kind, _, id_ = reference.partition("/")
            before = _void(client.read(kind, id_))
        yield Entry.put(before, if_match=versions[reference])


def _void(body: Json) -> Json:
    """A resource the run made, as one that no longer counts."""
    if body["resourceType"] == "RelatedPerson":
        return {**body, "active": False}
    return {**body, "status": "entered-in-error"}
