"""Applying a plan: exactly what it says, or a word about what changed meanwhile.

Per hundred clients: read, decide again, compare with the plan, journal the intent, send, read back, remember. A run
that was broken off is simply applied again: what was written is seen in the EHR and decided away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from fhir_plugin.errors import EhrError, EhrUnreachable
from fhir_plugin.mapping.json import text
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.applying.meanwhile import access_ended
from fhir_plugin.sync.applying.mending import doubled, mend_intents, mend_sagas
from fhir_plugin.sync.applying.outcomes import intent_of, looked_up, outcome_of
from fhir_plugin.sync.applying.worklist import Left
from fhir_plugin.sync.applying.writing import Unit, Writer, Wrote, unit_of
from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.deciding.decided import Action, ClientPlan
from fhir_plugin.sync.deciding.decisions import Decided, decide_client
from fhir_plugin.sync.deciding.lasting import holds_until
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.matching.linking import Others, Remembered
from fhir_plugin.sync.plans.codec import answers_in
from fhir_plugin.sync.plans.planfile import PlannedClient
from fhir_plugin.sync.plans.planning import CHUNK, Progress
from fhir_plugin.sync.plans.prints import client_print, with_day
from fhir_plugin.sync.plans.still_planned import still_asked, still_planned
from fhir_plugin.sync.records.own_store import OwnStore
from fhir_plugin.sync.records.population import Json, Population
from fhir_plugin.sync.records.versions import versions_of
from fhir_plugin.sync.workers.sizes import GROUP, WORKERS

__all__ = ["Applier"]

_ENOUGH = 3
"""Groups without an answer in a row after which a run stops: the EHR is down."""


@dataclass(slots=True, kw_only=True)
class Applier:
    """Applies plans to one EHR.

    Attributes:
        clock: aware current instant.
        source: name of the source.
        group: clients per Bundle.
        read_back: whether to look at what the EHR made of each write; only a server that was probed may do without.
    """

    population: Population
    writer: Writer
    journal: Journal
    store: OwnStore
    context: Context
    clock: Callable[[], datetime]
    group: int = GROUP
    workers: int = WORKERS
    read_back: bool = True
    dry_run: bool = False
    progress: Progress = lambda _done, _all: None
    _silent: int = 0
    _seen: list[str] = field(default_factory=list)
    _prints: dict[str, str] = field(default_factory=dict)
    _read: dict[str, dict[str, str]] = field(default_factory=dict)
    _marks: dict[str, str] = field(default_factory=dict)

    def apply(self, clients: Iterable[PlannedClient], total: int, run: int) -> Iterator[list[Step]]:
        """Apply clients, in order, and tell what became of some at a time.

        Raises:
            EhrUnreachable: the EHR stopped answering; resume the run later.
        """
        done = 0
        for chunk in in_chunks(clients, CHUNK):
            yield self.apply_some(chunk, run)
            done += len(chunk)
            self.progress(done, total)

    def apply_some(self, chunk: Sequence[PlannedClient], run: int) -> list[Step]:
        """Apply so many clients as are read at once; what became of them, without what an undo needs.

        Raises:
            EhrUnreachable: the EHR stopped answering.
        """
        self.writer.run = run
        with self.journal.alone(_id_of(planned.plan) for planned in chunk):
            return self._apply(chunk, run)

    def _apply(self, chunk: Sequence[PlannedClient], run: int) -> list[Step]:
        units, steps, agreed = self._decide(chunk)
        if self.dry_run:
            would = [Step(patient=u.patient, state="would", resources=len(u.changes) + 1) for u in units]
            return [*steps, *would]
        with self.journal.together():
            self.journal.remember(agreed)
            self.journal.settle({patient: self._marks.pop(patient, "") for patient in agreed})
            self.store.seen(self.context.source, self._seen)
            self._seen.clear()
            intents = [Step(patient=unit.patient, state="intent", undo=intent_of(unit)) for unit in units]
            self.journal.note(run, [*steps, *intents])
        results = self._send(units)
        written = self._settle(results, run)
        return [*steps, *(replace(step, undo=None) for step in written)]

    def _decide(
        self, chunk: Sequence[PlannedClient]
    ) -> tuple[list[Unit], list[Step], dict[str, tuple[Remembered, ...]]]:
        """The units to write; the clients that need none, or whose record is not what the plan was made on."""
        patients = [_id_of(planned.plan) for planned in chunk]
        broken = {} if self.dry_run else mend_sagas(self.writer.saga(), self.store, self.journal, patients)
        records, memory = self.population.records(patients), self.journal.memory(patients)
        others = self.journal.others(patients)
        pending = {} if self.dry_run else self.journal.pending(patients)
        self._prints = {_id_of(each.plan): each.print for each in chunk if _leaves_nothing(each.plan)}
        units: list[Unit] = []
        steps: list[Step] = []
        agreed: dict[str, tuple[Remembered, ...]] = {}
        for patient, planned in zip(patients, chunk, strict=True):
            if patient in broken or doubled(records.get(patient, ())):
                steps.append(Step(patient=patient, state="failed", code=broken.get(patient, "sync-quarantine")))
                continue
            network = self.population.network(records[patient], patient) if patient in records else None
            mended = mend_intents(self.journal, pending.get(patient, ()), records.get(patient, []))
            decided = self._again(planned, network, memory[patient], others[patient])
            if decided is None:
                steps.append(Step(patient=patient, state="changed", code="sync-changed"))
            elif unit := unit_of(decided) if decided.plan.writes else None:
                units.append(unit)
            else:
                agreed[patient] = decided.remember
                self._seen.append(patient)
                steps.append(mended.get(self.writer.run) or _same(decided.plan))
                self._marks[patient] = self._mark(decided, records[patient])
        self._read = {unit.patient: _versions(records[unit.patient]) for unit in units}
        return units, steps, agreed

    def _again(
        self,
        planned: PlannedClient,
        network: SupportNetwork | None,
        memory: dict[str, Remembered],
        others: Others,
    ) -> Decided | None:
        """The decision now, or None when it is another than the one that was planned (and not done already)."""
        if network is None:
            return None
        context = replace(self.context, at=self.clock())
        bare = decide_client(network, planned.rows, memory, context, {}, others)
        answers = answers_in(planned.plan)
        decided = decide_client(network, planned.rows, memory, context, answers, others) if answers else bare
        if any(figure.next_conflicts for figure in planned.plan.figures):
            chosen = {figure.row: figure.answer for figure in planned.plan.figures if figure.answer}
            asked = decide_client(network, planned.rows, memory, context, chosen, others)
            if decided.plan.writes and not still_asked(asked.plan, planned.plan):
                return None
        decided = replace(decided, plan=decided.plan.after_answers(planned.plan))
        if not decided.plan.writes and _troubles(bare.plan) <= _troubles(planned.plan):
            return decided
        return decided if still_planned(bare.plan, planned.plan) else None

    def _send(self, units: Sequence[Unit]) -> list[Wrote]:
        groups = list(in_chunks(units, self.group))
        write = partial(self.writer.write, at=self.clock())
        if len(groups) < 2 or self.workers < 2:
            return [result for group in groups for result in write(group)]
        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            return [result for results in pool.map(write, groups) for result in results]

    def _settle(self, results: Sequence[Wrote], run: int) -> list[Step]:
        """Journal what happened, by looking at the records wherever that is not certain."""
        records = self._read_again(results)
        results = [self._found_back(result, records.get(result.unit.patient, [])) for result in results]
        steps: list[Step] = []
        agreed: dict[str, tuple[Remembered, ...]] = {}
        marks: dict[str, str] = {}
        with self.journal.together():
            for result in results:
                patient = result.unit.patient
                bodies = records.get(patient, [])
                left = Left.of(result.unit.decided, result.left)
                step, items = outcome_of(result, left, bodies, self.population.network)
                if doubled(bodies):
                    step, items = replace(step, state="failed", code="sync-quarantine"), ()
                if result.lost:
                    self.store.lose(self.context.source, patient, result.lost)
                if left.asks:
                    self.store.leave(self.context.source, patient, left.content())
                elif step.state == "done":
                    self._seen.append(patient)
                alone = self._is_ours_alone(result, bodies)
                if not alone and step.state == "done" and not step.code and self._access_ended(result, bodies):
                    step = replace(step, code="sync-access-ended")
                steps.append(step)
                agreed[patient] = items
                if step.state == "done" and not step.code and alone:
                    marks[patient] = self._mark(result.unit.decided, bodies)
            self.store.seen(self.context.source, self._seen)
            self._seen.clear()
            self.journal.remember(agreed)
            self.journal.settle(marks)
            self.journal.note(run, steps)
            self.journal.notice(run, self.writer.noticed)
            self.writer.noticed.clear()
        lost = [result.error for result in results if isinstance(result.error, EhrUnreachable)]
        if results and len(lost) == len(results):
            self._count_silence(lost[0])
        elif results:
            self._silent = 0
        return steps

    def _found_back(self, result: Wrote, bodies: list[Json]) -> Wrote:
        """A result nobody answered for as the record shows it; what it may have written over is looked for then."""
        found = looked_up(result, bodies)
        return self.writer.look_over(found, self.clock()) if result.uncertain and not found.uncertain else result

    def _read_again(self, results: Sequence[Wrote]) -> dict[str, list[Json]]:
        look = [result.unit.patient for result in results if self.read_back or result.uncertain]
        try:
            return self.population.records(look) if look else {}
        except EhrError as error:
            self._count_silence(error)
            return {}

    def _access_ended(self, result: Wrote, bodies: list[Json]) -> bool:
        permits = result.unit.decided.permits
        if not (permits and bodies):
            return False
        now = self.population.network(bodies, result.unit.patient)
        return access_ended(now, permits, self.context.policy, self.clock())

    def _is_ours_alone(self, result: Wrote, bodies: list[Json]) -> bool:
        """Whether a record is what was decided on and what was written, and nothing else happened in between."""
        written = {ref: version for ref, version in result.versions.items() if not ref.startswith("Provenance/")}
        return bool(bodies) and _versions(bodies) == {**self._read[result.unit.patient], **written}

    def _mark(self, decided: Decided, bodies: list[Json]) -> str:
        """The print under which nothing is left to do for a client; empty when something is."""
        mark = client_print(self._prints.get(decided.before.child.id, ""), versions_of(bodies))
        return with_day(mark, holds_until(decided.after, self.context.policy, self.clock()) if mark else None)

    def _count_silence(self, error: EhrError) -> None:
        self._silent += 1
        if self._silent >= _ENOUGH:
            raise error


def _versions(bodies: list[Json]) -> dict[str, str]:
    """Reference → version of the resources of a record."""
    return {f"{text(b, 'resourceType')}/{text(b, 'id')}": text(b.get("meta"), "versionId") for b in bodies}


def _id_of(plan: ClientPlan) -> str:
    return plan.patient.removeprefix("Patient/")


def _same(plan: ClientPlan) -> Step:
    """A client nothing is written for: as wanted, or waiting for an answer."""
    asks = any(figure.conflicts or figure.action is Action.QUESTION for figure in plan.figures)
    return Step(patient=_id_of(plan), state="waits" if asks else "same", code=plan.needs_person)


def _leaves_nothing(plan: ClientPlan) -> bool:
    """Whether nothing waits for a person or a consent once the plan is applied."""
    return not any(f.conflicts or f.notes or f.action is Action.QUESTION for f in plan.figures)


def _troubles(plan: ClientPlan) -> set[tuple[str, str]]:
    """What waits for a person: conflicts, and those an answer leads to, by row and element; questions by row."""
    asked = ((figure.row, (*figure.conflicts, *figure.next_conflicts)) for figure in plan.figures)
    found = {(row, conflict.element) for row, conflicts in asked for conflict in conflicts}
    return found | {(figure.row, "") for figure in plan.figures if figure.action is Action.QUESTION}
