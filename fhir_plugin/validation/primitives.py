"""Value space of the primitive types (http://hl7.org/fhir/R4/datatypes.html#primitive).

A test takes the JSON value and answers None, or the code of what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

__all__ = ["PRIMITIVES", "Test"]

Test = Callable[[Any], str | None]

_MAX_STRING = 1024 * 1024
_YEAR = r"(?!0000)\d{4}"
_DATE = rf"{_YEAR}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"
_FULL_DATE = rf"{_YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_ZONE = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"

_text = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f]+").fullmatch
_blank = re.compile(r"[ \t\r\n]*").fullmatch
_code = re.compile(r"[^ \t\r\n\f\v]+([ \t\r\n\f\v][^ \t\r\n\f\v]+)*").fullmatch
_id = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_solid = re.compile(r"[^ \t\r\n\f\v]+").fullmatch
_uuid = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_oid = re.compile(r"urn:oid:[0-2](\.(0|[1-9]\d*))+", re.ASCII).fullmatch
_base64 = re.compile(
    r"\s*(?=[0-9a-zA-Z+/])(?:[0-9a-zA-Z+/]{4}\s*)*(?:[0-9a-zA-Z+/]{2}(?:==|[0-9a-zA-Z+/]=)\s*)?", re.ASCII
).fullmatch
"""As R4's pattern, with the padding only where it can be decoded."""
_date = re.compile(_DATE, re.ASCII).fullmatch
_date_time = re.compile(rf"{_DATE}|{_FULL_DATE}T{_CLOCK}{_ZONE}", re.ASCII).fullmatch
_unzoned = re.compile(rf"{_FULL_DATE}T{_CLOCK}", re.ASCII).fullmatch
_instant = re.compile(rf"{_FULL_DATE}T{_CLOCK}{_ZONE}", re.ASCII).fullmatch
_integer64 = re.compile(r"0|[-+]?[1-9]\d{0,18}", re.ASCII).fullmatch
_time = re.compile(_CLOCK, re.ASCII).fullmatch
_absolute = re.compile(r"[a-z][a-z0-9+.\-]*:.+|#.*", re.DOTALL).match


def _string(value: Any) -> str | None:
    if type(value) is not str:
        return "primitive-type"
    if not _text(value):
        return "string-characters" if value else "string-empty"
    if value[0] in " \t\r\n" and _blank(value):
        return "string-blank"
    return "string-too-long" if len(value) > _MAX_STRING else None


def _shaped(fits: Callable[[str], object]) -> Test:
    def test(value: Any) -> str | None:
        if type(value) is not str:
            return "primitive-type"
        if fits(value):
            return None
        return "primitive-format" if value else "string-empty"

    return test


def _dated(fits: Callable[[str], object], *, unzoned: bool = False) -> Test:
    shaped = _shaped(fits)

    def test(value: Any) -> str | None:
        problem = shaped(value)
        if problem is None:
            return None if len(value) < 10 or _in_calendar(value) else "date-impossible"
        return "date-time-zone" if unzoned and problem == "primitive-format" and _unzoned(value) else problem

    return test


def _in_calendar(value: str) -> bool:
    if value[8:10] <= "28":
        return True
    try:
        date(int(value[:4]), int(value[5:7]), int(value[8:10]))
    except ValueError:
        return False
    return True


def _boolean(value: Any) -> str | None:
    if type(value) is bool:
        return None
    return "primitive-type" if value in ("true", "false") or type(value) is not str else "primitive-format"


def _integer(low: int) -> Test:
    def test(value: Any) -> str | None:
        if type(value) is int:
            return None if low <= value <= 2147483647 else "primitive-format"
        return "primitive-format" if type(value) in (float, Decimal) else "primitive-type"

    return test


def _decimal(value: Any) -> str | None:
    return None if type(value) in (int, float, Decimal) else "primitive-type"


def _uri(value: Any) -> str | None:
    if type(value) is not str:
        return "primitive-type"
    if not _solid(value):
        return "primitive-format" if value else "string-empty"
    if value.startswith("urn:uuid:") and not _uuid(value):
        return "uuid-format"
    if value.startswith("urn:oid:") and not _oid(value):
        return "oid-format"
    return "uri-prefix" if value.startswith(("oid:", "uuid:")) else None


def _canonical(value: Any) -> str | None:
    problem = _uri(value)
    return problem or (None if _absolute(value) else "canonical-relative")


PRIMITIVES: dict[str, Test] = {
    "base64Binary": _shaped(_base64),
    "boolean": _boolean,
    "canonical": _canonical,
    "code": _shaped(_code),
    "date": _dated(_date),
    "dateTime": _dated(_date_time, unzoned=True),
    "decimal": _decimal,
    "id": _shaped(_id),
    "instant": _dated(_instant, unzoned=True),
    "integer": _integer(-2147483648),
    "integer64": _shaped(_integer64),
    "markdown": _string,
    "oid": _shaped(_oid),
    "positiveInt": _integer(1),
    "string": _string,
    "time": _shaped(_time),
    "unsignedInt": _integer(0),
    "uri": _uri,
    "url": _uri,
    "uuid": _shaped(_uuid),
    "xhtml": _string,
}
"""Test per type name; a type that is not here (of another FHIR version) is taken as a string."""
