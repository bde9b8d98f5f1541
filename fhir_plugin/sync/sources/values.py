"""Cells to values: Dutch dates, telephone numbers, yes and no, codes. What cannot be read is a ``BadCell``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import phonenumbers

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.identity import Telecom, TelecomUse
from fhir_plugin.sync.sources.vocabulary import meaning_of

__all__ = ["BadCell", "Words", "read_date", "read_email", "read_phone", "split_cell"]

_SEPARATORS = re.compile(r"\s*[;,|/\n+&]\s*|\s+(?:en|and)\s+")
_MONTHS = ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec")
_ENGLISH = {"maa": 3, "mar": 3, "may": 5, "oct": 10}
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ]00:00(?::00)?)?")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/.](\d{4})")
_IN_WORDS = re.compile(r"(?:(\d{1,2})\s+)?([A-Za-z]{3,9})\.?\s+(\d{4})")


class BadCell(Exception):
    """A cell that cannot be read: the code of the text that says why, and its parameters."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = tuple(params.items())


@dataclass(frozen=True, slots=True)
class Words:
    """The codes of a table, with a source's own words."""

    table: str
    own: Mapping[str, str]

    def one(self, text: str) -> str:
        """The code of a cell.

        Raises:
            BadCell: the word is not known.
        """
        code = meaning_of(self.table, text, self.own)
        if code is None:
            raise BadCell("sync-unknown-word", table=self.table)
        return code

    def many(self, text: str) -> tuple[str, ...]:
        """The codes of a cell with one or more words; a phrase that is known as a whole is not taken apart."""
        whole = meaning_of(self.table, text, self.own)
        return (whole,) if whole else tuple(dict.fromkeys(self.one(part) for part in split_cell(text)))


def split_cell(text: str) -> tuple[str, ...]:
    """The parts of a cell that lists several things."""
    return tuple(part for part in _SEPARATORS.split(text) if part)


def read_date(text: str) -> PartialDate:
    """A day, month or year as people in the Netherlands write it (day first), or as ISO 8601 does.

    Raises:
        BadCell: none of these, not a day that exists, or a year of two digits.
    """
    try:
        found = _date_parts(text)
        year, month, day = found
        if not 1900 <= year <= 2100:
            raise BadCell("sync-date-range")
        parsed = PartialDate(year, month, day)
    except ValueError:
        raise BadCell("sync-date") from None
    return parsed


def _date_parts(text: str) -> tuple[int, int | None, int | None]:
    if text.isdigit() and len(text) == 4:
        return int(text), None, None
    if match := _YEAR_FIRST.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3]) if match[3] else None
    if match := _DAY_FIRST.fullmatch(text):
        return int(match[3]), int(match[2]), int(match[1])
    if match := _MONTH_YEAR.fullmatch(text):
        return int(match[2]), int(match[1]), None
    if match := _IN_WORDS.fullmatch(text):
        name = match[2][:3].lower()
        month = _MONTHS.index(name) + 1 if name in _MONTHS else _ENGLISH.get(name)
        if month:
            return int(match[3]), month, int(match[1]) if match[1] else None
    raise ValueError("not a date")


def read_phone(text: str) -> Telecom:
    """A telephone number as E.164; a number without a country is Dutch. Whether it is mobile is seen from its range.

    Raises:
        BadCell: not a number that can exist, or letters, which would be dialled as digits.
    """
    if any(one.isalpha() for one in text):
        raise BadCell("sync-phone")
    try:
        number = phonenumbers.parse(text, "NL")
    except phonenumbers.NumberParseException:
        raise BadCell("sync-phone") from None
    if not phonenumbers.is_valid_number(number):
        raise BadCell("sync-phone")
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Telecom(system="phone", value=value, use=TelecomUse.MOBILE if mobile else TelecomUse.HOME)


def read_email(text: str) -> Telecom:
    """An e-mail address, its domain in lower case.

    Raises:
        BadCell: not one address.
    """
    if not _EMAIL.fullmatch(text):
        raise BadCell("sync-email")
    local, _, domain = text.rpartition("@")
    return Telecom(system="email", value=f"{local}@{domain.lower()}")
