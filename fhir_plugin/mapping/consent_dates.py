"""FHIR dates and Periods ↔ aware instants, widened to what they can mean in the Netherlands.

A Period is inclusive at the precision it is written in (https://hl7.org/fhir/R4/datatypes.html#Period): ``2026-06``
runs to the end of June, a day to its last moment local time, a second to its last microsecond. In the model an end is
exclusive, so that widening happens once, here.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from fhir_plugin.mapping.json import Json
from fhir_plugin.model.consent import Interval
from fhir_plugin.model.dates import AMSTERDAM, PartialDate, day_after, midnight

__all__ = ["end_to_fhir", "instant_to_fhir", "read_interval", "read_span", "write_interval"]

_DATE_TIME = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})T(?P<clock>\d{2}:\d{2}):(?P<second>\d{2})(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>Z|[+-]\d{2}:\d{2})",
    re.ASCII,
)
_FOREVER = "9999-12-31"
"""The last day of the calendar stands for no end, whatever the hour."""
_MICROSECOND = timedelta(microseconds=1)


def read_span(value: object) -> tuple[datetime, datetime | None] | None:
    """The first instant a FHIR date or dateTime can mean, and the first after it (None: beyond the calendar).

    Returns:
        None for anything that is not a FHIR date, or a dateTime without time zone.
    """
    if not isinstance(value, str):
        return None
    try:
        match = _DATE_TIME.fullmatch(value)
        if match is None or match["day"] == _FOREVER:
            return _days(PartialDate.parse(match["day"] if match else value))
        return _instant(match)
    except (ValueError, OverflowError):
        return None


def read_interval(value: Json) -> Interval | None:
    """A Period as an interval; None when an end of it cannot be read."""
    spans = [read_span(value[key]) if key in value else (None, None) for key in ("start", "end")]
    if spans[0] is None or spans[1] is None:
        return None
    return Interval(start=spans[0][0], end=spans[1][1])


def write_interval(held: Json, interval: Interval) -> Json:
    """The Period with the ends that differ written anew; its other members stay."""
    current = read_interval(held) or Interval()
    body = dict(held)
    ends = (
        ("start", current.start, interval.start, instant_to_fhir),
        ("end", current.end, interval.end, end_to_fhir),
    )
    for key, old, new, write in ends:
        if old == new:
            continue
        body.pop(f"_{key}", None)
        body.pop(key, None)
        if new is not None:
            body[key] = write(new)
    return body


def instant_to_fhir(instant: datetime) -> str:
    """A day when it is the first moment of one in the Netherlands, else a dateTime in Dutch time."""
    local = instant.astimezone(AMSTERDAM)
    return local.date().isoformat() if local == midnight(local.date()) else local.isoformat()


def end_to_fhir(end: datetime) -> str:
    """An exclusive end as the last day, or the last second, that is still inside."""
    local = end.astimezone(AMSTERDAM)
    if local == midnight(local.date()):
        return (local.date() - timedelta(days=1)).isoformat()
    step = _MICROSECOND if end.microsecond else timedelta(seconds=1)
    return (end.astimezone(UTC) - step).astimezone(AMSTERDAM).isoformat()


def _days(value: PartialDate) -> tuple[datetime, datetime | None]:
    last = value.last_day()
    return midnight(value.first_day()), midnight(day_after(last)) if last < date.max else None


def _instant(match: re.Match[str]) -> tuple[datetime, datetime | None]:
    second, fraction = int(match["second"]), (match["fraction"] or "")[:6]
    if second > 60:
        raise ValueError("no such second")
    zone = "+00:00" if match["zone"] == "Z" else match["zone"]
    start = datetime.fromisoformat(f"{match['day']}T{match['clock']}:00{zone}").astimezone(UTC)
    start += timedelta(seconds=second, microseconds=int(fraction.ljust(6, "0") or 0))
    return start, start + max(timedelta(seconds=10.0 ** -len(fraction)), _MICROSECOND)
