"""Taking a run back: new versions that say what was said before, written the EHR's own way. Nothing is deleted.

What somebody changed after the run stays as they left it, and is reported. Access is given back only by a ``Permit``,
as in any other run: a consent that ended since then is not undone by an undo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fhir_plugin.consent import Ask, Policy, access_permit
from fhir_plugin.errors import EhrConflict, EhrError
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.applying.mending import mend_sagas
from fhir_plugin.sync.applying.saga import BrokenOff
from fhir_plugin.sync.applying.ways.dividing import divide
from fhir_plugin.sync.applying.ways.tasks import Task, content_of
from fhir_plugin.sync.applying.writing import Writer
from fhir_plugin.sync.deciding.taking_part import is_open, opens
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.records.own_store import OwnStore
from fhir_plugin.sync.records.population import Population
from fhir_plugin.wire import dumps

__all__ = ["Undoer", "digest_of"]

_UNDONE_FROM = ("done", "failed", "unknown")


def digest_of(body: Json) -> str:
    """The print of what a body says, for EHRs that tell no versions."""
    return hashlib.sha256(dumps(content_of(body))).hexdigest()


@dataclass(slots=True, kw_only=True)
class Undoer:
    """Takes runs back in one EHR.

    Attributes:
        source: name of the source of the run.
        clock: aware current instant.
    """

    population: Population
    writer: Writer
    journal: Journal
    store: OwnStore
    source: str
    policy: Policy
    clock: Callable[[], datetime]

    def undo(self, run: int, progress: Callable[[int, int], None] = lambda _done, _all: None) -> list[Step]:
        """Take back what a run wrote, client by client.

        Returns:
            One step per client: ``undone``, ``changed`` (somebody edited it since) or ``failed``.
        """
        self.writer.run = -run
        patients = [step.patient for step in self.journal.steps(run)]
        broken = mend_sagas(self.writer.saga(), self.store, self.journal, patients)
        written = [step for step in self.journal.steps(run, *_UNDONE_FROM) if (step.undo or {}).get("versions")]
        results: list[Step] = []
        for position, step in enumerate(written, start=1):
            code = broken.get(step.patient)
            result = replace(step, state="failed", code=code) if code else self._client(step)
            with self.journal.together():
                self.journal.note(run, [result])
                if result.state == "undone":
                    self.journal.forget(step.patient)
            if result.state == "undone":
                self.store.seen(self.source, [step.patient])
            results.append(result)
            progress(position, len(written))
        return results

    def _client(self, step: Step) -> Step:
        try:
            tasks, permits = self._tasks(step)
            written = self._write(step.patient, tasks, permits) if tasks else 0
        except BrokenOff as broken:
            return replace(step, state="failed", code=broken.error.code)
        except EhrConflict:
            return replace(step, state="changed", code="sync-changed", resources=0)
        except EhrError as error:
            return replace(step, state="failed", code=error.code, resources=0)
        except _CannotUndo as reason:
            return replace(step, state="failed", code=str(reason), resources=0)
        return replace(step, state="undone", code="", resources=written)

    def _tasks(self, step: Step) -> tuple[list[Task], list[Ask]]:
        """The compensating writes, and the permits of what they open.

        Raises:
            EhrConflict: something is not as the run left it.
        """
        bodies = self.population.records([step.patient]).get(step.patient, [])
        held = {f"{text(body, 'resourceType')}/{text(body, 'id')}": body for body in bodies}
        tasks: list[Task] = []
        for reference, version in step.undo["versions"].items():
            now = held.get(reference)
            if now is None:
                raise EhrConflict("It is not there any more.", where="undo", remedy="Look at the record.")
            before = step.undo["before"].get(reference)
            wanted = before if before is not None else _void(now)
            if content_of(wanted) == content_of(now):
                continue
            if not _as_left(now, version, step.undo.get("digests", {}).get(reference, "")):
                raise EhrConflict("It was edited since.", where="undo", remedy="Look at the record.")
            tasks.append(Task(body=_with_id(wanted, now), before=now, version=_version(now), patient=_patient(step)))
        return tasks, self._permits(bodies, tasks, step.patient)

    def _permits(self, bodies: Iterable[Json], tasks: Iterable[Task], patient: str) -> list[Ask]:
        after = {(task.type, task.id): task.body for task in tasks}
        listed = list(bodies)
        then = [after.get((text(body, "resourceType"), text(body, "id")), body) for body in listed]
        now, will_be = (self.population.network(each, patient) for each in (listed, then))
        at, permits = self.clock(), []
        for figure in will_be.figures:
            if not is_open(figure, at):
                continue
            answer = access_permit(will_be, figure, self.policy, at)
            held = now.figure(figure.id)
            if isinstance(answer, Ask):
                permits.append(answer)
            elif held is None or opens(figure, held, at) or self._permitted(now, figure.id, at):
                raise _CannotUndo("sync-undo-no-consent")
        return permits

    def _permitted(self, network: SupportNetwork, figure_id: str, at: datetime) -> bool:
        figure = network.figure(figure_id)
        return figure is not None and isinstance(access_permit(network, figure, self.policy, at), Ask)

    def _write(self, patient: str, tasks: list[Task], permits: list[Ask]) -> int:
        part = divide(tasks, self.writer.route)
        if part.left:
            raise _CannotUndo("sync-undo-by-hand")
        return len(self.writer.send(patient, part, permits, self.clock()))


class _CannotUndo(Exception):
    """Why a client's part of a run stays as it is; the message is a code."""


def _as_left(now: Json, version: str, digest: str) -> bool:
    held = _version(now)
    return held == version if version and held else digest_of(now) == digest


def _version(body: Mapping[str, object]) -> str:
    return text(body.get("meta"), "versionId")


def _with_id(wanted: Json, now: Json) -> Json:
    return {**wanted, "id": now["id"]}


def _patient(step: Step) -> str:
    return f"Patient/{step.patient}"


def _void(body: Json) -> Json:
    """A resource the run made, as one that no longer counts."""
    if body["resourceType"] == "RelatedPerson":
        return {**body, "active": False}
    return {**body, "status": "entered-in-error"}
