"""What a list may hold, as a page for people: every field, its headers, and the words its cells may have.

``python -m fhir_plugin.sync.sources.list_fields > docs/sync-lists.md`` writes it; a test keeps the page so.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhir_plugin.sync.sources.rows import cell_kind
from fhir_plugin.sync.sources.vocabulary import FIELDS, headers_of, tables, words_for

__all__ = ["fields_page"]

_INTRO = """# What a list for `sync` may hold

Made by `python -m fhir_plugin.sync.sources.list_fields`. Case, accents, spaces and punctuation in headers and words
do not count. Exactly one column names the client; one of `text`, `given`, `own_name`, `call_name` or `own_label`
names the figure. Everything else may be left out. A header that is not here gets its field in the mapping file
(`sync init`), a word that is not here its code (`[values.<table>]`).

Dates: `31-12-2026`, `31 december 2026`, `2026-12-31`, a month (`12-2026`) or a year. Telephone numbers without a
country are Dutch. Several words in a cell are separated by a comma, a semicolon, `/`, `+` or `en`. A column of
relations may hold words of `role` too (a neighbour, a friend).
"""
_KINDS = {"text": "text", "date": "date", "phone": "telephone number", "email": "e-mail address", "bsn": "BSN"}


def fields_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_INTRO, *_fields(), "", "## Words by table", *_words()]) + "\n"


def _fields() -> Iterator[str]:
    yield "| field | a cell holds | headers that mean it |"
    yield "|---|---|---|"
    for name in FIELDS:
        kind = cell_kind(name)
        holds = _KINDS.get(kind) or f"words of [`{kind}`](#{kind})"
        yield f"| `{name}` | {holds} | {', '.join(headers_of(name))} |"


def _words() -> Iterator[str]:
    for table in tables():
        yield f"\n### {table}\n"
        yield "| code | words |"
        yield "|---|---|"
        for code, words in words_for(table).items():
            yield f"| `{code}` | {', '.join(words)} |"


if __name__ == "__main__":
    print(fields_page(), end="")  # noqa: T201  the page is the output
