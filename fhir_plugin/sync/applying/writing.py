"""Sending what was decided: several clients' writes in one transaction, one by one when that is refused, or a saga.

The unit is one client: its RelatedPersons, Consents, CareTeam and Provenance. Units share a Bundle only to save round
trips; when the Bundle is refused nothing was written and each is tried by itself. Which way an EHR gets is the
``Route``'s (``ways.choosing``); what it has no way for is left to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any

from fhir_plugin.consent import Ask
from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.errors import EhrConflict, EhrError, EhrRejected, EhrUnauthorized, PermitRequired
from fhir_plugin.mapping.changes import ResourceChange, changes_between
from fhir_plugin.mapping.json import Json
from fhir_plugin.mapping.provenance import Author, provenance_of
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.applying.meanwhile import Overwritten, overwritten
from fhir_plugin.sync.applying.saga import UNCERTAIN, BrokenOff, Saga
from fhir_plugin.sync.applying.ways.choosing import Route
from fhir_plugin.sync.applying.ways.creating import ConditionalCreate, condition_of
from fhir_plugin.sync.applying.ways.dividing import Divided, divide
from fhir_plugin.sync.applying.ways.openings import demand_openings
from fhir_plugin.sync.applying.ways.tasks import Task, content_of, own_identifier
from fhir_plugin.sync.applying.ways.updating import ComparedPut
from fhir_plugin.sync.deciding.decisions import Decided
from fhir_plugin.sync.journals.journal import UNTRUE, WINDOW
from fhir_plugin.sync.records.own_store import OwnStore

__all__ = ["LOST", "PUT_BACK", "Unit", "Writer", "Wrote", "body_before", "unit_of"]

LOST = "lost-update-seen"
"""``Wrote.code`` of a client of whom an edit was written over and could not be put back."""
PUT_BACK = "lost-update-put-back"
"""``Wrote.code`` of a client of whom an edit was written over, and is there again in place of what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The writes of one client."""

    patient: str
    decided: Decided = field(repr=False)
    changes: tuple[ResourceChange, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """What became of a unit.

    Attributes:
        ids: ``urn:uuid:`` → logical id of what was created.
        versions: reference → version that was written, for an undo.
        resources: how many resources were written, the Provenance included.
        left: what the EHR has no way for, for a person to enter.
        code: what a person should look at although it was written; empty if nothing.
        error: why it was not (or perhaps not) written.
        uncertain: whether it may have been written all the same.
        lost: what somebody wrote in the same moment, was written over, and could not be put back.
    """

    unit: Unit
    ids: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    resources: int = 0
    left: tuple[Task, ...] = field(default=(), repr=False)
    code: str = ""
    error: EhrError | None = None
    uncertain: bool = False
    lost: tuple[Json, ...] = field(default=(), repr=False)


def unit_of(decided: Decided) -> Unit:
    """The writes a decision comes to."""
    changes = changes_between(decided.before, decided.after)
    return Unit(patient=decided.before.child.id, decided=decided, changes=changes)


class Writer:
    """Sends units to one EHR as one author, in one run.

    Attributes:
        noticed: what the EHR turned out not to do although it says so (``UNTRUE`` with a check of the probe), and how
            many updates were written although it looks at no versions (``WINDOW``).
    """

    def __init__(self, client: FhirClient, author: Ref, route: Route, store: OwnStore) -> None:
        self._client = client
        self._author = author
        self._route = route
        self._store = store
        self.noticed: Counter[str] = Counter()
        self._lock = Lock()
        self.run = 0

    @property
    def route(self) -> Route:
        """The way of writing."""
        return self._route

    def saga(self) -> Saga:
        """A saga of this run."""
        return Saga(client=self._client, route=self._route, store=self._store, run=self.run)

    def write(self, units: Sequence[Unit], at: datetime) -> list[Wrote]:
        """Write units, together where the EHR takes that. A failure is a result, so that the others go on.

        Raises:
            PermitRequired: something would be shared without a fresh permit; nothing was sent.
            EhrUnauthorized: the EHR lets nothing in any more.
        """
        divided = [divide(_tasks(unit), self._route) for unit in units]
        for unit, part in zip(units, divided, strict=True):
            demand_openings(part.send, unit.decided.permits, at)
        together = [pair for pair in zip(units, divided, strict=True) if pair[1].together and pair[1].send]
        results = {wrote.unit.patient: wrote for wrote in self._transaction(together, at)}
        for unit, part in zip(units, divided, strict=True):
            if unit.patient not in results:
                results[unit.patient] = self._one_by_one(unit, part, at)
        return [self.look_over(results[unit.patient], at, part.send) for unit, part in zip(units, divided, strict=True)]

    def send(self, patient: str, part: Divided, permits: Sequence[Ask], at: datetime) -> list[Written]:
        """Write tasks of one client that come of no list, with their Provenance.

        Raises:
            PermitRequired: somebody would get a place in the team without a fresh permit; nothing was sent.
            BrokenOff: a saga did not come to its end.
            EhrError: a transaction was refused, or got no answer.
        """
        demand_openings(part.send, permits, at)
        changes = [ResourceChange(body=task.body, version=task.version) for task in part.send]
        body = provenance_of(changes, Author(enterer=self._author), at)
        provenance = Task(body=body, patient=f"Patient/{patient}")
        if part.together and self._route.together:
            return self._client.transaction([*map(self._entry, part.send), Entry.post(body)])
        return self.saga().write(patient, part.send, provenance)

    def _transaction(self, pairs: Sequence[tuple[Unit, Divided]], at: datetime) -> list[Wrote]:
        """Units in one transaction; those it is not for are not in the result."""
        if not pairs or not self._route.together:
            return []
        entries = [[*map(self._entry, part.send), self._provenance(unit, part, at)] for unit, part in pairs]
        try:
            written = self._client.transaction([entry for listed in entries for entry in listed], bodies=False)
        except EhrUnauthorized:
            raise
        except UNCERTAIN as error:
            if error.code == "transaction-not-atomic":
                self._notice(f"{UNTRUE}atomic")
            return [Wrote(unit=unit, error=error, uncertain=True) for unit, _ in pairs]
        except EhrError as error:
            return self._refused(error, pairs, at)
        results = []
        for (unit, part), listed in zip(pairs, entries, strict=True):
            mine, written = written[: len(listed)], written[len(listed) :]
            results.append(_wrote(unit, part, dict(enumerate(mine)), len(mine)))
        return results

    def _refused(self, error: EhrError, pairs: Sequence[tuple[Unit, Divided]], at: datetime) -> list[Wrote]:
        """What follows when a whole transaction was refused: nothing was written yet."""
        if error.code == "transaction-unsupported":
            self._notice(f"{UNTRUE}transaction")
            self._route = replace(self._route, together=False)
            return []
        if len(pairs) > 1:
            return [wrote for pair in pairs for wrote in self._transaction([pair], at)]
        ((unit, part),) = pairs
        if isinstance(error, EhrConflict):  # a request that was sent twice on the way meets its own first time
            return [Wrote(unit=unit, error=error, uncertain=True)]
        if isinstance(error, EhrRejected):
            try:
                self.saga().end_access(unit.patient, part.send, self._provenance_task(unit, part, at))
            except BrokenOff as broken:
                return [_broken(unit, part, broken)]
        return [Wrote(unit=unit, error=error)]

    def _one_by_one(self, unit: Unit, part: Divided, at: datetime) -> Wrote:
        if not part.send:
            return Wrote(unit=unit, left=part.left)
        unprotected = sum(1 for task in part.send if self._is_unprotected(task))
        if unprotected:
            self._notice(WINDOW, unprotected)
        try:
            written = self.saga().write(unit.patient, part.send, self._provenance_task(unit, part, at))
        except BrokenOff as broken:
            if isinstance(broken.error, EhrUnauthorized):
                raise broken.error from None
            return _broken(unit, part, broken)
        return _wrote(unit, part, dict(enumerate(written)), len(written))

    def look_over(self, wrote: Wrote, at: datetime, tasks: Sequence[Task] = ()) -> Wrote:
        """With what becomes of an edit that was written over, where the EHR shows one: put back, else kept.

        Args:
            wrote: with the versions that were written.
            at: the moment.
            tasks: what was sent, where that is at hand.
        """
        over = overwritten(self._client, tasks or _tasks(wrote.unit), wrote.versions) if wrote.versions else []
        if not over:
            return wrote
        if self._route.abilities.if_match:
            self._notice(f"{UNTRUE}stale-if-match")
        if lost := self._put_back(wrote.unit.patient, over, at):
            return replace(wrote, code=LOST, lost=lost)
        return replace(wrote, code=PUT_BACK)

    def _put_back(self, patient: str, over: Sequence[Overwritten], at: datetime) -> tuple[Json, ...]:
        """Write what was written over as new versions; what of it is lost all the same."""
        tasks = [each.put_back() for each in over]
        part = divide([task for task in tasks if content_of(task.body) != content_of(task.before or {})], self._route)
        lost = tuple(each.theirs for each in over)
        if part.left:
            return lost
        try:
            written = self.send(patient, part, (), at) if part.send else []
        except (EhrError, PermitRequired, BrokenOff):
            return lost
        versions = {f"{item.type}/{item.id}": item.version for item in written}
        return tuple(each.theirs for each in overwritten(self._client, part.send, versions))

    def _notice(self, code: str, times: int = 1) -> None:
        with self._lock:
            self.noticed[code] += times

    def _is_unprotected(self, task: Task) -> bool:
        update = self._route.way(task.type).update
        return not task.is_new and (isinstance(update, ComparedPut) or (update is not None and not task.version))

    def _entry(self, task: Task) -> Entry:
        if task.is_new:
            asked = isinstance(self._route.way(task.type).create, ConditionalCreate)
            return Entry.post(task.body, full_url=task.full_url, if_none_exist=condition_of(task) if asked else None)
        return Entry.put(task.body, if_match=task.version)

    def _provenance(self, unit: Unit, part: Divided, at: datetime) -> Entry:
        return Entry.post(self._provenance_task(unit, part, at).body)

    def _provenance_task(self, unit: Unit, part: Divided, at: datetime) -> Task:
        author = Author(enterer=self._author, designations=_designations(unit))
        sent = {task.full_url or f"{task.type}/{task.id}" for task in part.send}
        changes = [change for change in unit.changes if change.reference in sent]
        return Task(body=provenance_of(changes, author, at), patient=_patient(unit))


def body_before(network: SupportNetwork, reference: str) -> dict[str, Any] | None:
    """A resource of a network as it was read, by ``Type/id``; None when it is not in it."""
    carried: list[Carried | None] = [figure.carried for figure in network.figures]
    carried += [person.carried for person in network.people]
    carried += [record.carried for record in network.consents]
    carried.append(network.team.carried if network.team else None)
    return next((item.body() for item in carried if item is not None and item.reference == reference), None)


def _tasks(unit: Unit) -> list[Task]:
    network = unit.decided.before
    out_of_use = {own_identifier(carried.body()) for carried in network.rest} - {None}
    return [
        Task.of(
            change,
            None if change.is_new else body_before(network, change.reference),
            _patient(unit),
            seen_before=own_identifier(change.body) in out_of_use,
        )
        for change in unit.changes
    ]


def _patient(unit: Unit) -> str:
    return f"Patient/{unit.patient}"


def _wrote(unit: Unit, part: Divided, written: dict[int, Written], resources: int) -> Wrote:
    pairs = [(task, written[position]) for position, task in enumerate(part.send) if position in written]
    return Wrote(
        unit=unit,
        ids={task.full_url: item.id for task, item in pairs if task.full_url},
        versions={f"{item.type}/{item.id}": item.version for _, item in pairs},
        resources=resources,
        left=part.left,
    )


def _broken(unit: Unit, part: Divided, broken: BrokenOff) -> Wrote:
    done = _wrote(unit, part, broken.written, len(broken.written))
    return replace(done, error=broken.error, uncertain=broken.uncertain)


def _designations(unit: Unit) -> Any:
    """Who named the figures that are new here."""
    before = {figure.id for figure in unit.decided.before.figures}
    new = (figure for figure in unit.decided.after.figures if figure.id not in before)
    return tuple(dict.fromkeys(item for figure in new for item in figure.designations))
