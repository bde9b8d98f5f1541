"""The option that every command has: the language of what it says and of its errors."""

from __future__ import annotations

import click

__all__ = ["language_option"]

language_option = click.option(
    "--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True, help="Language."
)
