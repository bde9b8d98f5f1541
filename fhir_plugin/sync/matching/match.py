"""Who is who: is this row a person the record already knows?

Linked without asking only on a business identifier, or on two strong keys (own name with prefix and first letter,
telephone, e-mail, birth date). One key alone is a question for a person: a wrong link would mix up two people. Brothers
share a name, a letter and a telephone: first names that are both known and cannot be of one person speak against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Identifier, PersonName
from fhir_plugin.model.names import folded, split_prefix
from fhir_plugin.sync.deciding.elements import telecom_key
from fhir_plugin.sync.matching.callnames import call_name_groups

__all__ = ["Candidate", "Found", "Match", "agreeing_keys", "match"]

_LONG_ENOUGH = 4
STRONG = 2
"""Agreeing strong keys that are enough."""
WEAK = frozenset({"call-name", "own-label"})
"""Keys that make a question, and count for nothing more."""


class Found(Enum):
    """How certain a match is."""

    CERTAIN = "certain"
    DOUBTFUL = "doubtful"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody in the record who may be meant, and the keys that agree."""

    figure: SupportFigure
    agrees: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The outcome: the figure when certain, those who may be meant when doubtful."""

    found: Found
    figure: SupportFigure | None = None
    candidates: tuple[Candidate, ...] = ()


def match(wanted: SupportFigure, identifiers: Sequence[Identifier], held: Sequence[SupportFigure]) -> Match:
    """Find a figure among those of the same client.

    Args:
        wanted: the figure of the source.
        identifiers: business identifiers that mean this figure, ours and the source's own.
        held: everyone the record knows who could be a figure, not linked to another row.
    """
    same = [figure for figure in held if set(figure.identifiers) & set(identifiers)]
    if len(same) == 1:
        return Match(found=Found.CERTAIN, figure=same[0])
    if len(same) > 1:
        doubles = tuple(Candidate(figure=figure, agrees=("identifier",)) for figure in same)
        return Match(found=Found.DOUBTFUL, candidates=doubles)
    candidates = [Candidate(figure=figure, agrees=agreeing_keys(wanted, figure)) for figure in held]
    strong = [
        item for item in candidates if len(set(item.agrees) - WEAK) >= STRONG and not _contradicts(wanted, item.figure)
    ]
    if len(strong) == 1:
        return Match(found=Found.CERTAIN, figure=strong[0].figure)
    doubtful = tuple(item for item in candidates if item.agrees)
    return Match(found=Found.DOUBTFUL if doubtful else Found.NONE, candidates=doubtful)


def agreeing_keys(one: SupportFigure, other: SupportFigure) -> tuple[str, ...]:
    """The strong keys on which two descriptions of a person agree."""
    found = ["name"] if name_keys(one.name) & name_keys(other.name) else []
    if not found and set(_own_names(one.name)) & set(_own_names(other.name)) and _one_person(one.name, other.name):
        found = ["call-name"]
    for system, label in (("phone", "phone"), ("email", "email")):
        mine, theirs = (
            {key for key in map(telecom_key, figure.telecoms) if key[0] == system} for figure in (one, other)
        )
        if mine & theirs:
            found.append(label)
    if one.own_label and folded(one.own_label) == folded(other.own_label):
        found.append("own-label")
    if one.birth_date and one.birth_date.is_full and one.birth_date == other.birth_date:
        found.append("birth-date")
    return tuple(found)


@lru_cache(maxsize=4096)
def name_keys(name: PersonName) -> frozenset[str]:
    """The forms of a name that count as the same person's: own name with prefix, and the first letter.

    ``family`` as such is never compared: after a marriage it holds another name, while the own name stays.
    """
    return frozenset(f"{own}|{first}" for own in _own_names(name) for first in _first_letters(name))


def _own_names(name: PersonName) -> Iterator[str]:
    if name.own_name:
        yield _compact(f"{name.own_prefix} {name.own_name}")
    elif name.text and len(name.text.split()) > 1:
        prefix, own = split_prefix(name.text.split(" ", 1)[1])
        yield _compact(f"{prefix} {own}")


def _first_letters(name: PersonName) -> set[str]:
    return {folded(first)[0] for first in _firsts(name)}


def _one_person(one: PersonName, other: PersonName) -> bool:
    """Whether first names may be of one person: nothing known, a name short for another, a call name, one typing error.

    An initial is met by any name with that letter.
    """
    mine, theirs = ([folded(first).rstrip(".") for first in _firsts(name)] for name in (one, other))
    return not mine or not theirs or any(_may_be(a, b) for a in mine for b in theirs)


def _may_be(one: str, other: str) -> bool:
    short, long = sorted((one.split()[0], other.split()[0]), key=len)
    return long.startswith(short) or bool(call_name_groups(one) & call_name_groups(other)) or _one_slip(short, long)


def _one_slip(short: str, long: str) -> bool:
    """Whether one letter was added, missed, changed, or changed places, in a name of four letters or more."""
    if len(short) < _LONG_ENOUGH or len(long) - len(short) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) > len(short):
        return short[start:] == long[start + 1 :]
    swapped = short[start : start + 2][::-1] == long[start : start + 2] and short[start + 2 :] == long[start + 2 :]
    return swapped or short[start + 1 :] == long[start + 1 :]


def _firsts(name: PersonName) -> Iterator[str]:
    firsts = [*name.given[:1], *name.initials[:1], name.call_name]
    if not any(firsts) and name.text:
        firsts = [name.text]
    yield from (first for first in firsts if first.strip())


def _compact(text: str) -> str:
    return "".join(char for char in folded(text) if char.isalnum())


def _contradicts(one: SupportFigure, other: SupportFigure) -> bool:
    """Whether two descriptions cannot be of one person: both have a full birth date, or first names, that differ."""
    days = [figure.birth_date for figure in (one, other)]
    if all(day and day.is_full for day in days) and days[0] != days[1]:
        return True
    return not _one_person(one.name, other.name)
