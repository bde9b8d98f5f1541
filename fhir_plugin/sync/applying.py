"""Applying a plan: exactly what it says, or a word about what changed meanwhile.

Per hundred clients: read, decide again, compare with the plan, journal the intent, send, read back, remember. A run
that was broken off is simply applied again: what was written is seen in the EHR and decided away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice

from fhir_plugin.errors import EhrError, EhrUnreachable
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.arrival import as_sent, frozen_in
from fhir_plugin.sync.codec import answers_in, plan_json
from fhir_plugin.sync.decided import Action, ClientPlan
from fhir_plugin.sync.decisions import Context, Decided, decide_client
from fhir_plugin.sync.elements import ELEMENTS
from fhir_plugin.sync.journal import Journal, Step
from fhir_plugin.sync.linking import Remembered
from fhir_plugin.sync.planfile import PlannedClient
from fhir_plugin.sync.planning import CHUNK, Progress
from fhir_plugin.sync.population import Json, Population, in_chunks, network_of
from fhir_plugin.sync.prints import client_print
from fhir_plugin.sync.writing import Unit, Writer, Wrote, unit_of

__all__ = ["Applier"]

GROUP = 10
"""Clients whose writes share a Bundle: about a hundred entries."""
WORKERS = 4
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
    context: Context
    clock: Callable[[], datetime]
    group: int = GROUP
    workers: int = WORKERS
    read_back: bool = True
    dry_run: bool = False
    progress: Progress = lambda _done, _all: None
    steps: list[Step] = field(default_factory=list)
    _silent: int = 0
    _prints: dict[str, str] = field(default_factory=dict)
    _marks: dict[str, str] = field(default_factory=dict)

    def apply(self, clients: Iterable[PlannedClient], total: int, run: int) -> None:
        """Apply clients, in order; ``steps`` tells what became of each.

        Raises:
            EhrUnreachable: the EHR stopped answering; resume the run later.
        """
        done, waiting = 0, iter(clients)
        while chunk := list(islice(waiting, CHUNK)):
            self._chunk(chunk, run)
            done += len(chunk)
            self.progress(done, total)

    def _chunk(self, chunk: Sequence[PlannedClient], run: int) -> None:
        units, steps, agreed = self._decide(chunk)
        self.steps += steps
        if self.dry_run:
            self.steps += [Step(patient=u.patient, state="would", resources=len(u.changes) + 1) for u in units]
            return
        with self.journal.together():
            for patient, items in agreed.items():
                self.journal.remember(patient, items)
                self.journal.settle(patient, self._marks.pop(patient, ""))
            intents = [Step(patient=unit.patient, state="intent", undo=_undo(unit)) for unit in units]
            self.journal.note(run, [*steps, *intents])
        results = self._send(units)
        self._settle(results, run)

    def _decide(
        self, chunk: Sequence[PlannedClient]
    ) -> tuple[list[Unit], list[Step], dict[str, tuple[Remembered, ...]]]:
        """The units to write; the clients that need none, or whose record is not what the plan was made on."""
        patients = [_id_of(planned.plan) for planned in chunk]
        records, memory = self.population.records(patients), self.journal.memory(patients)
        self._prints = {_id_of(each.plan): each.print for each in chunk if _leaves_nothing(each.plan)}
        units: list[Unit] = []
        steps: list[Step] = []
        agreed: dict[str, tuple[Remembered, ...]] = {}
        for patient, planned in zip(patients, chunk, strict=True):
            network = network_of(records[patient], patient) if patient in records else None
            decided = self._again(planned, network, memory[patient])
            if decided is None:
                steps.append(Step(patient=patient, state="changed", code="sync-changed"))
            elif unit := unit_of(decided) if decided.plan.writes else None:
                units.append(unit)
            else:
                agreed[patient] = decided.remember
                steps.append(Step(patient=patient, state="same"))
                self._marks[patient] = self._mark(patient, records[patient])
        return units, steps, agreed

    def _again(
        self, planned: PlannedClient, network: SupportNetwork | None, memory: dict[str, Remembered]
    ) -> Decided | None:
        """The decision now, or None when it is another than the one that was planned (and not done already)."""
        if network is None:
            return None
        context = replace(self.context, at=self.clock())
        bare = decide_client(network, planned.rows, memory, context, {})
        answers = answers_in(planned.plan)
        decided = decide_client(network, planned.rows, memory, context, answers) if answers else bare
        if not decided.plan.writes and _troubles(bare.plan) <= _troubles(planned.plan):
            return decided
        return decided if _same(bare.plan, planned.plan) else None

    def _send(self, units: Sequence[Unit]) -> list[Wrote]:
        groups = list(in_chunks(units, self.group))
        write = partial(self.writer.write, at=self.clock())
        if len(groups) < 2 or self.workers < 2:
            return [result for group in groups for result in write(group)]
        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            return [result for results in pool.map(write, groups) for result in results]

    def _settle(self, results: Sequence[Wrote], run: int) -> None:
        """Journal what happened, by looking at the records wherever that is not certain."""
        look = [result for result in results if self.read_back or result.uncertain]
        records: dict[str, list[Json]] = {}
        try:
            if look:
                records = self.population.records([result.unit.patient for result in look])
        except EhrError as error:
            self._count_silence(error)
        steps: list[Step] = []
        with self.journal.together():
            for result in results:
                patient = result.unit.patient
                bodies = records.get(patient, [])
                exact = _exact(result, bodies)
                step, items = exact or _outcome(result, network_of(bodies, patient) if bodies else None)
                steps.append(step)
                if items:
                    self.journal.remember(patient, items)
                if step.state == "done" and not step.code and bodies:
                    self.journal.settle(patient, self._mark(patient, bodies))
            self.journal.note(run, steps)
        self.steps += steps
        lost = [result.error for result in results if isinstance(result.error, EhrUnreachable)]
        if results and len(lost) == len(results):
            self._count_silence(lost[0])
        elif results:
            self._silent = 0

    def _mark(self, patient: str, bodies: list[Json]) -> str:
        """The print under which nothing is left to do for a client; empty when something is."""
        return client_print(self._prints.get(patient, ""), bodies, self.journal.vault)

    def _count_silence(self, error: EhrError) -> None:
        self._silent += 1
        if self._silent >= _ENOUGH:
            raise error


def _exact(result: Wrote, bodies: list[Json]) -> tuple[Step, tuple[Remembered, ...]] | None:
    """The outcome where the record holds to the letter what was sent; None where that is not so."""
    unit = result.unit
    if result.error is not None or not as_sent(unit.changes, result.ids, bodies):
        return None
    items = []
    for item in unit.decided.remember:
        new = result.ids.get(item.target)
        held = frozen_in(f"RelatedPerson/{new}", bodies) if new else None
        items.append(replace(item, target=new or item.target, frozen=(item.frozen[0], held)))
    undo = {**_undo(unit), "versions": result.versions}
    return Step(patient=unit.patient, state="done", resources=result.resources, undo=undo), tuple(items)


def _outcome(result: Wrote, now: SupportNetwork | None) -> tuple[Step, tuple[Remembered, ...]]:
    """The step of a result and what to remember of it."""
    unit = result.unit
    undo = {**_undo(unit), "versions": result.versions}
    decided = unit.decided
    if result.uncertain and now is not None and _arrived(result, now):
        result = replace(result, error=None, uncertain=False, resources=len(unit.changes) + 1)
    if result.error is not None:
        state = "unknown" if result.uncertain and now is None else "failed"
        return Step(patient=unit.patient, state=state, code=result.error.code, undo=undo), ()
    items = tuple(_held(item, result, now) for item in decided.remember)
    dropped = [item for item, held in zip(decided.remember, items, strict=True) if now and not _kept(item, held)]
    code = "sync-dropped" if dropped else ""
    return Step(patient=unit.patient, state="done", code=code, resources=result.resources, undo=undo), items


def _held(item: Remembered, result: Wrote, now: SupportNetwork | None) -> Remembered:
    """What to remember: with the id the figure got, and as the EHR holds what was written.

    A version after ours is somebody's edit: what was agreed is what was written then, so that the edit is seen as one.
    """
    target = result.ids.get(item.target, item.target)
    found = now.figure(target) if now else None
    if found is None and now is not None:
        found = next((each for each in now.figures if set(each.identifiers) & set(item.held.identifiers)), None)
    if found is None:
        return replace(item, target=target)
    looked_at = [found.carried, now.team.carried if now and now.team else None]
    is_ours = all(result.versions.get(body.reference) in (None, "", body.version) for body in looked_at if body)
    return item.refreshed(found) if is_ours else replace(item, target=found.id)


def _kept(planned: Remembered, held: Remembered) -> bool:
    """Whether the EHR holds what was written, element by element."""
    return all(
        element.get(planned.held) == element.get(held.held) for element in ELEMENTS if element.path in planned.known
    )


def _arrived(result: Wrote, now: SupportNetwork) -> bool:
    """Whether a write that got no answer is in the record all the same."""
    decided = result.unit.decided
    held = [_held(item, result, now) for item in decided.remember]
    return all(now.figure(item.target) and _kept(plan, item) for plan, item in zip(decided.remember, held, strict=True))


def _undo(unit: Unit) -> dict[str, object]:
    """What is needed to take the unit back: the bodies as they were, and what was new."""
    before = {}
    for change in unit.changes:
        if not change.is_new:
            before[change.reference] = _body_before(unit, change.reference)
    return {"before": before, "new": [f"{change.type}|{change.full_url}" for change in unit.changes if change.is_new]}


def _body_before(unit: Unit, reference: str) -> dict[str, object] | None:
    network = unit.decided.before
    carried = [figure.carried for figure in network.figures] + [person.carried for person in network.people]
    carried += [record.carried for record in network.consents] + [network.team.carried if network.team else None]
    return next((item.body() for item in carried if item is not None and item.reference == reference), None)


def _id_of(plan: ClientPlan) -> str:
    return plan.patient.removeprefix("Patient/")


def _same(now: ClientPlan, planned: ClientPlan) -> bool:
    """Whether two decisions are the same, whatever a person answered in the plan."""
    return plan_json(_unanswered(now)) == plan_json(_unanswered(planned))


def _leaves_nothing(plan: ClientPlan) -> bool:
    """Whether nothing waits for a person or a consent once the plan is applied."""
    return not any(f.conflicts or f.notes or f.action is Action.QUESTION for f in plan.figures)


def _troubles(plan: ClientPlan) -> set[tuple[str, str]]:
    """What waits for a person: conflicts by row and element, questions by row."""
    found = {(figure.row, conflict.element) for figure in plan.figures for conflict in figure.conflicts}
    return found | {(figure.row, "") for figure in plan.figures if figure.action is Action.QUESTION}


def _unanswered(plan: ClientPlan) -> ClientPlan:
    figures = tuple(
        replace(
            figure, answer="", edits=(), conflicts=tuple(replace(conflict, answer="") for conflict in figure.conflicts)
        )
        for figure in plan.figures
    )
    return replace(plan, figures=figures)
