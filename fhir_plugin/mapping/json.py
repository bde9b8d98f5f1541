"""Reading FHIR JSON that may be anything: every accessor answers with the right type or with nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from fhir_plugin.model.dates import PartialDate, Period, local_day, midnight
from fhir_plugin.model.identity import Coding, Ref

__all__ = [
    "Json",
    "changed_at",
    "codings",
    "date_of",
    "extension",
    "extensions",
    "instant_of",
    "listed",
    "objects",
    "period_of",
    "prune",
    "put_claim",
    "put_period",
    "put_text",
    "reference_of",
    "reference_to_json",
    "sub_value",
    "text",
]

Json = dict[str, Any]


def text(body: Any, key: str) -> str:
    """A string element, or empty."""
    value = body.get(key) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


def listed(body: Json, key: str) -> list[Any]:
    """The items of an array element, of whatever type; none where it is no array."""
    value = body.get(key)
    return value if isinstance(value, list) else []


def objects(body: Any, key: str) -> list[Json]:
    """The object items of an array element; anything else in it is passed over."""
    value = body.get(key) if isinstance(body, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def extensions(body: Any, url: str) -> Iterator[Json]:
    """The extensions of an element with a url."""
    return (item for item in objects(body, "extension") if item.get("url") == url)


def extension(body: Any, url: str) -> Json | None:
    """The first extension with a url, or None."""
    return next(extensions(body, url), None)


def sub_value(body: Any, url: str, key: str) -> Any:
    """The ``value[x]`` named ``key`` of a nested extension, or None."""
    found = extension(body, url)
    return found.get(key) if found else None


def codings(concept: Any) -> Iterator[Coding]:
    """The codings of a CodeableConcept that have both system and code."""
    for item in objects(concept, "coding"):
        system, code = text(item, "system"), text(item, "code")
        if system and code:
            yield _coding(system, code, text(item, "display"))


@lru_cache(maxsize=1024)
def _coding(system: str, code: str, display: str) -> Coding:
    """Codings are few, and met in every record; of plain text, whichever equal code came first."""
    return Coding(system=str(system), code=str(code), display=str(display))


def reference_of(value: Any) -> Ref | None:
    """A Reference with a literal reference or a display, or None."""
    reference, display = text(value, "reference"), text(value, "display")
    return Ref(reference=reference, display=display) if reference or display else None


def reference_to_json(ref: Ref) -> Json:
    """A Reference element."""
    return prune({"reference": ref.reference, "display": ref.display})


def date_of(value: Any) -> PartialDate | None:
    """A FHIR date or dateTime as a partial date: a dateTime gives its calendar day in the Netherlands."""
    if not isinstance(value, str):
        return None
    try:
        if "T" in value:
            instant = datetime.fromisoformat(value)
            return PartialDate.of(local_day(instant))
        return PartialDate.parse(value)
    except (ValueError, OverflowError):
        return None


def instant_of(value: Any) -> datetime | None:
    """A FHIR dateTime or instant with a time zone, or None."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def changed_at(body: Json) -> datetime:
    """When a resource was last changed (``meta.lastUpdated``); the beginning of time where that is not said."""
    return instant_of(text(body.get("meta"), "lastUpdated")) or datetime.min.replace(tzinfo=UTC)


def period_of(body: Any, key: str) -> Period:
    """A Period element with its ends as partial dates.

    An end in the first moment of a Dutch day, as many systems write the end of a day, is the day before.
    """
    value = body.get(key) if isinstance(body, dict) else None
    if not isinstance(value, dict):
        return Period()
    return Period(start=date_of(value.get("start")), end=_last_day_of(value.get("end")))


def _last_day_of(end: Any) -> PartialDate | None:
    day = date_of(end)
    if day is None or day.first_day() == date.min or instant_of(end) != midnight(day.first_day()):
        return day
    return PartialDate.of(day.first_day() - timedelta(days=1))


def put_period(body: Json, key: str, period: Period) -> None:
    """Write the ends of a Period that differ from what is there; its extensions stay."""
    current = period_of(body, key)
    held = body.get(key)
    value: Json = held if isinstance(held, dict) else {}
    for end, old, new in (("start", current.start, period.start), ("end", current.end, period.end)):
        if old != new:
            put_text(value, end, str(new) if new else "")
    if value:
        body[key] = value
    else:
        body.pop(key, None)


def put_text(body: Json, key: str, value: str) -> None:
    """Set a string element, or remove it (and its primitive extensions) when empty."""
    if value:
        body[key] = value
    else:
        body.pop(key, None)
        body.pop(f"_{key}", None)


def put_claim(body: Json, profile: str, *, holds: bool) -> None:
    """Add a profile to ``meta.profile``, or take it away; other claims keep their place.

    A ``meta`` of another shape than FHIR gives it is left as it is.
    """
    meta: Any = body.get("meta", {})
    if not isinstance(meta, dict):
        return
    profiles = meta.get("profile")
    held: list[Any] = profiles if isinstance(profiles, list) else []
    if holds and profile not in held:
        meta["profile"] = [*held, profile]
    elif not holds and profile in held:
        meta["profile"] = [claim for claim in held if claim != profile]
    meta = {key: value for key, value in meta.items() if value != []}
    if meta:
        body["meta"] = meta
    else:
        body.pop("meta", None)


def prune(body: Json) -> Json:
    """Without the members that hold nothing: FHIR knows no empty strings, arrays or objects."""
    return {key: value for key, value in body.items() if value not in ("", None, [], {})}
