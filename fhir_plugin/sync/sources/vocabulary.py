"""The words of lists, Dutch and English, and what they mean: headers to fields, cells to codes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fhir_plugin.model.names import folded
from fhir_plugin.texts import Language

__all__ = [
    "ALSO",
    "FIELDS",
    "YES_NO",
    "display_of",
    "field_of",
    "headers_of",
    "meaning_of",
    "own_codes",
    "plain",
    "tables",
    "words_for",
    "words_of",
]

YES_NO = frozenset({"bond_of_trust", "agreed", "vog_seen"})
"""Fields whose cells say yes or no."""

ALSO = {"relation": "role"}
"""Table → the one whose words it may hold too: lists write a neighbour or a friend in the column of relatives."""

_NOISE = re.compile(r"[^a-z0-9?]+")
_PARENTHESIS = re.compile(r"\([^)]*\)")


def plain(text: str) -> str:
    """A word as it is compared: no case, accents, spaces or punctuation."""
    return _NOISE.sub("", folded(text))


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    found = tomllib.loads((files(__package__) / "vocabulary.toml").read_text(encoding="utf-8"))
    return {"headers": found["headers"], **found["values"]}


@cache
def _index(table: str) -> dict[str, str]:
    return {plain(word): code for code, words in _tables()[table].items() for word in (code, *words)}


FIELDS: tuple[str, ...] = tuple(_tables()["headers"])
"""Everything a column can mean."""


def field_of(header: str) -> str | None:
    """The field a header most likely means, or None."""
    index = _index("headers")
    return index.get(plain(header)) or index.get(plain(_PARENTHESIS.sub("", header)))


def headers_of(name: str) -> tuple[str, ...]:
    """The headers that mean a field."""
    return tuple(_tables()["headers"][name])


def tables() -> tuple[str, ...]:
    """The tables of words that cells may have."""
    return tuple(table for table in _tables() if table != "headers")


def words_for(table: str) -> Mapping[str, tuple[str, ...]]:
    """Code → the words that mean it."""
    return {code: tuple(words) for code, words in _tables()[table].items()}


def own_codes(table: str) -> tuple[str, ...]:
    """The codes a source's own word in this table may mean; none where there is no such table.

    A field of yes or no has a table of its own beside the one they share, and relatives may be roles as well.
    """
    if table == "headers":
        return ()
    shared = "yes_no" if table in YES_NO else table
    return tuple(code for name in (shared, ALSO.get(shared, "")) for code in _tables().get(name, {}))


def words_of(table: str, language: Language) -> tuple[str, ...]:
    """One word for each code of a table, for saying what would have been understood.

    In each list the first word is Dutch; English is the code itself, and for code lists of others the last word.
    """
    foreign = table in ("relation", "role")
    words = _tables()[table].items()
    return tuple(listed[0] if language == "nl" else listed[-1] if foreign else code for code, listed in words)


def display_of(code: str, language: Language) -> str:
    """The word for a relation or role: the first one listed in Dutch, the last in English; the code where none is."""
    for table, key in (("relation", code), ("role", f"V{code}"), ("role", f"N{code}")):
        if key in _tables()[table]:
            return _tables()[table][key][0 if language == "nl" else -1]
    return code


def meaning_of(table: str, word: str, own: Mapping[str, str]) -> str | None:
    """The code a cell means: by the source's own words first, then by ours; None if by neither."""
    wanted = plain(word)
    mine = {plain(key): code for key, code in own.items()}
    also = _index(ALSO[table]).get(wanted) if table in ALSO else None
    return mine.get(wanted) or _index(table).get(wanted) or also
