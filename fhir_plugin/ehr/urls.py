"""URLs and parts of them that others give: told without trusting that they are what they should be."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from fhir_plugin.errors import UsageError

__all__ = ["joined", "origin_of", "segment"]

_ID = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]+")
_PORTS = {"https": 443, "http": 80}


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an http(s) URL (RFC 6454); None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):  # no address, no port, or another scheme
        return None
    return (parts.scheme, parts.hostname, port) if parts.scheme in _PORTS and parts.hostname else None


def joined(base: str, url: str) -> str:
    """The URL that ``url`` means at ``base``; itself where it is none, which then has no origin."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def segment(value: str) -> str:
    """A logical id as a path segment: nothing that could steer the URL.

    Source: https://hl7.org/fhir/R4/datatypes.html#id; the underscore, which some servers use, is let pass.

    Raises:
        UsageError: it holds anything else. It is not repeated.
    """
    if _ID.fullmatch(value) is None:
        raise UsageError("This is not a logical id.", where="id", remedy="Ids hold letters, digits, '-', '.' and '_'.")
    return value
