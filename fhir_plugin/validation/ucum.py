"""Units of UCUM: which codes are units, and what they come to (https://ucum.org/ucum, case sensitive)."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Context, Decimal
from functools import cache, lru_cache
from typing import NamedTuple

from fhir_plugin.packages.base import FOLDER

__all__ = ["Measure", "is_unit", "measure"]

_ATOM = re.compile(r"(?:\[[^\[\]{}\s]*\]|10[*^](?=[+-]?\d)|10[*^]|[^\s()./{}\[\]0-9+\-])+")
_EXPONENT = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"\d+")
_OPERATOR = re.compile(r"[./]")
_NOTE = re.compile(r"\{[\x20-\x7a|~]*\}")
_CONTEXT = Context(prec=34)
_DEEPEST = 16


class Measure(NamedTuple):
    """What a unit comes to.

    Attributes:
        factor: in base units.
        dimensions: base units with their powers; a unit on a scale of its own (Cel, pH) is its own base unit.
    """

    factor: Decimal
    dimensions: tuple[tuple[str, int], ...]


class _Atom(NamedTuple):
    metric: bool
    factor: str
    unit: str


@cache
def _table() -> tuple[dict[str, Decimal], dict[str, _Atom]]:
    """Prefixes and units."""
    prefixes: dict[str, Decimal] = {}
    atoms: dict[str, _Atom] = {}
    for line in (FOLDER / "ucum.txt").read_text(encoding="utf-8").splitlines():
        match line.split(" ", 4):
            case ["prefix", code, factor]:
                prefixes[code] = Decimal(factor)
            case ["base", code]:
                atoms[code] = _Atom(True, "base", code)
            case ["unit", code, metric, factor, unit]:
                atoms[code] = _Atom(metric == "metric", factor, unit)
    return prefixes, atoms


def is_unit(code: str) -> bool:
    """Whether UCUM has this unit."""
    return measure(code) is not None


@lru_cache(maxsize=1024)
def measure(code: str) -> Measure | None:
    """What a unit comes to; None for what is no unit."""
    reader = _Reader(code)
    found = reader.term(0) if 0 < len(code) <= 200 else None
    return found if found is not None and reader.at == len(code) else None


class _Reader:
    """Recursive descent over UCUM's grammar (ucum.org, §5 to §12)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def term(self, depth: int) -> Measure | None:
        """``/u.v/w``."""
        sign = -1 if self._take("/") else 1
        found = self._component(depth)
        total = _power(found, sign) if found is not None else None
        while total is not None and (divides := self._match(_OPERATOR)):
            sign = -1 if divides == "/" else 1
            found = self._component(depth)
            total = _times(total, _power(found, sign)) if found is not None else None
        return total

    def _take(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def _match(self, expression: re.Pattern[str]) -> str:
        found = expression.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _component(self, depth: int) -> Measure | None:
        if depth > _DEEPEST:
            return None
        if self._take("("):
            inner = self.term(depth + 1)
            closed = self._take(")")
            self._match(_NOTE)
            return inner if closed else None
        if self._match(_NOTE):
            return _ONE
        atom = self._match(_ATOM)
        if atom:
            found = _atom(atom)
            exponent = self._match(_EXPONENT)
            if found is not None and exponent:
                found = _power(found, int(exponent)) if len(exponent) < 4 else None
        else:
            number = self._match(_NUMBER)
            found = Measure(Decimal(number), ()) if 0 < len(number) < 20 else None
        self._match(_NOTE)
        return found


_ONE = Measure(Decimal(1), ())


@lru_cache(maxsize=512)
def _atom(code: str) -> Measure | None:
    """A unit, with or without a prefix."""
    prefixes, atoms = _table()
    atom = atoms.get(code)
    if atom is not None:
        return _defined(code, atom)
    for width in (2, 1):
        factor, rest = prefixes.get(code[:width]), atoms.get(code[width:])
        if factor is not None and rest is not None and rest.metric:
            found = _defined(code[width:], rest)
            return found._replace(factor=_CONTEXT.multiply(found.factor, factor)) if found is not None else None
    return None


def _defined(code: str, atom: _Atom) -> Measure | None:
    if atom.factor in ("base", "special"):
        return Measure(Decimal(1), ((code, 1),))
    inner = measure(atom.unit)
    return inner and inner._replace(factor=_CONTEXT.multiply(inner.factor, Decimal(atom.factor)))


def _power(one: Measure, exponent: int) -> Measure:
    if exponent == 1:
        return one
    factor = _CONTEXT.power(one.factor, exponent)
    return Measure(factor, tuple((name, power * exponent) for name, power in one.dimensions if power * exponent))


def _times(one: Measure, other: Measure) -> Measure:
    powers = Counter(dict(one.dimensions))
    for name, power in other.dimensions:
        powers[name] += power
    dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Measure(_CONTEXT.multiply(one.factor, other.factor), dimensions)
