"""Calendar arithmetic on partial dates (http://hl7.org/fhirpath/N1/#datetime-arithmetic)."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.values import Moment, Quantity

__all__ = ["shifted"]

_SECONDS = {"week": 604800, "wk": 604800, "day": 86400, "d": 86400, "hour": 3600, "h": 3600,
            "minute": 60, "min": 60, "second": 1, "s": 1}  # fmt: skip
_MONTHS = {"year": 12, "month": 1}


def shifted(moment: Moment, amount: Quantity) -> Moment:
    """A moment moved by a duration; the precision stays what it was.

    Raises:
        FhirPathError: the unit is not a duration, or the year leaves 1–9999.
    """
    unit = amount.unit.rstrip("s") if amount.unit not in ("s", "ms") else amount.unit
    try:
        if unit in _MONTHS:
            return _by_months(moment, int(amount.value) * _MONTHS[unit])
        if unit in ("ms", "millisecond"):
            return _by_seconds(moment, amount.value / 1000)
        return _by_seconds(moment, Decimal(int(amount.value) * _SECONDS[unit]))
    except KeyError as error:
        raise FhirPathError(f"{amount.unit} is not a duration") from error
    except (ValueError, OverflowError) as error:
        raise FhirPathError("the date is out of range") from error


def _by_months(moment: Moment, months: int) -> Moment:
    if moment.kind == "time":
        raise FhirPathError("a time has no months")
    year, month = int(moment.parts[0]), int(moment.parts[1]) if len(moment.parts) > 1 else 1
    place = year * 12 + month - 1 + months
    year, month = divmod(place, 12)
    day = min(int(moment.parts[2]), calendar.monthrange(year, month + 1)[1]) if len(moment.parts) > 2 else 1
    return _moment(moment, (year, month + 1, day, *moment.parts[3:])[: len(moment.parts)])


def _by_seconds(moment: Moment, seconds: Decimal) -> Moment:
    width = len(moment.parts)
    if moment.kind == "time":
        parts = (*moment.parts, 0, 0)[:3]
        total = (Decimal(parts[0]) * 3600 + Decimal(parts[1]) * 60 + Decimal(parts[2]) + seconds) % 86400
        return _moment(moment, (int(total // 3600), int(total % 3600 // 60), total % 60)[:width])
    filled: tuple[int | Decimal, ...] = (*moment.parts, *(1, 1, 1, 0, 0, 0)[width:])
    year, month, day, hour, minute, second = filled
    whole = int(second)
    start = datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC)
    micro = int((Decimal(second) - whole + seconds - int(seconds)) * 1_000_000)
    end = start + timedelta(seconds=whole + int(seconds), microseconds=micro)
    exact = Decimal(end.second) + Decimal(end.microsecond) / 1_000_000
    return _moment(moment, (end.year, end.month, end.day, end.hour, end.minute, exact)[:width])


def _moment(like: Moment, parts: tuple[int | Decimal, ...]) -> Moment:
    return Moment(like.kind, parts, like.offset, _text(like, parts))


def _text(like: Moment, parts: tuple[int | Decimal, ...]) -> str:
    if like.kind == "time":
        return ":".join(f"{int(part):02}" for part in parts)
    date = "-".join(f"{int(part):0{4 if place == 0 else 2}}" for place, part in enumerate(parts[:3]))
    if len(parts) <= 3:
        return date + ("T" if like.kind == "dateTime" else "")
    zone = "" if like.offset is None else "Z" if like.offset == 0 else like.text[-6:]
    clock = [f"{int(part):02}" for part in parts[3:]]
    if len(parts) == 6 and ("." in like.text or Decimal(parts[5]) % 1):
        clock[-1] = f"{Decimal(parts[5]):06.3f}"
    return f"{date}T{':'.join(clock)}{zone}"
