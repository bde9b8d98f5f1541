"""From elements to index values, by kind of search parameter (https://hl7.org/fhir/R4/search.html#ptypes)."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from fhir_plugin.model.dates import AMSTERDAM

__all__ = ["FAR", "PAST", "dates", "normal", "reference_key", "span", "strings", "tokens"]

PAST, FAR = -(2**62), 2**62
"""Open ends of a period."""

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?")


def tokens(element: Any) -> list[tuple[str, str]]:
    """(system, code) pairs of a Coding, CodeableConcept, Identifier, ContactPoint, code or boolean."""
    if isinstance(element, dict):
        if "coding" in element:
            codings = element["coding"] if isinstance(element["coding"], list) else ()
            return [pair for coding in codings for pair in tokens(coding)]
        code = element.get("code", element.get("value"))
        return [(str(element.get("system", "")), code)] if isinstance(code, str) else []
    if isinstance(element, bool):
        return [("", "true" if element else "false")]
    return [("", element)] if isinstance(element, str) else []


def strings(element: Any) -> Iterator[str]:
    """Normalised words of a string, HumanName or Address: each part apart, and the text as a whole."""
    if isinstance(element, str):
        yield normal(element)
    elif isinstance(element, dict):
        for name in ("text", "family", "given", "prefix", "suffix", "line", "city", "postalCode", "country"):
            part = element.get(name)
            for item in part if isinstance(part, list) else (part,):
                if isinstance(item, str):
                    yield normal(item)


def normal(text: str) -> str:
    """Lower case without accents, single spaces."""
    if text.isascii():
        return " ".join(text.casefold().split())
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).casefold().split())


def dates(element: Any) -> Iterator[tuple[int, int]]:
    """(first, last) millisecond of a date, dateTime, instant or Period; open ends lie far away."""
    if isinstance(element, str):
        found = span(element)
        if found:
            yield found
    elif isinstance(element, dict):
        start = span(str(element.get("start", "")))
        end = span(str(element.get("end", "")))
        if start or end:
            yield (start[0] if start else PAST), (end[1] if end else FAR)


@lru_cache(maxsize=4096)
def span(text: str) -> tuple[int, int] | None:
    """The milliseconds a partial date covers, or None when it is not a date. A day is a Dutch calendar day."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, _, second, zone = match.groups()
    try:
        if hour is None:
            return _days(int(year), int(month) if month else None, int(day) if day else None)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00") if zone else text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=AMSTERDAM)
    start = _millis(moment)
    exact = "." in text
    return start, start if exact else start + (999 if second else 59_999)


def _days(year: int, month: int | None, day: int | None) -> tuple[int, int]:
    first = date(year, month or 1, day or 1)
    last_month = month or 12
    last = date(year, last_month, day or calendar.monthrange(year, last_month)[1])
    return _millis(_midnight(first)), _millis(_midnight(last + timedelta(days=1))) - 1


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=AMSTERDAM)


def _millis(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)


@lru_cache(maxsize=4096)
def reference_key(reference: str, base_url: str) -> tuple[str, str]:
    """(type, id) of a literal reference to this server; ('', whole text) for any other."""
    local = reference.removeprefix(f"{base_url}/").split("/_history/")[0]
    kind, _, identity = local.partition("/")
    if identity and "/" not in identity and ":" not in kind and kind[:1].isupper():
        return kind, identity
    return "", reference
