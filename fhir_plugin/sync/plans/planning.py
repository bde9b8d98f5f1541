"""Making a plan: rows by client, clients by the hundred, each decided on what the EHR holds now.

A client whose rows, and whose record, are as they were when nothing was left to do is passed over unread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fhir_plugin.model.dates import local_day
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.deciding.decisions import Context, decide_client
from fhir_plugin.sync.deciding.outlook import with_outlook
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.matching.linking import Others, Remembered
from fhir_plugin.sync.plans.planfile import PlannedClient
from fhir_plugin.sync.plans.prints import (
    client_print,
    holds_until,
    holds_version,
    is_print_of,
    rows_print,
    still_good,
    with_day,
)
from fhir_plugin.sync.plans.unlisted import Met, Unlisted
from fhir_plugin.sync.records.population import Population, network_of, versions_of
from fhir_plugin.sync.records.recent import WHOLE, Recent, RecentChanges
from fhir_plugin.sync.sources.gathering import ClientRows, Gathering
from fhir_plugin.sync.sources.wanted import ClientKey, Problem, Wanted

__all__ = ["CHUNK", "Planner", "Progress"]

Progress = Callable[[int, int], None]
"""Told how many clients are done, of how many."""

CHUNK = 100
"""Clients that are read at once."""
_RECORD = 20
"""Resources of a client that are looked at by version for the price of reading the record."""


@dataclass(slots=True, kw_only=True)
class Planner:
    """Plans one source against one EHR. Nothing is written to the EHR.

    Attributes:
        is_whole: whether the list is all that its source says now; rows that were mended and fed back are not.
        recent: tells what changed in the EHR; None: everything is read in each run.
        problems: rows that cannot be used, in the order they were met.
        settled: clients, and figures of theirs, that are as they were left at the last run; they are in no plan.
        unlisted: who of earlier runs has no usable row any more.
    """

    population: Population
    journal: Journal
    context: Context
    is_whole: bool = True
    recent: RecentChanges | None = None
    progress: Progress = lambda _done, _all: None
    problems: list[Problem] = field(default_factory=list)
    settled: tuple[int, int] = (0, 0)
    unlisted: Unlisted = field(default_factory=Unlisted)
    _met: Met = field(default_factory=Met)

    def plan(self, gathering: Gathering, *, only: str = "", limit: int = 0) -> Iterator[PlannedClient]:
        """Decide client by client.

        Args:
            gathering: what the source says.
            only: a Patient id: plan for that client alone.
            limit: plan for at most so many clients; 0 is all.
        """
        self.problems += gathering.problems
        since = self.recent.now() if self.recent else None
        changed = self._changed(gathering.clients)
        done = planned = 0
        for window in gathering.windows():
            left = self._unsettled(window, changed, only)
            done += len(window) - len(left)
            for chunk in in_chunks(left, CHUNK):
                for client in self._chunk(chunk, gathering, only):
                    if limit and planned >= limit:
                        return
                    planned += 1
                    yield client
                done += len(chunk)
                self.progress(done, gathering.clients)
        if self.is_whole and not (only or limit):
            yield from self._no_longer_listed(changed)
        if since is not None and not only:
            self._mark(changed.until if changed else since, whole=changed is None)

    def _changed(self, clients: int) -> Recent | None:
        """What changed in the EHR since the last run; None when everything is to be read."""
        held = self.journal.watermark() if self.recent else None
        if self.recent is None or held is None or self.context.at - held[1] > WHOLE:
            return None
        return self.recent.since(held[0], most=_RECORD * clients + 1000, known=self._known_versions)

    def _known_versions(self, patients: Collection[str]) -> Callable[[str, str], bool]:
        marks = self.journal.settled(patients)
        return lambda patient, version: holds_version(marks.get(patient, ""), version)

    def _mark(self, since: datetime, *, whole: bool) -> None:
        held = self.journal.watermark()
        self.journal.mark(since, self.context.at if whole or held is None else held[1])

    def _unsettled(self, window: Sequence[ClientRows], changed: Recent | None, only: str) -> list[ClientRows]:
        """The clients that have to be read."""
        if changed is None:
            return list(window)
        names = {client.key: self._name(client.key) for client in window}
        seen = self.journal.seen(names.values())
        settled = self._settled(seen.values())
        left = []
        for client in window:
            patient = seen.get(names[client.key], "")
            known = is_print_of(settled.get(patient, ""), self._said(client))
            named = (client.key.system, client.key.value)
            if known and patient not in changed.patients and named not in changed.identifiers:
                self._met.add(patient)
                if not only or patient == only:
                    self.settled = (self.settled[0] + 1, self.settled[1] + len(client.parts))
            else:
                left.append(client)
        return left

    def _chunk(self, chunk: Sequence[ClientRows], gathering: Gathering, only: str) -> list[PlannedClient]:
        by_client: dict[ClientKey, list[Wanted]] = {}
        for client in chunk:
            rows = list(gathering.read(client))
            self.problems += [row for row in rows if isinstance(row, Problem)]
            by_client[client.key] = [row for row in rows if isinstance(row, Wanted)]
        patients = self._known(by_client)
        wanted: dict[str, list[Wanted]] = {}
        for key, patient in patients.items():
            if not only or patient == only:
                wanted.setdefault(patient, []).extend(by_client[key])
        for patient in patients.values():
            self._met.add(patient)
        planned = list(self._decide(wanted))
        if self.recent is not None:
            self.journal.see({self._name(key): patients.get(key, "") for key in by_client})
        return planned

    def _known(self, by_client: Mapping[ClientKey, list[Wanted]]) -> dict[ClientKey, str]:
        """The Patient id of each client; the rows of one that is unknown or not unique become problems."""
        found: dict[ClientKey, str] = {}
        for key, patients in self.population.find([key for key, rows in by_client.items() if rows]).items():
            if len(patients) == 1:
                found[key] = patients[0]
            else:
                code = "sync-client-double" if patients else "sync-client-unknown"
                self.problems += [row.refused(code) for row in by_client[key]]
        return found

    def _decide(self, wanted: Mapping[str, list[Wanted]]) -> Iterator[PlannedClient]:
        if not wanted:
            return
        records = self.population.records(list(wanted))
        settled = self._settled(wanted)
        vault = self.journal.vault
        due: dict[str, str] = {}
        for patient, rows in wanted.items():
            if patient not in records:
                self.problems += [row.refused("sync-client-unknown") for row in rows]
                continue
            said = rows_print([row.cells for row in rows], self.context, vault)
            if settled.get(patient) and settled[patient] == client_print(said, versions_of(records[patient])):
                self.settled = (self.settled[0] + 1, self.settled[1] + len(rows))
                continue
            due[patient] = said
        memory, others = self.journal.memory(due), self.journal.others(due)
        for patient, said in due.items():
            network = network_of(records[patient], patient)
            yield self._planned(network, wanted[patient], said, memory[patient], others[patient])
        self.journal.unsettle([each for each in wanted if settled.get(each) and (each in due or each not in records)])

    def _planned(
        self, network: SupportNetwork, rows: list[Wanted], said: str, memory: Mapping[str, Remembered], others: Others
    ) -> PlannedClient:
        decided = decide_client(network, rows, memory, self.context, {}, others)
        self.problems += decided.problems
        if self.is_whole:
            self.unlisted.add(patient=network.child.id, figures=decided.unlisted)
        plan = with_outlook(decided.plan, network, rows, memory, self.context, others)
        refused = {problem.place for problem in decided.problems}
        kept = tuple(row for row in rows if row.place not in refused)
        return PlannedClient(plan=plan, rows=kept, print="" if refused else said)

    def _no_longer_listed(self, changed: Recent | None) -> Iterator[PlannedClient]:
        """Clients of earlier runs who are not in the list: for them nothing ends but a place whose consent is over.

        Read are those whose record changed, or may have lapsed, since nothing was left to do for them.
        """
        for some in self.journal.remembered():
            gone = [patient for patient in some if patient not in self._met]
            self.unlisted.count(gone)
            good = self._settled(gone) if changed else {}
            passed = {patient for patient, mark in good.items() if mark and changed and patient not in changed.patients}
            for chunk in in_chunks((patient for patient in gone if patient not in passed), CHUNK):
                yield from self._without_rows(chunk)

    def _without_rows(self, patients: Sequence[str]) -> Iterator[PlannedClient]:
        records, memory = self.population.records(patients), self.journal.memory(patients)
        others, said = self.journal.others(patients), rows_print([], self.context, self.journal.vault)
        marks = dict.fromkeys(patients, "")
        for patient, bodies in records.items():
            network = network_of(bodies, patient)
            decided = decide_client(network, [], memory[patient], self.context, {}, others[patient])
            self.unlisted.add(patient=patient, figures=decided.unlisted)
            if decided.plan.writes:
                yield PlannedClient(plan=decided.plan, rows=(), print=said)
            else:
                mark = client_print(said, versions_of(bodies))
                marks[patient] = with_day(mark, holds_until(network, self.context.policy, self.context.at))
        self.journal.settle(marks)

    def _settled(self, patients: Iterable[str]) -> dict[str, str]:
        return still_good(self.journal.settled(patients), local_day(self.context.at))

    def _name(self, key: ClientKey) -> str:
        """A keyed hash of how the source names a client."""
        return self.journal.vault.fingerprint(f"client\x1e{key.system}\x1e{key.value}")

    def _said(self, client: ClientRows) -> str:
        return rows_print(client.cells, self.context, self.journal.vault) if client.is_whole else ""
