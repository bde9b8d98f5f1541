"""How wide a text will be, so that a drawing made on the server never lets words run into each other.

Widths are those of the app's own typeface (Atkinson Hyperlegible Next, semibold) in hundredths of an em, widened a
little because a record system may bring a typeface of its own.
"""

from __future__ import annotations

import unicodedata

__all__ = ["text_width", "wrapped"]

_WIDTHS = {
    30: "ijl'.,:;|!·`´ ",
    38: 'frt()[]{}I"-*/\\',
    52: "1cszyvx?7",
    61: "aeghnukdbopqFEJLTS23459$+",
    68: "BCKPRVXYZA068=",
    77: "DGHNUOQw#&",
    92: "mMW%@",
}
_BY_CHARACTER = {character: width for width, characters in _WIDTHS.items() for character in characters}
_UNKNOWN = 92
_SAFETY = 1.08
_ELLIPSIS = "…"


def text_width(text: str, size: float) -> float:
    """Upper estimate of the width of a text, in the unit of ``size`` (the font size).

    Scripts this typeface lacks are counted as one wide character each, full-width ones as a whole em.
    """
    total = 0
    for character in unicodedata.normalize("NFC", text):
        base = unicodedata.normalize("NFD", character)[0]
        if unicodedata.combining(character):
            continue
        wide = unicodedata.east_asian_width(character) in "WF"
        total += 105 if wide else _BY_CHARACTER.get(base, _UNKNOWN)
    return total / 100 * size * _SAFETY


def wrapped(text: str, size: float, width: float, lines: int) -> tuple[str, ...]:
    """The text in at most ``lines`` lines that each fit the width; what does not fit ends in an ellipsis."""
    rows: list[str] = []
    rest = " ".join(text.split())
    while rest and len(rows) < lines:
        last = len(rows) == lines - 1
        row, rest = _row(rest, size, width, last=last)
        rows.append(row)
    return tuple(rows)


def _row(text: str, size: float, width: float, *, last: bool) -> tuple[str, str]:
    if text_width(text, size) <= width:
        return text, ""
    if last:
        return _cut(text, size, width - text_width(_ELLIPSIS, size)).rstrip(" ,-·") + _ELLIPSIS, ""
    best = 0
    for place, character in enumerate(text):
        if character in " -" and text_width(text[: place + 1].rstrip(), size) <= width:
            best = place + 1
    if best == 0:
        best = max(1, len(_cut(text, size, width)))
    return text[:best].rstrip(), text[best:].lstrip()


def _cut(text: str, size: float, width: float) -> str:
    end = len(text)
    while end > 0 and text_width(text[:end], size) > width:
        end -= 1
    return text[:end]
