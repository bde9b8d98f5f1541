"""What an earlier run left behind: sagas that were broken off, and resources that are there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from fhir_plugin.errors import EhrError
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.sync.journal import Journal, Step
from fhir_plugin.sync.own_store import OwnStore
from fhir_plugin.sync.saga import Saga
from fhir_plugin.sync.ways.tasks import own_identifier

__all__ = ["doubled", "mend_sagas"]


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
