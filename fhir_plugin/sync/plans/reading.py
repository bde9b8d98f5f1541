"""Reading some clients of a source and of the EHR, and deciding on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fhir_plugin.model.dates import local_day
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.deciding.decisions import decide_client
from fhir_plugin.sync.deciding.lasting import holds_until
from fhir_plugin.sync.deciding.outlook import with_outlook
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.matching.linking import Others, Remembered
from fhir_plugin.sync.plans.passing import PassingOver
from fhir_plugin.sync.plans.planfile import PlannedClient
from fhir_plugin.sync.plans.prints import client_print, rows_print, still_good, with_day
from fhir_plugin.sync.plans.unlisted import Unlisted
from fhir_plugin.sync.records.population import Population
from fhir_plugin.sync.records.versions import versions_of
from fhir_plugin.sync.sources.gathering import ClientRows
from fhir_plugin.sync.sources.naming import ClientKey
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.tables import Row
from fhir_plugin.sync.sources.wanted import Problem, Wanted

__all__ = ["ClientReader"]


@dataclass(slots=True, kw_only=True)
class ClientReader:
    """Plans clients of one source, some at a time; see ``planning.Planner``, which has most of its attributes.

    Attributes:
        reader: reads the rows of the source.
        passing: is told who the clients are.
        same: clients, and figures of theirs, that turned out to be as they were left at the last run.
    """

    population: Population
    journal: Journal
    context: Context
    reader: RowReader
    passing: PassingOver
    is_whole: bool
    only: str
    problems: list[Problem]
    unlisted: Unlisted
    same: tuple[int, int] = (0, 0)

    def plan(self, chunk: Sequence[ClientRows]) -> list[PlannedClient]:
        """Decide on clients by their rows."""
        by_client = {client.key: self.rows(client.rows) for client in chunk}
        patients = self._known(by_client)
        wanted: dict[str, list[Wanted]] = {}
        for key, patient in patients.items():
            if not self.only or patient == self.only:
                wanted.setdefault(patient, []).extend(by_client[key])
        planned = list(self._decide(wanted))
        self.passing.see({key: patients.get(key, "") for key in by_client})
        return planned

    def without_rows(self, patients: Sequence[str]) -> Iterator[PlannedClient]:
        """Decide on clients who are in the list no longer."""
        records, memory = self.population.records(patients), self.journal.memory(patients)
        others, said = self.journal.others(patients), rows_print([], self.context.how, self.journal.vault)
        marks = dict.fromkeys(patients, "")
        for patient, bodies in records.items():
            network = self.population.network(bodies, patient)
            decided = decide_client(network, [], memory[patient], self.context, {}, others[patient])
            self.unlisted.add(patient=patient, figures=decided.unlisted)
            if decided.plan.writes:
                yield PlannedClient(plan=decided.plan, rows=(), print=said)
            else:
                mark = client_print(said, versions_of(bodies))
                marks[patient] = with_day(mark, holds_until(network, self.context.policy, self.context.at))
        self.journal.settle(marks)

    def rows(self, rows: Iterable[Row]) -> list[Wanted]:
        """Rows as figures; what is wrong with the others becomes problems."""
        read = [each for row in rows for each in self.reader.read_row(row)]
        self.problems += [each for each in read if isinstance(each, Problem)]
        return [each for each in read if isinstance(each, Wanted)]

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
                self.same = (self.same[0] + 1, self.same[1] + len(rows))
                continue
            due[patient] = said
        memory, others = self.journal.memory(due), self.journal.others(due)
        for patient, said in due.items():
            network = self.population.network(records[patient], patient)
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

    def _settled(self, patients: Iterable[str]) -> dict[str, str]:
        return still_good(self.journal.settled(patients), local_day(self.context.at))
