"""Making a plan: rows by client, clients by the hundred, each decided on what the EHR holds now.

A client whose rows, and whose record, are as they were when nothing was left to do is passed over unread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fhir_plugin.model.dates import local_day
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.deciding.decisions import Context, decide_client
from fhir_plugin.sync.deciding.lasting import holds_until
from fhir_plugin.sync.deciding.outlook import with_outlook
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.matching.linking import Others, Remembered
from fhir_plugin.sync.plans.passing import PassingOver
from fhir_plugin.sync.plans.planfile import PlannedClient
from fhir_plugin.sync.plans.prints import client_print, rows_print, still_good, with_day
from fhir_plugin.sync.plans.unlisted import Unlisted
from fhir_plugin.sync.records.population import Population, network_of, versions_of
from fhir_plugin.sync.sources.gathering import ClientRows, Gathering
from fhir_plugin.sync.sources.naming import ClientKey
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.tables import Row
from fhir_plugin.sync.sources.wanted import Problem, Wanted

__all__ = ["CHUNK", "Planner", "Progress"]

Progress = Callable[[int, int], None]
"""Told how many clients are done, of how many."""

CHUNK = 100
"""Clients that are read at once."""


@dataclass(slots=True, kw_only=True)
class Planner:
    """Plans one source against one EHR. Nothing is written to the EHR.

    Attributes:
        reader: reads the rows of the source.
        gathering: the rows, by client.
        passing: who of them was passed over.
        is_whole: whether the list is all that its source says now; rows that were mended and fed back are not.
        only: a Patient id: plan for that client alone.
        problems: rows that cannot be used, in the order they were met.
        unlisted: who of earlier runs has no usable row any more.
    """

    population: Population
    journal: Journal
    context: Context
    reader: RowReader
    gathering: Gathering
    passing: PassingOver
    is_whole: bool = True
    only: str = ""
    progress: Progress = lambda _done, _all: None
    problems: list[Problem] = field(default_factory=list)
    unlisted: Unlisted = field(default_factory=Unlisted)
    _same: tuple[int, int] = (0, 0)

    @property
    def settled(self) -> tuple[int, int]:
        """Clients, and figures of theirs, that are as they were left at the last run; they are in no plan."""
        passed = (0, 0) if self.only else self.gathering.passed
        return passed[0] + self._same[0], passed[1] + self._same[1]

    def plan(self, *, limit: int = 0) -> Iterator[PlannedClient]:
        """Decide client by client.

        Args:
            limit: plan for at most so many clients; 0 is all.
        """
        gathering = self.gathering
        self._read(gathering.strays)
        planned, done = 0, gathering.passed[0]
        for window in gathering.windows():
            for chunk in in_chunks(window, CHUNK):
                for client in self._chunk(chunk):
                    if limit and planned >= limit:
                        return
                    planned += 1
                    yield client
                done += len(chunk)
                self.progress(done, gathering.clients)
        if self.is_whole and not (self.only or limit):
            yield from self._no_longer_listed()
        self.passing.mark()

    def _read(self, rows: Iterable[Row]) -> list[Wanted]:
        """Rows as figures; what is wrong with the others becomes problems."""
        read = [each for row in rows for each in self.reader.read_row(row)]
        self.problems += [each for each in read if isinstance(each, Problem)]
        return [each for each in read if isinstance(each, Wanted)]

    def _chunk(self, chunk: Sequence[ClientRows]) -> list[PlannedClient]:
        by_client = {client.key: self._read(client.rows) for client in chunk}
        patients = self._known(by_client)
        wanted: dict[str, list[Wanted]] = {}
        for key, patient in patients.items():
            if not self.only or patient == self.only:
                wanted.setdefault(patient, []).extend(by_client[key])
        planned = list(self._decide(wanted))
        self.passing.see({key: patients.get(key, "") for key in by_client})
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
            said = rows_print([row.cells for row in rows], self.context.how, vault)
            if settled.get(patient) and settled[patient] == client_print(said, versions_of(records[patient])):
                self._same = (self._same[0] + 1, self._same[1] + len(rows))
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

    def _no_longer_listed(self) -> Iterator[PlannedClient]:
        """Clients of earlier runs who are not in the list: for them nothing ends but a place whose consent is over.

        Read are those whose record changed, or may have lapsed, since nothing was left to do for them.
        """
        for gone, unread in self.passing.no_longer_listed():
            self.unlisted.count(gone)
            for chunk in in_chunks(unread, CHUNK):
                yield from self._without_rows(chunk)

    def _without_rows(self, patients: Sequence[str]) -> Iterator[PlannedClient]:
        records, memory = self.population.records(patients), self.journal.memory(patients)
        others, said = self.journal.others(patients), rows_print([], self.context.how, self.journal.vault)
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
