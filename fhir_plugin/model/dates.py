"""Partial dates and the Dutch calendar day.

A FHIR ``date`` may be a year, a month or a day (https://hl7.org/fhir/R4/datatypes.html#date). Inside the product
there is one type for all three; strings and ``datetime.date`` stay at the edge.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["AMSTERDAM", "PartialDate", "Period", "age_on", "birthday", "day_after", "local_day", "midnight"]

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_PATTERN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True, order=False)
class PartialDate:
    """A year, a month of a year, or a day.

    Attributes:
        year: 1–9999.
        month: 1–12, or None when only the year is known.
        day: 1–31 within the month, or None when only the month is known.

    Raises:
        ValueError: the parts are out of range, or a day is given without a month.
    """

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if self.month is None and self.day is not None:
            raise ValueError("a day needs a month")
        date(self.year, self.month or 1, self.day or 1)

    @classmethod
    def parse(cls, text: str) -> PartialDate:
        """Read ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``.

        Raises:
            ValueError: the text is none of these, or not a day that exists.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError("not a FHIR date")
        year, month, day = match.groups()
        return cls(int(year), int(month) if month else None, int(day) if day else None)

    @classmethod
    def of(cls, day: date) -> PartialDate:
        """The partial date of a full day."""
        return cls(day.year, day.month, day.day)

    def __str__(self) -> str:
        parts = [f"{self.year:04}"]
        if self.month is not None:
            parts.append(f"{self.month:02}")
        if self.day is not None:
            parts.append(f"{self.day:02}")
        return "-".join(parts)

    @property
    def is_full(self) -> bool:
        """Whether the day is known."""
        return self.day is not None

    def first_day(self) -> date:
        """The first day it can mean."""
        return date(self.year, self.month or 1, self.day or 1)

    def last_day(self) -> date:
        """The last day it can mean: ``2026-06`` runs to 30 June."""
        month = self.month or 12
        return date(self.year, month, self.day or calendar.monthrange(self.year, month)[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Since when and until when, both inclusive, either unknown (None: open)."""

    start: PartialDate | None = None
    end: PartialDate | None = None

    def covers(self, day: date) -> bool:
        """Whether the day lies within, read generously: from the first possible to the last possible day."""
        if self.start is not None and day < self.start.first_day():
            return False
        return self.end is None or day <= self.end.last_day()

    @property
    def is_empty(self) -> bool:
        """Whether neither end is known."""
        return self.start is None and self.end is None


def local_day(instant: datetime) -> date:
    """The calendar day in the Netherlands at an instant.

    Raises:
        ValueError: the instant carries no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(AMSTERDAM).date()


def birthday(born: date, years: int) -> date:
    """The day someone turns ``years``; 29 February counts as 1 March in common years (Burgerlijk Wetboek practice)."""
    year = born.year + years
    if born.month == 2 and born.day == 29 and not calendar.isleap(year):
        return date(year, 3, 1)
    return date(year, born.month, born.day)


def age_on(born: date, day: date) -> int:
    """Whole years of age on a day; birthdays fall at midnight. Negative before birth."""
    years = day.year - born.year
    return years if birthday(born, years) <= day else years - 1


def midnight(day: date) -> datetime:
    """The instant at which a Dutch calendar day begins."""
    return datetime.combine(day, time.min, tzinfo=AMSTERDAM)


def day_after(day: date) -> date:
    """The next calendar day."""
    return day + timedelta(days=1)
