"""``sync apply`` and ``sync resume``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click

from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.sync_options import Connection, Meter, connection_options, journal_options, language_option
from fhir_plugin.sync.applying.run_report import About, RunReport, Tally
from fhir_plugin.sync.plans.planfile import PlanReader, Waiting
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.whole_file import whole_file
from fhir_plugin.sync.workers.sizes import GROUP, WORKERS
from fhir_plugin.texts import Language

__all__ = ["apply", "resume"]


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
    begun, started = datetime.now(UTC), time.monotonic()
    if reader.is_empty and not only:
        run, did, noticed, waiting = _begin_and_end(reader, storage, dry_run), Tally(), Counter[str](), Waiting()
    else:
        from fhir_plugin.cli.sync_application import Application, author_of  # all that an EHR is read and written with

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
            language=language,
        )
        run, did, noticed = application()
        waiting = application.unanswered()
    outcome = RunReport(
        run=run,
        did=did,
        seconds=time.monotonic() - started,
        about=About(source=reader.source, ehr=reader.ehr, plan=plan_file.name, started=begun),
        noticed=noticed,
        waiting=waiting,
    )
    click.echo(outcome.text(language))
    if report is not None:
        with whole_file(report) as stream:
            stream.write(outcome.in_form(report.suffix, language).encode())
    sys.exit(0 if outcome.clean else 1)


resume = click.Command(
    "resume",
    params=apply.params,
    callback=apply.callback,
    help="Go on with PLAN where a run was broken off: what was written already is seen and left alone.",
)


def _begin_and_end(reader: PlanReader, storage: Storage, dry_run: bool) -> int:
    """The run of a plan in which nothing is to be done: the EHR need not be asked anything; its number, 0 when dry."""
    if dry_run:
        return 0
    with storage.journal(reader.ehr, reader.source) as held:
        run = held.begin(reader.digest, reader.totals.get("clients", 0))
        held.finish(run)
    return run
