"""Recognising a citizen service number (BSN), so that it can be kept out (rule L8) without ever being repeated.

Nine digits that pass the 11-test (Wet algemene bepalingen burgerservicenummer; logical design BSN, weights 9…2 and -1),
however they are written: in digits of any script, full-width, with spaces, dots, dashes, slashes or underscores between
them, or with characters that nobody sees. Telephone numbers have ten digits from a zero, or a plus.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["REMOVED", "holds_bsn", "is_bsn", "may_hold_bsn", "said_to_hold_bsn", "without_bsn"]

REMOVED = "[number]"
"""What stands where a BSN was taken out."""
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_SIGN = r"[\s.\-/_\u2010-\u2015\u2212]"
_GAP = rf"{_SIGN}{{0,3}}"
_NINE = re.compile(rf"(?<!\d)(?=(\d(?:{_GAP}\d){{8}})(?!\d))")
_TELEPHONE = re.compile(
    rf"(?:\+|(?<!\d)00){_GAP}\d(?:{_GAP}(?:\(0\){_GAP})?\d){{9,14}}(?!\d)"
    rf"|(?<!\d)(?<!\d{_SIGN})(?<!\d{_SIGN}{{2}})(?<!\d{_SIGN}{{3}})(?:0|\(0\))(?:{_GAP}\d){{9}}(?!\d)"
)
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_MOMENT = re.compile(
    rf"(?<!\d)(?<!\d{_SIGN})(?:{_DAY}[-/.]{_MONTH}[-/.]{_YEAR}|{_YEAR}[-/.]{_MONTH}[-/.]{_DAY})(?!\d)"
    r"|(?<!\d)(?:[01]?\d|2[0-3])(?:[:.][0-5]\d|\s?(?=uur\b|u\b))(?!\d)"
)
"""A day or a time of day as people write it in a note."""
_SAID = re.compile(r"\bbsn|burgerservice|\bsofi[\s-]?n", re.IGNORECASE)
_SHORT = re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{6,7}}(?!\d)")
_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Me"})


def is_bsn(digits: str) -> bool:
    """Whether these are nine ASCII digits, and nothing else, that pass the 11-test."""
    if len(digits) != 9 or not (digits.isascii() and digits.isdecimal()):
        return False
    numbers = [int(digit) for digit in digits]
    return any(numbers) and sum(map(int.__mul__, _WEIGHTS, numbers)) % 11 == 0


def holds_bsn(text: str) -> bool:
    """Whether a text holds something that may be a BSN."""
    return bool(_spans(_plain(text)))


def may_hold_bsn(text: str) -> bool:
    """Whether a note holds something that may be a BSN: as :func:`holds_bsn`, but days and times are read as such.

    For free text that somebody is asked about. Not for what must keep a BSN out by itself, such as a log: a number can
    be written as if part of it were a day.
    """
    return holds_bsn(text) and holds_bsn(_MOMENT.sub(lambda found: "x" * len(found.group()), _plain(text)))


def said_to_hold_bsn(text: str, about: str = "") -> bool:
    """Whether a text that is said to hold a BSN holds one without its leading zeros: a spreadsheet takes those.

    Of all numbers of eight digits one in eleven passes the test, so that only what somebody calls a BSN is looked at.

    Args:
        text: what is looked at.
        about: what stands over it, such as the header of its column; the text itself may say so too.
    """
    if _SAID.search(about) is None and _SAID.search(text) is None:
        return False
    numbers = _SHORT.findall(_MOMENT.sub(lambda found: "x" * len(found.group()), _plain(text)))
    return any(is_bsn(re.sub(_SIGN, "", number).zfill(9)) for number in numbers)


def without_bsn(text: str) -> str:
    """The text with ``REMOVED`` for everything that may be a BSN; a text that holds none comes back as it was."""
    plain = _plain(text)
    parts, end = [], 0
    for start, stop in _spans(plain):
        if start >= end:
            parts += [plain[end:start], REMOVED]
        end = max(end, stop)
    return "".join((*parts, plain[end:])) if parts else text


def _plain(text: str) -> str:
    """The text as a reader sees its digits: compatibility forms folded, characters without a shape left out."""
    if text.isascii() and text.isprintable():
        return text
    folded = unicodedata.normalize("NFKC", text)
    seen = (one for one in folded if one.isspace() or unicodedata.category(one) not in _UNSEEN)
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in seen)


def _spans(plain: str) -> list[tuple[int, int]]:
    """Where a BSN may stand, in order; two of them can overlap where groups of digits follow each other."""
    if _NINE.search(plain) is None:
        return []
    masked = _TELEPHONE.sub(lambda found: "+" * len(found.group()), plain)
    return [found.span(1) for found in _NINE.finditer(masked) if is_bsn(re.sub(_SIGN, "", found.group(1)))]
