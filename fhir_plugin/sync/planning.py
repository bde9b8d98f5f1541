"""Making a plan: rows by client, clients by the hundred, each decided on what the EHR holds now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from fhir_plugin.sync.decisions import Context, decide_client
from fhir_plugin.sync.journal import Journal
from fhir_plugin.sync.outlook import with_outlook
from fhir_plugin.sync.planfile import PlannedClient
from fhir_plugin.sync.population import Population, in_chunks, network_of
from fhir_plugin.sync.prints import client_print, rows_print
from fhir_plugin.sync.wanted import ClientKey, Problem, Wanted

__all__ = ["Planner", "Progress"]

Progress = Callable[[int, int], None]
"""Told how many clients are done, of how many."""

CHUNK = 100
"""Clients that are read at once."""


@dataclass(slots=True, kw_only=True)
class Planner:
    """Plans one source against one EHR. Nothing is written to the EHR.

    Attributes:
        problems: rows that cannot be used, in the order they were met.
        settled: clients, and figures of theirs, that are as they were left at the last run; they are in no plan.
    """

    population: Population
    journal: Journal
    context: Context
    progress: Progress = lambda _done, _all: None
    problems: list[Problem] = field(default_factory=list)
    settled: tuple[int, int] = (0, 0)

    def plan(self, rows: Iterable[Wanted | Problem], *, only: str = "", limit: int = 0) -> Iterator[PlannedClient]:
        """Decide client by client.

        Args:
            rows: what the source says.
            only: a Patient id: plan for that client alone.
            limit: plan for at most so many clients; 0 is all.
        """
        by_client: dict[ClientKey, list[Wanted]] = {}
        for row in rows:
            if isinstance(row, Problem):
                self.problems.append(row)
            else:
                by_client.setdefault(row.client, []).append(row)
        keys = list(by_client)
        done = planned = 0
        for chunk in in_chunks(keys, CHUNK):
            found = self._known(chunk, by_client)
            wanted = {patient: found[patient] for patient in found if not only or patient == only}
            for client in self._decide(wanted):
                if limit and planned >= limit:
                    return
                planned += 1
                yield client
            done += len(chunk)
            self.progress(done, len(keys))

    def _known(self, keys: Iterable[ClientKey], by_client: dict[ClientKey, list[Wanted]]) -> dict[str, list[Wanted]]:
        """The rows by Patient id; those of a client that is unknown or not unique become problems."""
        found: dict[str, list[Wanted]] = {}
        for key, patients in self.population.find(list(keys)).items():
            if len(patients) == 1:
                found.setdefault(patients[0], []).extend(by_client[key])
            else:
                code = "sync-client-double" if patients else "sync-client-unknown"
                self.problems += [row.refused(code) for row in by_client[key]]
        return found

    def _decide(self, wanted: dict[str, list[Wanted]]) -> Iterator[PlannedClient]:
        if not wanted:
            return
        records = self.population.records(list(wanted))
        settled = self.journal.settled(wanted)
        vault = self.journal.vault
        for patient, rows in wanted.items():
            if patient not in records:
                self.problems += [row.refused("sync-client-unknown") for row in rows]
                continue
            said = rows_print(rows, self.context, vault)
            if patient in settled and settled[patient] == client_print(said, records[patient], vault):
                self.settled = (self.settled[0] + 1, self.settled[1] + len(rows))
                continue
            memory, others = self.journal.memory([patient])[patient], self.journal.others([patient])[patient]
            network = network_of(records[patient], patient)
            decided = decide_client(network, rows, memory, self.context, {}, others)
            self.problems += decided.problems
            plan = with_outlook(decided.plan, network, rows, memory, self.context, others)
            refused = {problem.place for problem in decided.problems}
            kept = tuple(row for row in rows if row.place not in refused)
            yield PlannedClient(plan=plan, rows=kept, print="" if refused else said)
