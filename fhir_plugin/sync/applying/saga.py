"""Writing one client's changes to an EHR without transactions: one by one, in the order in which it is safe to stop.

People first, then consents that permit, then the team (access never precedes consent), then consents that end, then
people whose bond ended; the Provenance last. Every step, with what it replaces, is in the journal before the first is
sent: a saga that was broken off is finished by the next run from what is there, and can be taken back by an undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import (
    EhrBusy,
    EhrConflict,
    EhrError,
    EhrFailed,
    EhrProtocolError,
    EhrRejected,
    EhrUnreachable,
)
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.sync.applying.ways.choosing import Route
from fhir_plugin.sync.applying.ways.dividing import ends_only
from fhir_plugin.sync.applying.ways.finding import find_new, written_as
from fhir_plugin.sync.applying.ways.keeping import KeptHere
from fhir_plugin.sync.applying.ways.tasks import Quarantined, Task, content_of
from fhir_plugin.sync.records.own_store import LOCAL, OwnStore

__all__ = ["UNCERTAIN", "BrokenOff", "Saga", "safe_order"]

UNCERTAIN = (EhrUnreachable, EhrFailed, EhrBusy, EhrProtocolError)
"""Failures after which the write may have happened."""


class BrokenOff(Exception):
    """A saga that did not come to its end.

    Attributes:
        error: why.
        written: what was written before that, by position.
        uncertain: whether the step it ended at may have been written.
    """

    def __init__(self, error: EhrError, written: dict[int, Written], *, uncertain: bool) -> None:
        super().__init__(error.code)
        self.error = error
        self.written = written
        self.uncertain = uncertain


def safe_order(tasks: Sequence[Task]) -> list[int]:
    """Positions of tasks in the order in which it is safe to stop after each."""
    return sorted(range(len(tasks)), key=lambda position: _rank(tasks[position]))


@dataclass(slots=True)
class Saga:
    """Writes to one EHR by its route, in one run."""

    client: FhirClient
    route: Route
    store: OwnStore
    run: int = 0
    _names: dict[str, str] = field(default_factory=dict)

    def write(self, patient: str, tasks: Sequence[Task], provenance: Task) -> list[Written]:
        """Write tasks and their Provenance; results in the order of the tasks, the Provenance last.

        Raises:
            BrokenOff: one of them failed; those before it are written and have their Provenance.
        """
        self._names = {}
        order = safe_order(tasks)
        listed = [*(tasks[position] for position in order), provenance]
        self.store.begin_saga(self.run, patient, [_frozen(task) for task in listed])
        results: dict[int, Written] = {}
        try:
            for position, task in enumerate(listed[:-1]):
                results[position] = self._step(patient, position, task)
            written = self._provenance(patient, len(listed) - 1, provenance, results)
        except UNCERTAIN as error:
            raise BrokenOff(error, self._by_task(order, results), uncertain=True) from error
        except EhrError as error:
            self._end_access(patient, listed, results)
            if results:
                self._provenance(patient, len(listed) - 1, provenance, results)
            self.store.end_saga(self.run, patient)
            raise BrokenOff(error, self._by_task(order, results), uncertain=False) from error
        self.store.end_saga(self.run, patient)
        in_order = self._by_task(order, results)
        return [*(in_order[position] for position in range(len(tasks))), *written]

    def mend(self, run: int, patient: str) -> dict[str, str]:
        """Finish what a broken-off saga of an earlier run owes: the Provenance of what it wrote.

        Its other steps are left to the decision made now, on the record as it is.

        Returns:
            Reference → version of what that saga wrote.

        Raises:
            Quarantined: something is there twice.
            EhrError: the EHR cannot be asked.
        """
        steps = self.store.saga(run, patient)
        results: dict[int, Written] = {}
        self._names = {}
        for position, (step, done) in enumerate(steps[:-1]):
            task = _thawed(step).with_names(self._names)
            written = Written(**done, status=200) if done else self._look(task)
            if written is not None:
                results[position] = written
                self._note(run, patient, position, task, written)
        if steps and results:
            owed = _thawed(steps[-1][0])
            mine, self.run = self.run, run
            try:
                self._provenance(patient, len(steps) - 1, owed, results, sent=True)
            finally:
                self.run = mine
        self.store.end_saga(run, patient)
        return {f"{item.type}/{item.id}": item.version for item in results.values()}

    def end_access(self, patient: str, tasks: Sequence[Task], provenance: Task) -> list[Written]:
        """Of writes that were refused, only the ends of people's place in the team: a withdrawal waits for nothing."""
        ends = [task for each in tasks if (task := ends_only(each))]
        return self.write(patient, ends, provenance) if ends else []

    def _end_access(self, patient: str, listed: Sequence[Task], results: dict[int, Written]) -> None:
        for position, task in enumerate(listed[:-1]):
            ending = ends_only(task) if position not in results else None
            if ending is not None:
                with suppress(EhrError):
                    results[position] = self._step(patient, position, ending)

    def _step(self, patient: str, position: int, task: Task) -> Written:
        way, named = self.route.way(task.type), task.with_names(self._names)
        send = way.create if task.is_new else way.update
        if send is None:
            raise EhrRejected(f"The EHR takes no {task.type}.", where=f"write {task.type}", remedy="Enter it by hand.")
        try:
            written = send(named)
        except UNCERTAIN:
            arrived = self._look(named)
            if arrived is None:
                raise
            written = arrived
        except EhrConflict as error:
            arrived = None if isinstance(error, Quarantined) else self._look(named)
            if arrived is None:  # a request that was sent twice on the way meets its own first time
                raise
            written = arrived
        self._note(self.run, patient, position, named, written)
        return written

    def _look(self, task: Task) -> Written | None:
        """Whether a write that got no answer arrived; None when it did not.

        Raises:
            EhrError: the EHR cannot be asked either.
        """
        if self.route.way(task.type).kept:
            return None
        if task.is_new:
            return find_new(self.client, task)
        held = self.client.read(task.type, task.id)
        return written_as(held) if content_of(held) == content_of(task.body) else None

    def _note(self, run: int, patient: str, position: int, task: Task, written: Written) -> None:
        if task.full_url:
            self._names[task.full_url] = f"{written.type}/{written.id}"
        done = {"type": written.type, "id": written.id, "version": written.version}
        self.store.step_done(run, patient, position, done)

    def _provenance(
        self, patient: str, position: int, task: Task, results: dict[int, Written], *, sent: bool = False
    ) -> list[Written]:
        """The Provenance of what was written in the EHR; of what is kept here it is kept here."""
        reached = {f"{item.type}/{item.id}" for item in results.values()}
        named = task.with_names(self._names)
        targets = [item for item in objects(named.body, "target") if text(item, "reference") in reached]
        here = [item for item in targets if text(item, "reference").split("/")[-1].startswith(LOCAL)]
        written: list[Written] = []
        kept = self.route.way("Provenance").kept
        for listed in ([item for item in targets if item not in here], here):
            if listed:
                part = Task(body={**named.body, "target": listed}, patient=task.patient)
                local = kept or listed is here
                arrived = find_new(self.client, part) if sent and not local else None
                written.append(arrived or (KeptHere(self.store)(part) if local else self._post(part)))
        for item in written:
            done = {"type": item.type, "id": item.id, "version": item.version}
            self.store.step_done(self.run, patient, position, done)
        return written

    def _post(self, task: Task) -> Written:
        try:
            return self.client.create(task.body)
        except UNCERTAIN:
            arrived = find_new(self.client, task)
            if arrived is None:
                raise
            return arrived

    def _by_task(self, order: Sequence[int], results: dict[int, Written]) -> dict[int, Written]:
        return {order[position]: written for position, written in results.items()}


def _rank(task: Task) -> int:
    if task.type == "RelatedPerson":
        return 4 if _ends(task) else 0
    if task.type == "Consent":
        return 1 if task.body.get("status") == "active" else 3
    return 2


def _ends(task: Task) -> bool:
    """Whether a person is put out of use: only after nobody refers to them as taking part."""
    return not task.is_new and task.body.get("active") is False


def _frozen(task: Task) -> dict[str, Any]:
    return {
        "body": task.body,
        "before": task.before,
        "fullUrl": task.full_url,
        "version": task.version,
        "patient": task.patient,
    }


def _thawed(step: Json) -> Task:
    return Task(
        body=step["body"],
        before=step["before"],
        full_url=step["fullUrl"],
        version=step["version"],
        patient=step["patient"],
    )
