"""``sync apply`` and ``sync resume``: in this process, in several on this machine, or through workers on a database."""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

import click

from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.sync_ehr import say_notices
from fhir_plugin.cli.sync_options import (
    Connection,
    Meter,
    connection_options,
    journal_options,
    language_option,
)
from fhir_plugin.cli.sync_runs import author_of
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrUnreachable, UsageError
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying.applier import GROUP, WORKERS
from fhir_plugin.sync.applying.run_report import RunReport, Tally
from fhir_plugin.sync.applying.writing import UNTRUE
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.plans.answering import Waiting, count_open, waiting
from fhir_plugin.sync.plans.planfile import PlanReader, client_of
from fhir_plugin.sync.plans.planning import CHUNK
from fhir_plugin.sync.records.no_access import without_access
from fhir_plugin.sync.records.population import in_chunks
from fhir_plugin.sync.records.reaching import Reached, reach
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.workers.hands import few_collections, side_by_side
from fhir_plugin.sync.workers.pace import DatabasePace, MachinePace
from fhir_plugin.sync.workers.shares import Share, applier_for
from fhir_plugin.texts import Language

__all__ = ["Application", "apply", "client_at_pace", "resume"]


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
        notices: says what somebody should know of the EHR beforehand.
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
    notices: Callable[[Reached], None]

    def __call__(self) -> tuple[int, Tally, Counter[str]]:
        """Do it; the number of the run (0: nothing was to be written), what became of each client, what was noticed.

        Raises:
            EhrUnreachable: the EHR stopped answering; resume the run later.
            InputError: an answer in the plan means nothing; no run was begun.
            UsageError: the one client that was asked for is not in the plan.
        """
        reader = self.reader
        self._check()
        with few_collections(), self.storage.journal(reader.ehr, reader.source) as held:
            if next(self._lines(), None) is not None:  # else the EHR need not be asked anything
                return self._with(held)
            run = 0 if self.dry_run else held.begin(reader.digest, reader.totals.get("clients", 0))
            if run:
                held.finish(run)
            return run, Tally(), Counter()

    def _with(self, held: Journal) -> tuple[int, Tally, Counter[str]]:
        reader, total = self.reader, self.reader.totals.get("clients", 0)
        client = self.connection.client(reader.ehr)
        with reach(client, self.storage, held) as ehr:
            self.notices(ehr)
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

    def _check(self) -> None:
        """That there is what was asked for, and that every answer means something, before a run is begun."""
        totals = self.reader.totals
        if totals.get("question") or totals.get("conflict"):
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
        return Tally().add(journal.steps(run, undo=False))


@click.command("apply")
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Decide everything again, write nothing.")
@click.option("--only", default="", help="Apply for one client alone: Patient/….")
@click.option("--limit", type=click.IntRange(0), default=0, help="Apply for at most so many clients.")
@click.option("--author", default="", help="Who enters the changes: Organization/…, Device/….")
@click.option("--group", type=click.IntRange(1, 50), default=GROUP, show_default=True, help="Clients per Bundle.")
@click.option("--workers", type=click.IntRange(0, 64), default=WORKERS, show_default=True, help="Processes here.")
@click.option("--report", type=OutputFile(), help="Write the report there too: .txt, .json or .html.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@journal_options
@language_option
@connection_options
def apply(
    connection: Connection,
    plan_file: Path,
    dry_run: bool,
    only: str,
    limit: int,
    author: str,
    group: int,
    workers: int,
    report: Path | None,
    quiet: bool,
    storage: Storage,
    lang: str,
) -> None:
    """Do exactly what PLAN says, or say what changed meanwhile."""
    language = cast(Language, lang)
    reader = PlanReader(plan_file)
    started = time.monotonic()
    application = Application(
        connection=connection,
        reader=reader,
        storage=storage,
        author=author_of(author, reader),
        only=only.removeprefix("Patient/"),
        limit=limit,
        group=group,
        workers=workers,
        dry_run=dry_run,
        progress=Meter(language, quiet),
        notices=lambda ehr: say_notices(ehr, language),
    )
    run, did, noticed = application()
    outcome = RunReport(
        run=run,
        did=did,
        seconds=time.monotonic() - started,
        noticed=noticed,
        waiting=_unanswered(reader, application.only),
    )
    click.echo(outcome.text(language))
    if report is not None:
        report.write_text(outcome.in_form(report.suffix, language), encoding="utf-8")
    sys.exit(0 if outcome.clean else 1)


resume = click.Command(
    "resume",
    params=apply.params,
    callback=apply.callback,
    help="Go on with PLAN where a run was broken off: what was written already is seen and left alone.",
)


def _unanswered(reader: PlanReader, only: str) -> Waiting:
    """What in a plan, or for one client of it, nobody answered; most plans ask nothing and are not read again."""
    if not (reader.totals.get("question") or reader.totals.get("conflict")):
        return Waiting()
    plans = (planned.plan for planned in reader.clients())
    return count_open(waiting(plan for plan in plans if not only or plan.patient == f"Patient/{only}"))
