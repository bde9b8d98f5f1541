"""``steunfiguren issuers``: is the settings file right, and does each EHR answer as the app needs?"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

__all__ = ["issuers_command"]


@click.group("issuers")
def issuers_command() -> None:
    """Look after the record systems that may launch the app."""


@issuers_command.command("check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--preflight", is_flag=True, help="Also ask each EHR for its metadata and keys; no patient data.")
def check(file: Path, preflight: bool) -> None:
    """Say what is wrong with a settings FILE, or that nothing is.

    Exit codes: 0 fine, 1 an EHR fails its preflight, 2 the file is wrong.
    """
    from smart_app.launch.keys import SigningKeys
    from smart_app.launch.preflight import preflight as ask
    from smart_app.settings import ClientType
    from smart_app.settings_file import load_settings

    settings = load_settings(file, os.environ)
    keys = SigningKeys.load(settings.signing_keys)
    click.echo(f"{file}: {len(settings.issuers)} record system(s), {len(keys.keys)} signing key(s): fine.")
    failed = False
    for issuer in settings.issuers:
        click.echo(f"{issuer.key} ({issuer.organisation}), {issuer.client_type} client {issuer.client_id}")
        click.echo(f"  register launch URL    {settings.url('/launch')}")
        click.echo(f"  register redirect URI  {settings.redirect_uri(issuer)}")
        if issuer.client_type is ClientType.ASYMMETRIC:
            click.echo(f"  register JWK Set URL   {settings.url('/jwks.json')}")
        if not issuer.frame_ancestors:
            click.echo("  note: no frame_ancestors, so the app opens in a tab of its own and never in a frame")
        for finding in ask(issuer, keys) if preflight else ():
            failed |= not finding.fine
            click.echo(f"  {'ok  ' if finding.fine else 'FAIL'} {finding.text}")
    sys.exit(1 if failed else 0)
