"""The application of a plan: in this process, in several on this machine, or through workers on a database."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from fhir_plugin.cli.sync_notices import say_notices
from fhir_plugin.cli.sync_options import Connection, Meter
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrUnreachable, UsageError
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying.run_report import Tally
from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.journals.journal import UNTRUE, Journal
from fhir_plugin.sync.plans.answering import count_open, waiting
from fhir_plugin.sync.plans.planfile import PlanReader, Waiting, client_of
from fhir_plugin.sync.plans.planning import CHUNK
from fhir_plugin.sync.records.own_url import without_access
from fhir_plugin.sync.records.reaching import Reached, reach
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.workers.hands import few_collections, side_by_side
from fhir_plugin.sync.workers.pace import DatabasePace, MachinePace
from fhir_plugin.sync.workers.shares import Share, applier_for
from fhir_plugin.texts import Language

__all__ = ["Application", "author_of", "client_at_pace"]


def author_of(reference: str, reader: PlanReader) -> Ref:
    """Who enters the changes of a plan, as the Provenance names them."""
    return Ref(reference=reference, display=f"steunfiguren sync ({reader.source})")


def client_at_pace(connection: Connection, database: str, ehr: str) -> Callable[[], FhirClient]:
    """Gives clients of an EHR that keep to one pace together, on this machine or wherever the database is reached."""
    if not connection.rate:
        return partial(connection.client, ehr)
    if database:
        return partial(connection.client, ehr, DatabasePace(url=database, ehr=ehr, per_second=connection.rate))
    return partial(connection.client, ehr, MachinePace(per_second=connection.rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One application of a plan, as it was asked for.

    Attributes:
        storage: where the journal and the own store are.
        only: a Patient id; empty for all.
        limit: at most so many clients; 0 for all.
        workers: processes on this machine; with a database 0 leaves all the work to workers elsewhere.
        language: of what somebody should know of the EHR beforehand.
    """

    connection: Connection
    reader: PlanReader
    storage: Storage
    author: Ref
    only: str
    limit: int
    group: int
    workers: int
    dry_run: bool
    progress: Meter
    language: Language

    def __call__(self) -> tuple[int, Tally, Counter[str]]:
        """Do it; the number of the run (0: nothing was to be written), what became of each client, what was noticed.

        Raises:
            EhrUnreachable: the EHR stopped answering; resume the run later.
            InputError: an answer in the plan means nothing; no run was begun.
            UsageError: the one client that was asked for is not in the plan.
        """
        reader, total = self.reader, self._total()
        self._check()
        client = self.connection.client(reader.ehr)
        with (
            few_collections(),
            self.storage.journal(reader.ehr, reader.source) as held,
            reach(client, self.storage, held) as ehr,
        ):
            say_notices(ehr, self.language)
            run = 0 if self.dry_run else held.begin(reader.digest, total)
            if without_access(client.base_url):
                did = self._here(held, ehr, run, total)
            elif self.storage.database and not self.dry_run:
                did = self._through_database(held, run, total)
            elif self.workers > 1 and self._is_large():
                did = self._side_by_side(run, total)
            else:
                did = self._here(held, ehr, run, total)
            if run:
                held.finish(run)
            noticed = held.noticed(run) + Counter(f"{UNTRUE}{check}" for check in ehr.abilities.untrue)
        return run, did, noticed

    def _total(self) -> int:
        """How many clients there are to do; who was passed over when the plan was made is in no line of it."""
        totals = self.reader.totals
        listed = 1 if self.only else totals.get("clients", 0) - totals.get("clients-settled", 0)
        return min(listed, self.limit or listed)

    def unanswered(self) -> Waiting:
        """What in the plan, or for the one client of it, nobody answered; most plans ask nothing: not read again."""
        if not self.reader.asks:
            return Waiting()
        return count_open(
            waiting(plan for plan in self.reader.plans() if not self.only or plan.patient == f"Patient/{self.only}")
        )

    def _check(self) -> None:
        """That there is what was asked for, and that every answer means something, before a run is begun."""
        if self.reader.asks:
            deque(self.reader.clients(), maxlen=0)
        if self.only and next(self._lines(), None) is None:
            raise UsageError(
                "This client is not in the plan.",
                code="sync-client-not-planned",
                where="--only",
                remedy="Look in the plan for the id; a client for whom nothing is to be done is not in it.",
            )

    def _lines(self) -> Iterator[bytes]:
        lines = self.reader.lines()
        if self.only:
            wanted = f"Patient/{self.only}"
            lines = (line for line in lines if client_of(line).plan.patient == wanted)
        return islice(lines, self.limit or None)

    def _is_large(self) -> bool:
        """Whether there is work for more than one process."""
        return any(True for _ in islice(self._lines(), CHUNK, None))

    def _here(self, journal: Journal, ehr: Reached, run: int, total: int) -> Tally:
        workers = max(1, self.workers)
        applier = applier_for(ehr, journal, self.reader.source, self.author, group=self.group, workers=workers)
        applier.dry_run, applier.progress = self.dry_run, self.progress
        did = Tally()
        for steps in applier.apply((client_of(line, self.reader.path.name) for line in self._lines()), total, run):
            did.add(steps)
        return did

    def _side_by_side(self, run: int, total: int) -> Tally:
        reader = self.reader
        share = Share(
            client=client_at_pace(self.connection, "", reader.ehr),
            storage=self.storage,
            source=reader.source,
            author=self.author,
            run=run,
            group=self.group,
            dry_run=self.dry_run,
        )
        did = Tally()
        for steps in side_by_side(share, in_chunks(self._lines(), CHUNK), self.workers):
            self.progress(did.add(steps).clients, total)
        return did

    def _through_database(self, journal: Journal, run: int, total: int) -> Tally:
        from fhir_plugin.sync.workers.queue import open_queue  # asyncio is loaded only where a database is used

        reader, found = self.reader, self.storage.findings(self.reader.ehr)
        client = client_at_pace(self.connection, self.storage.database, reader.ehr)
        with open_queue(self.storage.database, reader.ehr, journal, client) as queue:
            pieces = in_chunks(self._lines(), CHUNK)
            queue.put(pieces, run=run, source=reader.source, author=self.author, found=found, group=self.group)
            wait = queue.work if self.workers else queue.watch
            wait(until=lambda: queue.left(run) == 0, progress=lambda: self.progress(journal.count(run), total))
            if queue.failed(run):
                raise EhrUnreachable(
                    "The EHR stopped answering: a part of the plan was not applied.",
                    code="ehr-unreachable",
                    remedy="Run `steunfiguren sync resume` when it answers again.",
                )
        did = Tally()
        for steps in journal.told(run):
            did.add(steps)
        return did
