"""``steunfiguren sync status|undo``: the runs of a plan's source, and taking one back."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click

from fhir_plugin.cli.sync_application import author_of
from fhir_plugin.cli.sync_options import Connection, Meter, connection_options, journal_options, language_option
from fhir_plugin.consent import NL_JEUGDWET, load_policy
from fhir_plugin.errors import UsageError
from fhir_plugin.sync.applying.run_report import RunReport, Tally
from fhir_plugin.sync.applying.undoing import Undoer
from fhir_plugin.sync.applying.writing import Writer
from fhir_plugin.sync.plans.planfile import PlanReader
from fhir_plugin.sync.records.reaching import reach
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.texts import Language, words

__all__ = ["status", "undo"]

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("status")
@click.argument("plan_file", metavar="PLAN", type=_file)
@journal_options
@language_option
def status(plan_file: Path, storage: Storage, lang: str) -> None:
    """Show the runs of the source and EHR that PLAN is about."""
    language = cast(Language, lang)
    reader = PlanReader(plan_file)
    with storage.journal(reader.ehr, reader.source) as held:
        runs = held.runs()
    click.echo(words("sync-status-head", language, source=reader.source, ehr=reader.ehr))
    for run in runs:
        mark = "*" if run.plan == reader.digest else " "
        states = ", ".join(f"{number} {words(f'sync-state-{state}', language)}" for state, number in run.states.items())
        click.echo(
            f"  {mark} {run.id:>4}  {run.started:<25}  {run.finished or '…':<25}  {states or '—'}  ({run.resources})"
        )
    if broken := any(not run.finished for run in runs[:1]):
        click.echo(words("sync-status-unfinished", language, run=str(runs[0].id)))
    sys.exit(1 if broken else 0)


@click.command("undo")
@click.argument("run", type=int)
@click.argument("plan_file", metavar="PLAN", type=_file)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@journal_options
@language_option
@connection_options
def undo(connection: Connection, run: int, plan_file: Path, quiet: bool, storage: Storage, lang: str) -> None:
    """Take back what RUN wrote, by new versions; what was edited since then stays."""
    language = cast(Language, lang)
    reader = PlanReader(plan_file)
    started = time.monotonic()
    client = connection.client(reader.ehr)
    with (
        storage.journal(reader.ehr, reader.source) as held,
        reach(client, storage, held) as ehr,
    ):
        if all(known.id != run for known in held.runs()):
            raise UsageError(
                f"The journal has no run {run} of source '{reader.source}'.",
                code="sync-no-run",
                where=plan_file.name,
                remedy="Give a plan of the source it belongs to; `steunfiguren sync status PLAN` lists its runs.",
            )
        written = held.steps(run, "done", "undone", "changed", "failed", "unknown", "intent", undo=False)
        if written and all(step.state == "undone" for step in written):
            click.echo(words("sync-undone-already", language, run=str(run)))
            return
        undoer = Undoer(
            population=ehr.population,
            writer=Writer(ehr.client, author_of("", reader), ehr.route, ehr.store),
            journal=held,
            store=ehr.store,
            source=reader.source,
            policy=load_policy(NL_JEUGDWET),
            clock=lambda: datetime.now(UTC),
        )
        steps = undoer.undo(run, Meter(language, quiet))
    outcome = RunReport(run=run, did=Tally().add(steps), seconds=time.monotonic() - started)
    click.echo(outcome.text(language))
    sys.exit(0 if outcome.clean else 1)
