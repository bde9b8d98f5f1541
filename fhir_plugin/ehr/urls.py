"""URLs that others give: where they lead, told without trusting that they are URLs at all."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

__all__ = ["joined", "origin_of"]

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
