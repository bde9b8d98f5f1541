"""``steunfiguren issuers``: is the settings file right, and does each EHR answer as the app needs?"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from fhir_plugin.cli.language import language_option
from fhir_plugin.texts import Language, words

__all__ = ["issuers_command"]


@click.group("issuers")
def issuers_command() -> None:
    """Look after the record systems that may launch the app."""


@issuers_command.command("check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--preflight", is_flag=True, help="Also ask each EHR for its metadata and keys; no patient data.")
@language_option
def check(file: Path, preflight: bool, lang: Language) -> None:
    """Say what is wrong with a settings FILE, or that nothing is.

    Exit codes: 0 fine, 1 an EHR fails its preflight, 2 the file is wrong.
    """
    from smart_app.launch.keys import SigningKeys
    from smart_app.launch.preflight import preflight as ask
    from smart_app.settings import ClientType
    from smart_app.settings_file import load_settings

    settings = load_settings(file, os.environ)
    keys = SigningKeys.load(settings.signing_keys)
    count, known = str(len(settings.issuers)), str(len(keys.keys))
    click.echo(words("issuers-fine", lang, file=str(file), count=count, keys=known))
    failed = False
    for issuer in settings.issuers:
        client = {"key": issuer.key, "organisation": issuer.organisation, "client": issuer.client_id}
        urls = {"launch": settings.url("/launch"), "redirect": settings.redirect_uri(issuer)}
        click.echo(words("issuers-client", lang, kind=issuer.client_type, **client, **urls))
        if issuer.client_type is ClientType.ASYMMETRIC:
            click.echo(words("issuers-jwks", lang, jwks=settings.url("/jwks.json")))
        if not issuer.frame_ancestors:
            click.echo(words("issuers-no-frame", lang))
        for finding in ask(issuer, keys) if preflight else ():
            failed |= not finding.fine
            click.echo(f"  {'ok  ' if finding.fine else 'FAIL'} {finding.text}")
    sys.exit(1 if failed else 0)
