"""FHIR JSON on the wire: bytes to objects and back, without losing the precision of a decimal.

``1.10`` is not ``1.1`` (https://hl7.org/fhir/R4/datatypes.html#decimal): a decimal a float would rewrite is kept as a
``Decimal``, so that the elements of others come back exactly as they were.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

__all__ = ["FHIR_JSON", "JSON_PATCH", "dumps", "loads"]

FHIR_JSON = "application/fhir+json"
JSON_PATCH = "application/json-patch+json"
_EXACT = tuple(re.compile(before + rb"\s*-?\d+(?:[.eE]|\d{18})") for before in (rb":(?<!\w:)", rb"\[", rb","))
"""What may be a number that only the slower parser keeps as it was written; or a part of a text, but no time or OID.

One pattern for each byte it may follow: a search that knows its first byte is twice as fast.
"""
_LONGEST = 20
"""Characters of the longest whole number of 64 bits; what is greater is kept as it was written."""


def loads(raw: bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: not UTF-8, not JSON, nested too deep for the parser, or a number of more than any computer can hold.
    """
    if not any(pattern.search(raw) for pattern in _EXACT):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:  # it is stricter: a byte order mark, NaN, half a surrogate pair
            pass
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_float=_number, parse_int=_whole)
    except (RecursionError, InvalidOperation):
        raise ValueError("nested too deep, or too great a number") from None


def dumps(body: Any, *, ordered: bool = False) -> bytes:
    """Serialise to UTF-8 JSON without white space; ``ordered``: members by name, to compare what two bodies say."""
    return orjson.dumps(body, default=_exact, option=orjson.OPT_SORT_KEYS if ordered else None)


def _number(text: str) -> float | Decimal:
    value = float(text)
    return value if repr(value) == text else Decimal(text)


def _whole(text: str) -> int | Decimal:
    if len(text) <= _LONGEST and -(2**63) <= (value := int(text)) < 2**64:
        return value
    return Decimal(text)


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"not FHIR JSON: {type(value).__name__}")
