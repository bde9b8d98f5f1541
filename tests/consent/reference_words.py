"""What the reference decider reads with: dates as spans of moments, references, and trees of provisions."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

HERE = ZoneInfo("Europe/Amsterdam")
YES, MAY, NO = 2, 1, 0


def span(text: str) -> tuple[date, date]:
    """First and last day a partial date can mean."""
    parts = [int(part) for part in text.split("-")]
    first = date(*[*parts, 1, 1][:3])
    if len(parts) == 3:
        return first, first
    after = date(first.year + 1, 1, 1) if len(parts) == 1 else (first + timedelta(days=31)).replace(day=1)
    return first, after - timedelta(days=1)


def within(period: dict, today: date) -> bool:
    start, end = period["start"], period["end"]
    return (not start or span(start)[0] <= today) and (not end or today <= span(end)[1])


def moments(text: str) -> tuple[datetime, datetime]:
    """First moment, and the first moment after it, of a FHIR date or dateTime; raises ValueError for anything else."""
    if re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
        first, last = span(text)
        return midnight(first), midnight(last + timedelta(days=1))
    match = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    if match is None:
        raise ValueError(text)
    step = timedelta(seconds=1) / 10 ** len(match[1] or "")
    start = datetime.fromisoformat(text)
    return start, start + step


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=HERE)


def same(one: str, other: str) -> int:
    """YES for the same reference (whatever version), MAY when one is absolute and the rest agrees."""
    one, other = one.split("/_history/")[0], other.split("/_history/")[0]
    if one == other:
        return YES if one else NO
    absolute = [text for text in (one, other) if "://" in text]
    return MAY if len(absolute) == 1 and one.split("/")[-2:] == other.split("/")[-2:] else NO


def bounds(period: dict) -> tuple[datetime | None, datetime | None]:
    start = moments(period["start"])[0] if period.get("start") else None
    end = moments(period["end"])[1] if period.get("end") else None
    if start and end and end <= start:
        raise ValueError(period)
    return start, end


def concepts(held: list[dict] | None) -> list[dict] | None:
    return [item for concept in held for item in concept.get("coding") or [{}]] if held else held


def walk(body: dict):
    yield body
    for each in body.get("provision", []):
        yield from walk(each)


def size(body: dict) -> int:
    return sum(1 for _ in walk(body))


def depth(body: dict) -> int:
    return 1 + max((depth(each) for each in body.get("provision", [])), default=0)


def has_modifier(value: object) -> bool:
    if isinstance(value, dict):
        return "modifierExtension" in value or any(has_modifier(item) for item in value.values())
    return isinstance(value, list) and any(has_modifier(item) for item in value)
