"""``steunfiguren sync review``: answer what a plan asks, on a page on this machine."""

from __future__ import annotations

import secrets
import threading
import webbrowser
from pathlib import Path
from typing import cast

import click

from fhir_plugin.cli.sync_options import language_option
from fhir_plugin.texts import Language, words

__all__ = ["review"]


@click.command("review")
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; a free one if not given.")
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser (default).")
@language_option
def review(plan_file: Path, port: int, browser: bool, lang: str) -> None:
    """Answer the questions and conflicts of PLAN on a page; the answers go into the file."""
    from fhir_plugin.cli.serve import has_screen
    from smart_app.review.app import create_review_app  # the web part is loaded only when it is served
    from smart_app.sandbox.serving import listening

    token = secrets.token_urlsafe(32)
    with listening(create_review_app(plan_file, token), port=port) as bound:
        url = f"http://127.0.0.1:{bound}/open/{token}?lang={lang}"
        click.echo(words("sync-review", cast(Language, lang), url=url))
        if browser and has_screen():
            webbrowser.open(url)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo()
