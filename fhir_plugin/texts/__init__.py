"""The sentences behind codes, in plain Dutch and English.

Each language is a folder of TOML files; each file is one table per code with ``text`` and, where something can be done,
``remedy``; ``one`` is the text for a ``count`` of one. ``{name}`` in a sentence is a parameter. Both
languages hold the same codes with the same parameters; a test keeps it so.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from fhir_plugin.model.issues import Issue

__all__ = ["LANGUAGES", "Language", "Sentence", "render", "sentence", "words"]

Language = Literal["nl", "en"]
LANGUAGES: tuple[Language, ...] = ("nl", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What is wrong (``text``) and what would mend it (``remedy``, possibly empty).

    Attributes:
        one: the text where the parameter ``count`` is 1; empty where that is the same.
    """

    text: str
    remedy: str = ""
    one: str = ""


def catalogue(language: Language) -> dict[str, Sentence]:
    """All sentences of a language, by code."""
    return {code: found for name in _written(language) for code, found in _table(language, name).items()}


@cache
def _written(language: Language) -> dict[str, str]:
    """The files of a language as they stand."""
    found = sorted((files(__package__) / language).iterdir(), key=lambda item: item.name)
    return {entry.name: entry.read_text(encoding="utf-8") for entry in found if entry.name.endswith(".toml")}


@cache
def _table(language: Language, name: str) -> dict[str, Sentence]:
    """The sentences of a file."""
    return {
        code: Sentence(text=body["text"], remedy=body.get("remedy", ""), one=body.get("one", ""))
        for code, body in tomllib.loads(_written(language)[name]).items()
    }


@lru_cache(maxsize=2000)
def _template(code: str, language: Language) -> Sentence | None:
    """The sentence of a code; only files that hold the code are parsed: most commands say little."""
    tables = (_table(language, name) for name, written in _written(language).items() if code in written)
    return next((table[code] for table in tables if code in table), None)


def sentence(code: str, language: Language, params: tuple[tuple[str, str], ...] = ()) -> Sentence | None:
    """The sentence of a code with its parameters filled in, or None when the code has no sentence."""
    template = _template(code, language)
    if template is None:
        return None
    values = _Values(params)
    text = template.one if template.one and values.get("count") == "1" else template.text
    return Sentence(text=text.format_map(values), remedy=template.remedy.format_map(values))


def words(code: str, language: Language, **params: str) -> str:
    """The text of a code with its parameters filled in, or the code itself where it has no sentence."""
    found = sentence(code, language, tuple(params.items()))
    return found.text if found else code


def render(issue: Issue, language: Language) -> Sentence:
    """The sentence of an issue; an issue may bring its own ``text`` parameter (the rule's own words) as a fallback."""
    found = sentence(issue.code, language, issue.params)
    return found or Sentence(text=issue.param("text") or issue.code)


class _Values(dict[str, str]):
    """Parameters by name; one that the issue lacks stays visible instead of raising."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
