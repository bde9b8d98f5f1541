"""``steunfiguren sync poll|subscribe|listen``: what others changed in the EHR, brought back."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import click

from fhir_plugin.cli.error_text import tell_error
from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.stopping import stopping
from fhir_plugin.cli.sync_options import Connection, connection_options, language_option
from fhir_plugin.ehr import FhirClient
from fhir_plugin.errors import EhrError, UsageError
from fhir_plugin.sync.inbound.changes import ChangeKind, InboundChange
from fhir_plugin.sync.inbound.listening import Follower
from fhir_plugin.sync.inbound.polling import Poller, PollResult
from fhir_plugin.sync.inbound.store import InboundStore, open_inbound_store
from fhir_plugin.sync.inbound.subscriptions import WATCHED, SubscriptionKind, Wish, subscription_body
from fhir_plugin.sync.plans.rendering import element_words
from fhir_plugin.sync.plans.totals import client_words
from fhir_plugin.sync.plans.wording import value_words
from fhir_plugin.texts import Language, words

__all__ = ["listen", "poll", "subscribe"]

_SCOPE = "system/RelatedPerson.rs system/CareTeam.rs system/Consent.rs"
_SIGNS = {
    ChangeKind.ADDED: "+",
    ChangeKind.EDITED: "~",
    ChangeKind.GONE: "×",
    ChangeKind.CONSENT: "✎",
    ChangeKind.SHARING: "!",
}
_fhir = click.option("--fhir", required=True, help="Base URL of the EHR's FHIR endpoint.")
_store = click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path),
    default=Path("var/inbound.sqlite"),
    show_default=True,
    help="What the EHR held as last seen; keep it, with its key.",
)
_output = click.option("-o", "--output", type=OutputFile(), help="Add the changes to this NDJSON file (personal data).")


@click.command("poll")
@_fhir
@_store
@_output
@click.option("--full", is_flag=True, help="Read everything, and find what was deleted.")
@language_option
@connection_options
def poll(connection: Connection, fhir: str, store_path: Path, output: Path | None, full: bool, lang: str) -> None:
    """Ask the EHR what changed since the last time, and show it. The first time everything is read."""
    with open_inbound_store(store_path) as store:
        result = Poller(client=connection.client(fhir), store=store).poll(full=full)
    _tell(result, output, cast(Language, lang))
    sys.exit(0 if result.settled else 1)


@click.command("subscribe")
@_fhir
@_store
@click.option("--endpoint", required=True, help="Where `sync listen` is reached from the EHR: https://…/hooks.")
@click.option("--topic", default="", help="Canonical of a SubscriptionTopic; without it R4 rest-hooks are asked.")
@language_option
@connection_options
def subscribe(connection: Connection, fhir: str, store_path: Path, endpoint: str, topic: str, lang: str) -> None:
    """Ask the EHR to notify us of changes. Notifications are hints: polling goes on without them too."""
    _check_endpoint(endpoint)
    client = connection.client(fhir)
    kind = SubscriptionKind.TOPIC if topic else SubscriptionKind.REST_HOOK
    with open_inbound_store(store_path) as store:
        for resource_type in [""] if topic else WATCHED:
            remote = _subscribe(client, store, kind, endpoint, resource_type, topic)
            click.echo(words("sync-subscribed", cast(Language, lang), remote=remote, what=resource_type or topic))


@click.command("listen")
@_fhir
@_store
@_output
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8402, show_default=True, help="Port to listen on.")
@click.option("--interval", type=click.FloatRange(1), default=300.0, show_default=True, help="Seconds between polls.")
@language_option
@connection_options
def listen(
    connection: Connection,
    fhir: str,
    store_path: Path,
    output: Path | None,
    host: str,
    port: int,
    interval: float,
    lang: str,
) -> None:
    """Poll on time, and at once when the EHR notifies; behind a reverse proxy that speaks https."""
    from smart_app.api.hooks import create_hooks  # the web part is loaded only when it is served
    from smart_app.sandbox.serving import listening

    language = cast(Language, lang)
    with open_inbound_store(store_path) as store:
        poller = Poller(client=connection.client(fhir), store=store)
        follower = Follower(poller=poller, interval=interval, told=lambda outcome: _told(outcome, output, language))
        with listening(create_hooks(store, follower.hint), port=port, host=host) as bound:
            click.echo(words("sync-listening", language, url=f"http://{host}:{bound}/hooks", seconds=f"{interval:.0f}"))
            with stopping(follower.stop):
                follower.run()


def _subscribe(
    client: FhirClient, store: InboundStore, kind: SubscriptionKind, endpoint: str, resource_type: str, topic: str
) -> str:
    """Create one Subscription; its address is closed again when the EHR does not take it."""
    hook, secret = store.new_hook(client.base_url)
    address = f"{endpoint.rstrip('/')}/{hook.name}"
    wish = Wish(kind=kind, endpoint=address, secret=secret, resource_type=resource_type, topic=topic)
    try:
        written = client.create(subscription_body(wish))
    except EhrError:
        store.drop_hook(hook.name)
        raise
    store.update_hook(hook.name, remote=f"Subscription/{written.id}")
    return f"Subscription/{written.id}"


def _check_endpoint(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise UsageError(
            "The endpoint must be an https address.", where="--endpoint", remedy="Put a reverse proxy before `listen`."
        )


def _told(outcome: PollResult | EhrError, output: Path | None, language: Language) -> None:
    if isinstance(outcome, EhrError):
        tell_error(outcome, language)
    elif outcome.first or outcome.changed:
        _tell(outcome, output, language)


def _tell(result: PollResult, output: Path | None, language: Language) -> None:
    code = "sync-poll-first" if result.first else "sync-poll"
    click.echo(words(code, language, read=str(result.read), changed=str(result.changed)))
    for patient, changes in groupby(result.changes, key=lambda change: change.patient):
        click.echo(client_words(patient, language))
        for change in changes:
            click.echo(f"  {_SIGNS[change.kind]} {_line(change, language)}")
    if not result.settled:
        click.echo(words("sync-poll-unsettled", language))
    if output is not None and result.changes:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(asdict(change), ensure_ascii=False) + "\n" for change in result.changes)


def _line(change: InboundChange, language: Language) -> str:
    who = f"{change.label}  [{change.resource}]" if change.label else change.resource
    if not change.element:
        return who
    before, after = (value_words(change.element, value or "—", language) for value in (change.before, change.after))
    return f"{who}  {element_words(change.element, language)}: {before} → {after}"
