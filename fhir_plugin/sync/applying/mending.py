"""What an earlier run left behind: sagas that were broken off, and resources that are there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fhir_plugin.errors import EhrError
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.sync.applying.saga import Saga
from fhir_plugin.sync.applying.ways.tasks import content_of, named, own_identifier
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.records.own_store import OwnStore

__all__ = ["doubled", "find_sent", "mend_intents", "mend_sagas"]


def mend_sagas(saga: Saga, store: OwnStore, journal: Journal, patients: Sequence[str]) -> dict[str, str]:
    """Finish what broken-off sagas of these clients owe, so that the run they were in can be taken back.

    Returns:
        Client → code of why that could not be done.
    """
    failed: dict[str, str] = {}
    for run, patient in store.open_sagas(patients):
        try:
            versions = saga.mend(run, patient)
        except EhrError as error:
            failed[patient] = error.code
            continue
        if run > 0:  # a saga of an undo has a negative number: there is nothing to take back
            undo = {"before": _before(store, run, patient), "new": [], "versions": versions}
            state = "done" if versions else "failed"
            journal.note(run, [Step(patient=patient, state=state, resources=len(versions), undo=undo)])
    return failed


def _before(store: OwnStore, run: int, patient: str) -> dict[str, Json]:
    steps = (step for step, _ in store.saga(run, patient) if step["before"])
    return {f"{text(step['body'], 'resourceType')}/{text(step['body'], 'id')}": step["before"] for step in steps}


def doubled(bodies: Iterable[Json]) -> bool:
    """Whether two resources in use carry the same identifier of ours: something was sent twice on the way."""
    named = (
        (text(body, "resourceType"), own_identifier(body))
        for body in bodies
        if body.get("status") != "entered-in-error" and body.get("active") is not False
    )
    return any(number > 1 for key, number in Counter(named).items() if key[1] is not None)


def mend_intents(journal: Journal, pending: Iterable[tuple[int, Step]], bodies: Sequence[Json]) -> dict[int, Step]:
    """Settle what became of writes of earlier runs that got no answer, so that those runs can be taken back.

    Before anything is written again: what is in the record as it was sent was written then.

    Returns:
        Run → its step of this client, where it turned out to be done.
    """
    done: dict[int, Step] = {}
    for run, step in pending:
        sent = [(str(full_url), body) for full_url, body in (step.undo or {}).get("sent", ())]
        found = find_sent(sent, bodies)
        kept = {key: value for key, value in (step.undo or {}).items() if key != "sent"}
        if found is None:
            settled = replace(step, state="failed", code="sync-not-arrived", undo=kept)
        else:
            undo = {**kept, "versions": found[1]}
            settled = done[run] = replace(step, state="done", code="", resources=len(sent), undo=undo)
        journal.note(run, [settled])
    return done


def find_sent(sent: Sequence[tuple[str, Json]], bodies: Sequence[Json]) -> tuple[dict[str, str], dict[str, str]] | None:
    """Where everything that was sent is in a record; None when any of it is not there exactly so.

    Args:
        sent: full URL (empty for an update) and body.
        bodies: the record.

    Returns:
        Full URL → id of what was created, and reference → version.
    """
    held = {(text(body, "resourceType"), text(body, "id")): body for body in bodies}
    mine = {(text(body, "resourceType"), own_identifier(body)): body for body in bodies if own_identifier(body)}
    places: list[tuple[str, Json, Json]] = []
    for full_url, body in sent:
        kind = text(body, "resourceType")
        there = mine.get((kind, own_identifier(body))) if full_url else held.get((kind, text(body, "id")))
        if there is None:
            return None
        places.append((full_url, body, there))
    names = {url: f"{text(there, 'resourceType')}/{text(there, 'id')}" for url, _, there in places if url}
    if not places or any(content_of(named(body, names)) != content_of(there) for _, body, there in places):
        return None
    ids = {url: text(there, "id") for url, _, there in places if url}
    version = {f"{text(b, 'resourceType')}/{text(b, 'id')}": text(b.get("meta"), "versionId") for _, _, b in places}
    return ids, version
