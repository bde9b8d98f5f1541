"""An error on stderr in the language the command speaks."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise

import click

from fhir_plugin.errors import SteunfigurenError
from fhir_plugin.texts import Language, Sentence

__all__ = ["error_lines", "language_of", "tell_error"]


def language_of(arguments: Sequence[str]) -> Language:
    """What ``--lang`` says on a command line (without the program), or Dutch, the default of every command."""
    pairs = pairwise([*arguments, ""])
    asked = [word.partition("=")[2] or following for word, following in pairs if word.partition("=")[0] == "--lang"]
    return "en" if asked[-1:] == ["en"] else "nl"


def tell_error(error: SteunfigurenError, language: Language) -> None:
    """Say it on stderr."""
    first, *rest = error_lines(error, language)
    click.echo("\n".join([f"steunfiguren: {first}", *rest]), err=True)


def error_lines(error: SteunfigurenError, language: Language) -> list[str]:
    """The error as lines: in Dutch the sentence of its code, and below it what only its own message tells."""
    said = dutch().get(error.code) if language == "nl" else None
    if said is None:
        return [str(error)]
    place = f"{error.where}: " if error.where else ""
    return [f"{place}{said.text} {said.remedy}", f"  ({error.code}: {error.message} {error.remedy}".rstrip() + ")"]


@cache
def dutch() -> dict[str, Sentence]:
    """The Dutch sentences by code of the error."""
    held = tomllib.loads(files(__package__).joinpath("errors_nl.toml").read_text(encoding="utf-8"))
    return {code: Sentence(text=body["text"], remedy=body["remedy"]) for code, body in held.items()}
