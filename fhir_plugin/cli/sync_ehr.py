"""What the sync commands say of an EHR that offers less, and the work list of what people have to enter in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import cast

import click

from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.sync_options import Connection, connection_options, journal_options, language_option
from fhir_plugin.ehr.abilities import Abilities
from fhir_plugin.sync.applying.ways.choosing import ways_of
from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.plans.codec import plan_from
from fhir_plugin.sync.plans.planfile import PlanReader
from fhir_plugin.sync.plans.rendering import plan_lines
from fhir_plugin.sync.plans.totals import client_words
from fhir_plugin.sync.records.own_store import Open
from fhir_plugin.sync.records.reaching import reach, record_bundle, without_bsn_identifiers
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.whole_file import whole_file
from fhir_plugin.texts import Language, words

__all__ = ["export_command", "way_lines", "worklist_command"]

_CHUNK = 100


def way_lines(abilities: Abilities, language: Language) -> Iterator[str]:
    """How `sync` writes to an EHR with these abilities, a line for each choice."""
    for code in ways_of(abilities):
        yield words(f"sync-way-{code}", language)


@click.command("worklist")
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=OutputFile(), help="Write it there as JSON, with the resources.")
@click.option("--done", default="", help="What was written over for this client is seen to: Patient/….")
@journal_options
@language_option
def worklist_command(plan_file: Path, output: Path | None, done: str, storage: Storage, lang: str) -> None:
    """Show what people have to enter in the EHR of PLAN, because it takes no such writes.

    An item goes by itself when a later run sees it in the EHR; what somebody wrote and a run wrote over, because the
    EHR did not look at its version, goes by --done. Exit code 1 while anything waits.
    """
    language = cast(Language, lang)
    reader = PlanReader(plan_file)
    with (
        storage.journal(reader.ehr, reader.source) as held,
        storage.own_store(reader.ehr, held.vault) as store,
    ):
        if done:
            store.see_to(reader.source, done.removeprefix("Patient/"))
        waiting, lost = store.waiting(reader.source), store.lost(reader.source)
    click.echo(words("sync-worklist-head", language, count=str(len(waiting)), ehr=reader.ehr))
    for item in waiting:
        for line in plan_lines([plan_from(item.content["plan"])], language, in_full=True):
            click.echo(line)
        click.echo(f"      {words('sync-worklist-since', language, since=item.since[:10])}")
        if item.content.get("contacts"):
            click.echo(f"      {words('sync-worklist-contact', language)}")
    for line in _lost_lines(lost, language):
        click.echo(line)
    if output is not None:
        _write(output, [*waiting, *lost])
    sys.exit(1 if waiting or lost else 0)


def _lost_lines(lost: list[Open], language: Language) -> Iterator[str]:
    """Which versions were written over, by client; what they say is in the EHR's history and in the JSON."""
    if lost:
        yield words("sync-worklist-lost", language)
    for item in lost:
        yield client_words(item.patient, language)
        for body in item.content["resources"]:
            yield f"  ! {body['resourceType']}/{body['id']}/_history/{body['meta']['versionId']}  ({item.since[:10]})"


def _write(output: Path, waiting: list[Open]) -> None:
    listed = [
        {
            "client": f"Patient/{item.patient}",
            "since": item.since,
            **without_bsn_identifiers(item.content),
        }
        for item in waiting
    ]
    with whole_file(output) as stream:
        stream.write(json.dumps(listed, ensure_ascii=False, indent=2).encode() + b"\n")


@click.command("export")
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=OutputFile(), required=True, help="NDJSON file, a Bundle per client.")
@journal_options
@language_option
@connection_options
def export_command(connection: Connection, plan_file: Path, output: Path, storage: Storage, lang: str) -> None:
    """Write the records of the clients of PLAN as NDJSON: one collection Bundle per client, as they count here.

    Also of those for whom nothing changed, and whom the source of PLAN brought before.
    For an EHR without access, to be read in by its own means; only its owner can read the file.
    """
    reader = PlanReader(plan_file)
    client = connection.client(reader.ehr)
    written = 0
    with (
        storage.journal(reader.ehr, reader.source) as held,
        reach(client, storage, held) as ehr,
        whole_file(output) as stream,
    ):
        patients = dict.fromkeys(plan.patient.removeprefix("Patient/") for plan in reader.plans())
        patients.update(dict.fromkeys(chain.from_iterable(held.remembered())))
        for chunk in in_chunks(patients, _CHUNK):
            for bodies in ehr.population.records(chunk).values():
                stream.write(json.dumps(record_bundle(bodies, reader.ehr), ensure_ascii=False).encode() + b"\n")
                written += 1
    click.echo(words("sync-exported", cast(Language, lang), count=str(written), file=output.name))
