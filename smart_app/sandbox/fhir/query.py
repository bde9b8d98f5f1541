"""Search criteria and access rules as SQL conditions on ``resource r``.

Every condition is (SQL, arguments); nothing from a request is ever put into the SQL text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smart_app.sandbox.fhir.compartments import SHARED_TYPES
from smart_app.sandbox.fhir.guard import Grant, Guard
from smart_app.sandbox.fhir.outcome import FhirError
from smart_app.sandbox.fhir.parameters import Parameter, parameters_of
from smart_app.sandbox.fhir.values import normal, reference_key, span

__all__ = ["Condition", "Criteria", "visible"]

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


@dataclass(frozen=True, slots=True)
class Condition:
    """Part of a WHERE clause."""

    sql: str
    arguments: tuple[object, ...] = ()

    @property
    def of_type(self) -> str:
        """How to ask for the type beside this: by its index only where nothing else narrows (``+`` forbids it)."""
        return "+r.type = ?" if self.arguments else "r.type = ?"

    @classmethod
    def both(cls, parts: Sequence[Condition]) -> Condition:
        """All of them; true when there is none."""
        return cls._join(parts, " AND ") if parts else cls("1")

    @classmethod
    def either(cls, parts: Sequence[Condition]) -> Condition:
        """At least one of them."""
        return cls._join(parts, " OR ")

    @classmethod
    def _join(cls, parts: Sequence[Condition], word: str) -> Condition:
        arguments = tuple(argument for part in parts for argument in part.arguments)
        return cls("(" + word.join(part.sql for part in parts) + ")", arguments)


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
            return _any(value, lambda item: Condition("r.id = ?", (item,)))
        if base == "_lastUpdated":
            return _any(value, lambda item: _compare(name, item, "r.updated", "r.updated"))
        parameter = parameters_of(kind).get(base)
        if parameter is None:
            if self.lenient:
                return None
            raise FhirError(400, "not-supported", f"{kind} has no search parameter '{base}' here.")
        if modifier == "missing":
            return _missing(parameter, value)
        if chained:
            return self._chain(parameter, modifier, chained, value)
        return _any(value, lambda item: self._value(parameter, modifier, item))

    def _value(self, parameter: Parameter, modifier: str, value: str) -> Condition:
        if parameter.kind == "reference":
            return self._reference(parameter, modifier, value)
        if parameter.kind == "date":
            _no_modifier(parameter, modifier)
            inner = _compare(parameter.name, value, "low", "high")
            return _exists("date", parameter.name, inner)
        if parameter.kind == "string":
            return _string(parameter, modifier, value)
        if parameter.kind == "uri":
            _no_modifier(parameter, modifier)
            return _exists("token", parameter.name, Condition("code = ?", (value,)))
        return _token(parameter, parameter.name, modifier, value)

    def _reference(self, parameter: Parameter, modifier: str, value: str) -> Condition:
        if modifier == "identifier":
            return _token(parameter, f"{parameter.name}:identifier", "", value)
        kind, identity = reference_key(value, self.base_url)
        if not kind and "/" not in value and ":" not in value:
            kind, identity = modifier or parameter.target, value
        elif modifier and modifier != kind:
            raise FhirError(400, "invalid", f"The type in the value of '{parameter.name}' is not the one asked for.")
        if kind:
            return _exists("reference", parameter.name, Condition("type = ? AND id = ?", (kind, identity)))
        return _exists("reference", parameter.name, Condition("id = ?", (identity,)))

    def _chain(self, parameter: Parameter, target: str, chained: str, value: str) -> Condition:
        kind = target or parameter.target
        if parameter.kind != "reference" or not kind:
            raise FhirError(400, "not-supported", f"'{parameter.name}' cannot be chained without a target type.")
        inner = Condition.both([self.condition(kind, [(chained, value)]), visible(self.guard, kind, "s", self)])
        return _exists(
            "reference",
            parameter.name,
            Condition(
                "x.type = ? AND x.id IN (SELECT r.id FROM resource r WHERE r.type = x.type AND r.body IS NOT NULL AND "
                + f"{inner.sql})",
                (kind, *inner.arguments),
            ),
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
            )
        )
    return Condition.both(parts)


def _any(value: str, compile_one: Callable[[str], Condition]) -> Condition:
    items = [item.replace("\\,", ",") for item in re.split(r"(?<!\\),", value) if item]
    if not items:
        raise FhirError(400, "invalid", "A search parameter has no value.")
    return Condition.either([compile_one(item) for item in items])


def _exists(table: str, name: str, inner: Condition) -> Condition:
    return Condition(
        f"r.key IN (SELECT x.key FROM {table} x WHERE x.param = ? AND {inner.sql})",
        (name, *inner.arguments),
    )


def _no_modifier(parameter: Parameter, modifier: str) -> None:
    if modifier:
        raise FhirError(400, "not-supported", f"'{parameter.name}' does not take the modifier '{modifier}' here.")


def _token(parameter: Parameter, name: str, modifier: str, value: str) -> Condition:
    system, bar, code = value.partition("|")
    if not bar:
        inner = Condition("code = ?", (value,))
    elif code:
        inner = Condition("system = ? AND code = ?", (system, code))
    else:
        inner = Condition("system = ?", (system,))
    found = _exists("token", name, inner)
    if modifier == "not":
        return Condition(f"NOT {found.sql}", found.arguments)
    _no_modifier(parameter, modifier)
    return found


def _string(parameter: Parameter, modifier: str, value: str) -> Condition:
    text = normal(value)
    if modifier == "exact":
        return _exists("string", parameter.name, Condition("value = ?", (text,)))
    if modifier == "contains":
        return _exists("string", parameter.name, Condition("instr(value, ?) > 0", (text,)))
    _no_modifier(parameter, modifier)
    return _exists("string", parameter.name, Condition("substr(value, 1, ?) = ?", (len(text), text)))


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
    table = {"uri": "token"}.get(parameter.kind, parameter.kind)
    found = _exists(table, parameter.name, Condition("1"))
    return Condition(f"NOT {found.sql}", found.arguments) if value == "true" else found
