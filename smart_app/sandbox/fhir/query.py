"""Search criteria and access rules as SQL conditions on ``resource r``.

Every condition is (SQL, arguments); nothing from a request is ever put into the SQL text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smart_app.sandbox.fhir.compartments import SHARED_TYPES
from smart_app.sandbox.fhir.guard import Grant, Guard
from smart_app.sandbox.fhir.outcome import FhirError
from smart_app.sandbox.fhir.parameters import KNOWN_TYPES, Parameter, parameters_of
from smart_app.sandbox.fhir.values import normal, reference_key, span

__all__ = ["Condition", "Criteria", "is_plain", "visible"]

_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)")
_DATE_SQL = {
    "eq": "low >= ? AND high <= ?",
    "ne": "NOT (low >= ? AND high <= ?)",
    "gt": "high > ?",
    "lt": "low < ?",
    "ge": "high >= ?",
    "le": "low <= ?",
    "sa": "low > ?",
    "eb": "high < ?",
    "ap": "low <= ? AND high >= ?",
}
_MOST = 400
"""How many conditions are joined by one word; SQLite takes 1,000 deep, and a search nests two such lists."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Part of a WHERE clause.

    Attributes:
        narrows: it gives the keys of the rows, so that none but those need to be looked at.
    """

    sql: str
    arguments: tuple[object, ...] = ()
    narrows: bool = False

    @property
    def of_type(self) -> str:
        """How to ask for the type beside this: not by an index (``+`` forbids it) where the rows are known by key."""
        return "+r.type = ?" if self.narrows else "r.type = ?"

    @classmethod
    def both(cls, parts: Sequence[Condition]) -> Condition:
        """All of them; true when there is none."""
        return cls._join(parts, " AND ", any(part.narrows for part in parts)) if parts else cls("1")

    @classmethod
    def either(cls, parts: Sequence[Condition]) -> Condition:
        """At least one of them."""
        return cls._join(parts, " OR ", all(part.narrows for part in parts))

    @classmethod
    def _join(cls, parts: Sequence[Condition], word: str, narrows: bool) -> Condition:
        if len(parts) == 1:
            return parts[0]
        if len(parts) > _MOST:
            raise FhirError(400, "too-costly", f"A search takes at most {_MOST} criteria, and as many values of one.")
        arguments = tuple(argument for part in parts for argument in part.arguments)
        return cls("(" + word.join(part.sql for part in parts) + ")", arguments, narrows)

    def inverted(self) -> Condition:
        """Where this does not hold."""
        return Condition(f"NOT {self.sql}", self.arguments)


_Term = tuple[Condition, str | None]
"""Where a term is, and its text; None for any text there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Compiles search parameters of one type.

    Attributes:
        base_url: FHIR base, for absolute references in values.
        guard: chained parameters look only at what it may search.
        lenient: pass over parameters that are not known (``Prefer: handling=lenient``).
    """

    base_url: str
    guard: Guard
    lenient: bool = False

    def condition(self, kind: str, params: Sequence[tuple[str, str]]) -> Condition:
        """All criteria together.

        Raises:
            FhirError: 400, a parameter, modifier or value is not supported; passing over it would widen the answer.
        """
        found = [self._one(kind, name, value) for name, value in params]
        return Condition.both([part for part in found if part])

    def _one(self, kind: str, name: str, value: str) -> Condition | None:
        plain, _, modifier = name.partition(":")
        base, _, chained = plain.partition(".")
        if not chained and "." in modifier:
            modifier, _, chained = modifier.partition(".")
        if base == "_id":
            return _in("r.id", _items(value))
        if base == "_lastUpdated":
            return Condition.either([_compare(name, item, "r.updated", "r.updated") for item in _items(value)])
        parameter = parameters_of(kind).get(base)
        if parameter is None:
            if self.lenient:
                return None
            raise FhirError(400, "not-supported", f"{kind} has no search parameter '{base}' here.")
        if modifier == "missing":
            return _missing(parameter, value)
        if chained:
            return self._chain(parameter, modifier, chained, value)
        return self._values(parameter, modifier, _items(value))

    def _values(self, parameter: Parameter, modifier: str, items: list[str]) -> Condition:
        name, kind = parameter.name, parameter.kind
        if kind == "reference" and modifier == "identifier":
            return _terms(_token(f"{name}:identifier", item) for item in items)
        if kind == "reference":
            return _terms(self._reference(parameter, modifier, item) for item in items)
        if kind == "string":
            return _string(parameter, modifier, items)
        if kind == "token" and modifier == "not":
            return _terms(_token(name, item) for item in items).inverted()
        _no_modifier(parameter, modifier)
        if kind == "date":
            spans = Condition.either([_compare(name, item, "x.low", "x.high") for item in items])
            return _exists("date", _place(name), spans)
        if kind == "uri":
            return _terms((_place(name), item) for item in items)
        return _terms(_token(name, item) for item in items)

    def _reference(self, parameter: Parameter, modifier: str, value: str) -> _Term:
        if modifier not in KNOWN_TYPES:
            _no_modifier(parameter, modifier)
        kind, identity = reference_key(value, self.base_url)
        if not kind and "/" not in value and ":" not in value:
            kind, identity = modifier or parameter.target, value
        elif modifier and modifier != kind:
            raise FhirError(400, "invalid", f"The type in the value of '{parameter.name}' is not the one asked for.")
        return _place(parameter.name, kind or None), identity

    def _chain(self, parameter: Parameter, target: str, chained: str, value: str) -> Condition:
        kind = target or parameter.target
        if parameter.kind != "reference" or not kind:
            raise FhirError(400, "not-supported", f"'{parameter.name}' cannot be chained without a target type.")
        inner = Condition.both([self.condition(kind, [(chained, value)]), visible(self.guard, kind, "s", self)])
        targets = f"SELECT r.id FROM resource r WHERE {inner.of_type} AND r.body IS NOT NULL AND {inner.sql}"
        found = Condition(f"x.text IN ({targets})", (kind, *inner.arguments))
        return _exists("term", _place(parameter.name, kind), found)


def is_plain(kind: str, params: Sequence[tuple[str, str]]) -> bool:
    """Whether these are tokens and references of one value each, of which nothing can be wrong."""
    known = parameters_of(kind)
    return all(
        name in known and known[name].kind in ("token", "reference") and value and "," not in value
        for name, value in params
    )


def visible(guard: Guard, kind: str, permission: str, criteria: Criteria) -> Condition:
    """The resources of one type the guard lets through.

    Raises:
        FhirError: 403, no scope opens this interaction on this type.
    """
    return Condition.either([_way(grant, kind, permission, criteria) for grant in guard.grants(kind, permission)])


def _way(grant: Grant, kind: str, permission: str, criteria: Criteria) -> Condition:
    parts = [criteria.condition(kind, grant.query)]
    if grant.patient is not None and not (kind in SHARED_TYPES and permission in "rs"):
        parts.append(
            Condition(
                "r.key IN (SELECT c.key FROM compartment c WHERE c.patient = ?) AND "
                "NOT EXISTS (SELECT 1 FROM compartment c WHERE c.key = r.key AND c.patient <> ?)",
                (grant.patient, grant.patient),
                narrows=True,
            )
        )
    return Condition.both(parts)


def _items(value: str) -> list[str]:
    items = [item.replace("\\,", ",") for item in re.split(r"(?<!\\),", value) if item]
    if not items:
        raise FhirError(400, "invalid", "A search parameter has no value.")
    return items


def _in(column: str, values: Sequence[str]) -> Condition:
    return Condition(f"{column} IN ({','.join('?' * len(values))})", tuple(values))


def _place(name: str, system: str | None = "") -> Condition:
    """Where the terms of a parameter are, of one system or (None) of any."""
    if system is None:
        return Condition("x.place IN (SELECT p.id FROM place p WHERE p.param = ?)", (name,))
    return Condition("x.place = (SELECT p.id FROM place p WHERE p.param = ? AND p.system = ?)", (name, system))


def _terms(terms: Iterable[_Term]) -> Condition:
    """At least one of these; the texts of one place together."""
    texts: dict[Condition, list[str | None]] = {}
    for place, text in terms:
        texts.setdefault(place, []).append(text)
    return Condition.either(
        [
            _exists("term", place, None if None in found else _in("x.text", [text for text in found if text]))
            for place, found in texts.items()
        ]
    )


def _exists(table: str, place: Condition, inner: Condition | None = None) -> Condition:
    where = Condition.both([place, inner] if inner else [place])
    return Condition(f"r.key IN (SELECT x.key FROM {table} x WHERE {where.sql})", where.arguments, narrows=True)


def _no_modifier(parameter: Parameter, modifier: str) -> None:
    if modifier:
        raise FhirError(400, "not-supported", f"'{parameter.name}' does not take the modifier '{modifier}' here.")


def _token(name: str, value: str) -> _Term:
    system, bar, code = value.partition("|")
    if not bar:
        return _place(name, None), value
    return _place(name, system), code or None


def _string(parameter: Parameter, modifier: str, values: Sequence[str]) -> Condition:
    texts = [normal(value) for value in values]
    if modifier == "exact":
        return _exists("term", _place(parameter.name), _in("x.text", texts))
    if modifier == "contains":
        found = [Condition("instr(x.text, ?) > 0", (text,)) for text in texts]
    else:
        _no_modifier(parameter, modifier)
        found = [Condition("substr(x.text, 1, ?) = ?", (len(text), text)) for text in texts]
    return _exists("term", _place(parameter.name), Condition.either(found))


def _compare(name: str, value: str, low: str, high: str) -> Condition:
    match = _PREFIX.fullmatch(value)
    bounds = span(match[2]) if match else None
    if match is None or bounds is None:
        raise FhirError(400, "invalid", f"The value of '{name}' is not a date.")
    prefix = match[1] or "eq"
    sql = _DATE_SQL[prefix].replace("low", low).replace("high", high)
    arguments = {
        "gt": (bounds[1],),
        "lt": (bounds[0],),
        "ge": (bounds[0],),
        "le": (bounds[1],),
        "sa": (bounds[1],),
        "eb": (bounds[0],),
        "ap": (bounds[1] + _slack(bounds), bounds[0] - _slack(bounds)),
    }.get(prefix, bounds)
    return Condition(f"({sql})", arguments)


def _slack(bounds: tuple[int, int]) -> int:
    return max((bounds[1] - bounds[0]) // 10, 86_400_000)


def _missing(parameter: Parameter, value: str) -> Condition:
    if value not in ("true", "false"):
        raise FhirError(400, "invalid", f"'{parameter.name}:missing' is true or false.")
    found = _exists("date" if parameter.kind == "date" else "term", _place(parameter.name, None))
    return found.inverted() if value == "true" else found
