"""System values that Python has no type for: partial dates and times, and quantities.

Comparison follows http://hl7.org/fhirpath/N1/#comparison: two moments are compared component by component, and where
one of them stops being precise before they differ, the answer is unknown (``None``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from fhir_plugin.validation.ucum import measure

__all__ = ["Moment", "Quantity", "compare_moments", "compare_quantities"]

_DATE_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?(Z|[+-]\d\d:\d\d)?"
)
_TIME = re.compile(r"T?(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, dateTime or time of any precision.

    Attributes:
        kind: ``date``, ``dateTime`` or ``time``.
        parts: components from the largest (year or hour) down; seconds are one Decimal that includes the fraction.
        offset: minutes east of UTC, or None where the text has no zone.
        text: the value as written.
    """

    kind: str
    parts: tuple[int | Decimal, ...]
    offset: int | None
    text: str

    @classmethod
    def literal(cls, text: str) -> Moment | None:
        """A literal without its ``@``: ``2015``, ``2015-02-04T14:34``, ``T14:30``."""
        return cls.time(text[1:]) if text.startswith("T") else cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> Moment | None:
        """A date or dateTime as FHIR writes it, or None where the text is not one."""
        match = _DATE_TIME.fullmatch(text)
        if match is None:
            return None
        year, month, day, time, hour, minute, second, fraction, zone = match.groups()
        parts = [int(part) for part in (year, month, day) if part]
        if not _in_calendar(parts):
            return None
        clock = _clock(hour, minute, second, fraction)
        if clock is None:
            return None
        return cls("dateTime" if time else "date", (*parts, *clock), _offset(zone), text)

    @classmethod
    def time(cls, text: str) -> Moment | None:
        """A time of day, or None where the text is not one."""
        match = _TIME.fullmatch(text)
        clock = _clock(*match.groups()) if match else None
        return cls("time", clock, None, text) if clock else None

    def in_utc(self) -> Moment:
        """The same moment in UTC; unchanged where it has no zone or no minutes."""
        if self.offset is None or len(self.parts) < 5:
            return self
        year, month, day, hour, minute, *rest = self.parts
        zone = timezone(timedelta(minutes=self.offset))
        try:
            local = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            return self
        return Moment(self.kind, (local.year, local.month, local.day, local.hour, local.minute, *rest), 0, self.text)


def _in_calendar(parts: list[int]) -> bool:
    year, month, day = (*parts, 1, 1)[:3] if len(parts) < 3 else parts
    try:
        datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return False
    return True


def _clock(
    hour: str | None, minute: str | None, second: str | None, fraction: str | None
) -> tuple[int | Decimal, ...] | None:
    if hour is None:
        return ()
    parts: list[int | Decimal] = [int(hour)]
    if minute is not None:
        parts.append(int(minute))
    if second is not None:
        parts.append(Decimal(f"{second}.{fraction or 0}"))
    if parts[0] > 24 or any(part >= 61 for part in parts[1:]):
        return None
    return tuple(parts)


def _offset(zone: str | None) -> int | None:
    if zone is None:
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def compare_moments(left: Moment, right: Moment) -> int | None:
    """-1, 0 or 1, or None where precision or a missing zone leaves it open."""
    if (left.kind == "time") != (right.kind == "time"):
        return None
    both_clocked = len(left.parts) > 3 and len(right.parts) > 3 and left.kind != "time"
    if both_clocked and (left.offset is None) != (right.offset is None):
        return _zone_uncertain(left, right)
    if both_clocked and left.offset != right.offset:
        left, right = left.in_utc(), right.in_utc()
    for one, other in zip(left.parts, right.parts, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(left.parts) == len(right.parts) else None


def _zone_uncertain(left: Moment, right: Moment) -> int | None:
    """Moments of which one has no zone are ordered only when more than a day apart."""
    one, other = left.parts[:3], right.parts[:3]
    gap = _day(one) - _day(other)
    if abs(gap) <= timedelta(days=1):
        return None
    return -1 if gap < timedelta(0) else 1


def _day(parts: tuple[int | Decimal, ...]) -> datetime:
    year, month, day = map(int, parts)
    return datetime(year, month, day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a UCUM unit or a calendar word (``4 days``)."""

    value: Decimal
    unit: str

    def canonical(self) -> tuple[Decimal, object]:
        """Value in base units, and what identifies those; calendar words of months and years stay what they are."""
        unit = _WORDS.get(self.unit, self.unit)
        if unit in _CALENDAR:
            return self.value * _CALENDAR[unit], "month"
        found = measure(unit)
        return (self.value * found.factor, found.dimensions) if found is not None else (self.value, unit)


_CODES = {"week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms"}
_WORDS = {
    **_CODES,
    **{f"{word}s": code for word, code in _CODES.items()},
    "years": "year",
    "months": "month",
}
_CALENDAR = {"month": 1, "year": 12}


def compare_quantities(left: Quantity, right: Quantity) -> int | None:
    """-1, 0 or 1, or None where the units cannot be brought together."""
    if left.unit == right.unit:
        one, other = left.value, right.value
    else:
        (one, unit), (other, other_unit) = left.canonical(), right.canonical()
        if unit != other_unit:
            return None
    return (one > other) - (one < other)
