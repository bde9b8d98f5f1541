"""Media types of FHIR (https://hl7.org/fhir/R4/http.html#mime-type): what a body is, and what an answer is to be."""

from __future__ import annotations

from typing import Literal

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_options_header

from smart_app.api.refusals import Refused

__all__ = ["Format", "answer_format", "body_format"]

Format = Literal["json", "xml"]

MEDIA_TYPES: dict[Format, str] = {"json": "application/fhir+json", "xml": "application/fhir+xml"}
_BODIES: dict[str, Format] = {
    "application/fhir+json": "json",
    "application/json": "json",
    "text/json": "json",
    "application/fhir+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
}
_NAMES: dict[str, Format] = {"json": "json", "xml": "xml", **_BODIES}
_ANY = {"*/*", "application/*"}
_VERSIONS = frozenset({"", "4.0", "4.0.1"})


def body_format(content_type: str) -> Format:
    """The format a ``Content-Type`` announces.

    Raises:
        Refused: not FHIR, not UTF-8, or another version of FHIR than R4.
    """
    kind, options = parse_options_header(content_type)
    found = _BODIES.get(kind.lower())
    charset = options.get("charset", "utf-8").lower()
    if found is None or charset not in ("utf-8", "utf8") or options.get("fhirversion", "") not in _VERSIONS:
        raise Refused("operation-media-type")
    return found


def answer_format(asked: str | None, accept: MIMEAccept, default: Format = "json") -> Format:
    """The format of the answer: ``_format`` decides, then ``Accept``, then that of the body.

    Raises:
        Refused: nothing that is asked for can be given.
    """
    if asked is not None:
        kind, _ = parse_options_header(asked.replace(" ", "+"))  # a plus that nobody escaped has become a space
        if kind.lower() not in _NAMES:
            raise Refused("operation-accept")
        return _NAMES[kind.lower()]
    if not accept:
        return default
    for wish, quality in accept:
        kind, options = parse_options_header(wish)
        if quality > 0 and options.get("fhirversion", "") in _VERSIONS:
            if kind.lower() in _ANY:
                return default
            if kind.lower() in _BODIES:
                return _BODIES[kind.lower()]
    raise Refused("operation-accept")
