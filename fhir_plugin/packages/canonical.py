"""Canonical references: ``url``, ``url|version``, ``url#fragment`` (https://hl7.org/fhir/R4/references.html#canonical)."""

from __future__ import annotations

import re

__all__ = ["split", "version_key", "version_matches"]

_DIGITS = 18
_NUMBER = re.compile(r"\d+|[^\d.+-]+")


def split(canonical: str) -> tuple[str, str]:
    """The url and the version (empty when none) of a canonical; a fragment is left out."""
    url, _, version = canonical.partition("|")
    return url.partition("#")[0], version


def version_key(version: str) -> tuple[int, tuple[tuple[int, int, str], ...], int, tuple[tuple[int, int, str], ...]]:
    """A key that sorts versions: no version first, ``1.2`` before ``1.10``, ``1.0.0-beta`` before ``1.0.0``."""
    release, _, label = version.partition("+")[0].partition("-")
    return (1 if version else 0, _parts(release), 0 if label else 1, _parts(label))


def version_matches(version: str, wanted: str) -> bool:
    """Whether a version is the one wanted; ``1.0`` and ``1.0.x`` also stand for every ``1.0.…`` (FHIR npm packages)."""
    if wanted in ("", version, "latest"):
        return True
    prefix = wanted.removesuffix(".x") if wanted.endswith(".x") else wanted
    return version.startswith(prefix + ".")


def _parts(text: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((1, int(part), "") if _is_number(part) else (0, 0, part) for part in _NUMBER.findall(text))


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _DIGITS
