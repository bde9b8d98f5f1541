"""``sync init`` and ``sync plan``: what the columns of a source mean, and what it would change in the records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import click

from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.sync_options import (
    Connection,
    Meter,
    connection_options,
    journal_options,
    language_option,
)
from fhir_plugin.cli.sync_planning import Made, make_plan
from fhir_plugin.cli.sync_source import SourceName, SourceOptions, header_of, say_source, sheet_option, source_options
from fhir_plugin.errors import UsageError
from fhir_plugin.sync.plans.carrying import EarlierAnswers
from fhir_plugin.sync.plans.planfile import PlanReader
from fhir_plugin.sync.plans.totals import client_words, totals_lines
from fhir_plugin.sync.plans.unlisted import Unlisted
from fhir_plugin.sync.records.own_url import own_url
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.sources.columns import (
    ColumnMap,
    check_columns,
    client_system_in,
    load_columns,
    propose_columns,
    to_toml,
)
from fhir_plugin.sync.sources.problems import problem_lines, source_of, write_problems
from fhir_plugin.sync.sources.tables import Table
from fhir_plugin.sync.sources.wanted import Problem
from fhir_plugin.texts import Language, words

__all__ = ["init", "plan"]

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_client_system = click.option("--client-system", default="", help="Identifier system of the client numbers.")


@click.command("init")
@click.argument("source_name", metavar="SOURCE", type=SourceName())
@click.option("-o", "--output", type=OutputFile(), help="Mapping file to write; shown when not given.")
@_client_system
@sheet_option
@language_option
def init(source_name: str, output: Path | None, client_system: str, sheet: str, lang: str) -> None:
    """Propose what the columns of SOURCE (a file, or a FHIR endpoint) mean."""
    header, name = header_of(source_name, client_system, sheet)
    proposal = to_toml(replace(propose_columns(header, name), client_system=client_system))
    if output is None:
        click.echo(proposal, nl=False)
    elif output.exists():
        raise UsageError(
            "The mapping file exists already.",
            code="sync-columns-exist",
            where=output.name,
            remedy="Choose another name.",
        )
    else:
        output.write_text(proposal, encoding="utf-8")
        click.echo(words("sync-init-written", cast(Language, lang), file=str(output)))


@click.command("plan")
@click.argument("source_name", metavar="SOURCE", type=SourceName())
@click.option("--fhir", required=True, help="Base URL of the EHR's FHIR endpoint; none:NAME when it gives none.")
@click.option("--columns", "mapping", type=_file, help="Mapping file; without it the proposal of `init` is used.")
@click.option("--source", default="", help="Name of the source; the mapping's, the file's or the host, when not given.")
@_client_system
@click.option(
    "-o", "--output", type=OutputFile(), default=Path("sync-plan.json"), show_default=True, help="The plan to write."
)
@click.option("--problems", type=OutputFile(), help="Where refused rows go.  [default: <plan>.rows.csv]")
@click.option("--only", default="", help="Plan for one client alone: Patient/….")
@click.option("--limit", type=click.IntRange(0), default=0, help="Plan for at most so many clients.")
@click.option("--all", "show_all", is_flag=True, help="Show every client, not the first twenty.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@journal_options
@language_option
@source_options
@connection_options
def plan(
    connection: Connection,
    origin: SourceOptions,
    source_name: str,
    fhir: str,
    mapping: Path | None,
    source: str,
    client_system: str,
    output: Path,
    problems: Path | None,
    only: str,
    limit: int,
    show_all: bool,
    quiet: bool,
    storage: Storage,
    lang: str,
) -> None:
    """Plan what SOURCE (a file, or the FHIR endpoint of another system) changes in the records, and show it."""
    language = cast(Language, lang)
    client_system = client_system or (client_system_in(mapping) if mapping else "")
    if source_name.rstrip("/") == own_url(fhir).rstrip("/"):
        raise UsageError(
            "The source and the EHR are the same server.",
            code="sync-same-server",
            where="--fhir",
            remedy="Name the other system as SOURCE, and the EHR with --fhir.",
        )
    with origin.open(source_name, client_system) as (table, server):
        columns = _columns(table, mapping, source, client_system)
        _say_columns(table, columns, language)
        made = make_plan(
            connection.client(own_url(fhir)),
            storage,
            table,
            columns,
            output,
            only=only.removeprefix("Patient/"),
            limit=limit,
            progress=Meter(language, quiet),
            language=language,
        )
        _show_plan(made, language, PlanReader(output) if show_all else None)
        say_source(server, language)
        _say_earlier(made.earlier, made.kept, language)
        _say_unlisted(made.unlisted, language)
        if made.known:
            click.echo(words("sync-source-new", language, source=columns.source, known=", ".join(made.known)))
        if made.refused:
            _report_refused(made.refused, table, columns, problems or output.with_suffix(".rows.csv"), language)
    totals = made.totals
    sys.exit(1 if made.refused or totals["conflict"] or totals["question"] or totals["not-recorded"] else 0)


def _report_refused(
    refused: Sequence[Problem], table: Table, columns: ColumnMap, report: Path, language: Language
) -> None:
    for line in problem_lines(refused, language):
        click.echo(line)
    count, kept = write_problems(
        report, table.header, columns.of(columns.client_field), refused, language, source=columns.source
    )
    click.echo(words("sync-problems-file", language, count=str(count), file=str(report)))
    if kept is not None:
        click.echo(words("sync-problems-kept", language, file=report.name, kept=kept.name))


def _say_unlisted(unlisted: Unlisted, language: Language) -> None:
    """Who was brought before and is not in the list: by client, for a person to say what became of them."""
    if not (unlisted.clients or unlisted.figures):
        return
    counts = {"clients": str(unlisted.clients), "figures": str(unlisted.figures)}
    click.echo(words("sync-unlisted", language, **counts))
    for patient, label in unlisted.names:
        click.echo(f"      {client_words(patient, language)}{f': {label}' if label else ''}")
    more = unlisted.clients + unlisted.figures - len(unlisted.names)
    if more:
        click.echo(words("sync-unlisted-more", language, count=str(more)))


def _say_earlier(earlier: EarlierAnswers, kept: Path | None, language: Language) -> None:
    if earlier.carried:
        click.echo(words("sync-answers-carried", language, count=str(earlier.carried)))
    if kept is not None:
        click.echo(words("sync-answers-kept", language, file=kept.name))


def _columns(table: Table, mapping: Path | None, source: str, client_system: str) -> ColumnMap:
    if mapping:
        columns = load_columns(mapping, table.header)
        columns = replace(columns, source=source or columns.source)
    else:
        columns = propose_columns(table.header, source or source_of(table))
    if client_system:
        columns = replace(columns, client_system=client_system)
    return check_columns(columns, mapping.name if mapping else table.file)


def _say_columns(table: Table, columns: ColumnMap, language: Language) -> None:
    used = ", ".join(f"{name} = {meaning}" for name, meaning in columns.fields.items())
    plain = all(name.partition(" (")[0] == meaning for name, meaning in columns.fields.items())
    code = "sync-columns-plain" if plain else "sync-columns-used"
    click.echo(words(code, language, form=table.form, used=used))
    ignored = [name for name in columns.ignored if name and not name.startswith("_")]
    if ignored:
        click.echo(words("sync-columns-ignored", language, names=", ".join(ignored)))
    if table.passed_over:
        click.echo(words("sync-sheets-ignored", language, names=", ".join(table.passed_over)))
    click.echo()


def _show_plan(made: Made, language: Language, reader: PlanReader | None) -> None:
    """The totals, and the first clients; all of them from a reader of the plan."""
    click.echo(words("sync-plan-head", language, **made.head))
    for line in totals_lines(made.totals, language):
        click.echo(line)
    if not any(made.totals.values()):
        click.echo(words("sync-no-rows", language))
    click.echo()
    first, count = made.first
    if count:
        from fhir_plugin.sync.plans.rendering import plan_lines  # codes in words: only where there is something to say

        for line in plan_lines(reader.plans() if reader else first, language):
            click.echo(line)
    if reader is None and count > len(first):
        click.echo(words("sync-plan-more", language, count=str(count - len(first))))
    if made.totals["conflict"] or made.totals["question"]:
        click.echo(words("sync-plan-answer", language))
    click.echo()
