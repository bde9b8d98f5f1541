"""What the names of an object's properties tell before its values are looked at.

Objects come in few shapes: nearly every Coding has ``system, code`` or ``system, code, display``. For each shape it is
found out once which check is due to which property, which required elements are missing, and which invariants cannot
but hold (see ``fhirpath/idle.py``); the walk then only looks at values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fhir_plugin.validation.fhirpath.idle import Holds
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.slots import Slot, last_of_choice, unknown_slot

if TYPE_CHECKING:
    from fhir_plugin.validation.base import BaseChecks
    from fhir_plugin.validation.rules import Rule
    from fhir_plugin.validation.schema import Schema

__all__ = ["Plan", "Plans", "together"]

Check = Callable[[Any, Any, Path, Scope], None]
Names = tuple[str, ...]

_SHAPES = 8192
"""Shapes remembered by one validator, so that memory is bounded whatever is validated."""
_SHAPES_OF_RULES = 64
"""The same for the invariants of one element."""


class Plan(NamedTuple):
    """How objects of one shape are checked.

    Attributes:
        slots: of every property, in their order.
        then: what is left to check after them.
        otherwise: the same where a property is in error: one without the shape its type asks for decides nothing.
    """

    slots: tuple[Slot, ...]
    then: tuple[Check, ...]
    otherwise: tuple[Check, ...]


class Plans(dict[Names, Plan]):
    """The plans of one type, by the names of an object's properties in their order.

    Args:
        checks: compiles slots, and counts the plans of one validator.
        type_key: of the objects.
        host: type that extensions in them stand on.
        rules: the invariants of the type.
        lonely: shapes that say nothing at all.
    """

    def __init__(
        self, checks: BaseChecks, type_key: str, host: str, rules: Sequence[Rule], lonely: tuple[Names, ...]
    ) -> None:
        super().__init__()
        self._checks = checks
        self._schema = checks.schema
        self._type_key = type_key
        self._host = host
        self._rules = rules
        self._lonely = lonely
        self._slots: dict[str, Slot] = {}
        self._required = tuple(_required(checks.schema, type_key))

    def __missing__(self, names: Names) -> Plan:
        slots, known = self._slots_of(names)
        missing = [check for wanted, check in self._required if wanted.isdisjoint(names)]
        if names in self._lonely:
            missing.insert(0, _empty)
        if not known or self._checks.shapes >= _SHAPES:  # anybody can make up names
            every = (*missing, *(rule.apply for rule in self._rules))
            return Plan(slots, every, every)
        self._checks.shapes += 1
        told = [(rule.apply, rule.holds_with(self._schema, names)) for rule in self._rules]
        then = (*missing, *(apply for apply, holds in told if holds is Holds.OPEN))
        otherwise = (*missing, *(apply for apply, holds in told if holds is not Holds.ALWAYS))
        plan = self[names] = Plan(slots, then, then if then == otherwise else otherwise)
        return plan

    def _slots_of(self, names: Names) -> tuple[tuple[Slot, ...], bool]:
        """The slots of properties, and whether the type has all of them."""
        found, known = [], True
        rivals: dict[str, list[int]] = {}
        fields = self._schema.fields(self._type_key)
        for place, name in enumerate(names):
            slot = self._slots.get(name) or self._checks.slot(self._type_key, name, self._host)
            if slot is None:
                slot, known = unknown_slot(name), False
            else:
                self._slots[name] = slot
            found.append(slot)
            if name in fields and fields[name].element.choice:
                rivals.setdefault(fields[name].element.path, []).append(place)
        for path, places in rivals.items():
            if len(places) > 1:
                found[places[-1]] = last_of_choice(found[places[-1]], path, len(places))
        return tuple(found), known


def together(rules: Sequence[Rule], schema: Schema) -> list[Check]:
    """Invariants as one check, which passes over those that cannot but hold; none where there are no invariants."""
    every = tuple(rule.apply for rule in rules)
    known: dict[Names, tuple[Check, ...]] = {}

    def due(names: Names) -> tuple[Check, ...]:
        found = known.get(names)
        if found is None:
            found = tuple(rule.apply for rule in rules if rule.holds_with(schema, names) is not Holds.ALWAYS)
            if len(known) < _SHAPES_OF_RULES:
                known[names] = found
        return found

    def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        for apply in due(tuple(value)) if type(value) is dict else every:
            apply(value, extra, path, scope)

    return [check] if rules else []


def _required(schema: Schema, type_key: str) -> Iterator[tuple[frozenset[str], Check]]:
    """JSON names of which one must be there, per required element, and what says that none is."""
    element = schema.element(type_key)
    if element is None:
        return
    for child in element.children:
        if child.minimum > 0:
            specs = [spec for spec in schema.fields(type_key).values() if spec.element is child]
            names = [one.json_name for one in specs] + [f"_{one.json_name}" for one in specs if one.is_primitive]
            yield frozenset(names), _missing(f"{element.path}.{child.name}")


def _missing(label: str) -> Check:
    def check(_value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        scope.error("cardinality-min", path, ("element", label), ("min", "1"), ("found", "0"))

    return check


def _empty(_value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    scope.error("object-empty", path)
