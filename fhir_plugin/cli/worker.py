"""``steunfiguren worker``: take part in runs that were given a database."""

from __future__ import annotations

import click

from fhir_plugin.cli.language import language_option
from fhir_plugin.cli.stopping import stopping
from fhir_plugin.cli.sync_application import client_at_pace
from fhir_plugin.cli.sync_options import Connection, connection_options
from fhir_plugin.sync.journals.opening import open_database
from fhir_plugin.sync.workers.hands import few_collections
from fhir_plugin.sync.workers.queue import open_queue
from fhir_plugin.texts import Language, words

__all__ = ["worker_command"]


@click.command("worker", short_help="One of the workers of a big sync.")
@click.option("--fhir", required=True, help="Base URL of the EHR's FHIR endpoint; jobs for another are left alone.")
@click.option("--database", required=True, envvar="STEUNFIGUREN_SYNC_DATABASE", show_envvar=True, help="postgresql://…")
@click.option("--until-empty", is_flag=True, help="Stop when there is nothing left to do.")
@language_option
@connection_options
def worker_command(connection: Connection, fhir: str, database: str, until_empty: bool, lang: Language) -> None:
    """Do what `sync apply --database` gives out, as one of any number of workers.

    The journal's key must be in STEUNFIGUREN_SYNC_KEY, the same for all. A worker may be killed at any moment.
    """
    client = client_at_pace(connection, database, connection.client(fhir).base_url)
    ehr = client().base_url
    with (
        few_collections(),
        open_database(database, ehr, "") as held,
        open_queue(database, ehr, held, client) as queue,
    ):
        with stopping(queue.stop):
            queue.work(until=lambda: until_empty)
        click.echo(words("worker-done", lang, count=str(queue.done)), err=True)
