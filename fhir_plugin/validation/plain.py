"""Quick tests of texts: they accept what is plainly good, and the full check sees only the rest.

Nearly everything in nearly every resource is good. A test here is one call into C, it accepts only what the full check
would have nothing to say about, and it may decline anything: a property test holds the two together.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["NEVER", "PLAIN", "Fits", "learning"]

Check = Callable[[Any, Any, Path, Scope], None]
Fits = Callable[[str], object]
"""A test of a text; whatever is true accepts."""

NEVER: Fits = frozenset[str]().__contains__
"""Declines everything."""

_LEARNED = 4096
"""Values remembered per element, so that memory is bounded whatever is validated."""

_DAY = r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
_MOMENT = _DAY + r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)"
_SOLID = r"[^ \t\r\n\f\v]+"


def _pattern(text: str) -> Fits:
    return re.compile(text, re.ASCII).fullmatch


_uri = _pattern(rf"(?!urn:(?:uuid|oid):|oid:|uuid:){_SOLID}")
_string = _pattern(r"[^\x00-\x20<][^\x00-\x08\x0b\x0c\x0e-\x1f<]{0,65535}")


def _is_base64(text: str) -> bool:
    try:
        return bool(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:
        return False


PLAIN: dict[str, Fits] = {
    "base64Binary": _is_base64,
    "canonical": _pattern(rf"https?:{_SOLID}"),
    "code": _pattern(_SOLID),
    "date": _pattern(_DAY),
    "dateTime": _pattern(rf"{_DAY}|{_MOMENT}"),
    "id": _pattern(r"[A-Za-z0-9\-.]{1,64}"),
    "instant": _pattern(_MOMENT),
    "markdown": _string,
    "string": _string,
    "uri": _uri,
    "url": _uri,
}
"""Test per primitive type, for types with many values in ordinary resources. A string without ``<`` holds no HTML."""


def learning(check: Check) -> tuple[Check, Fits]:
    """A check that remembers the texts in which it found nothing, and the test whether it remembers one.

    Only for checks whose verdict depends on nothing but the value: of codes and systems, which repeat.
    """
    known: set[str] = set()

    def learn(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        before = len(scope.findings)
        check(value, extra, path, scope)
        if len(scope.findings) == before and type(value) is str and len(known) < _LEARNED:
            known.add(value)

    return learn, known.__contains__
