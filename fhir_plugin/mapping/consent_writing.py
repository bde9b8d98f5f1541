"""Rule → Consent.provision: written into what another system holds there, changed as little as can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fhir_plugin.mapping.consent_dates import write_interval
from fhir_plugin.mapping.consent_dialect import R4, Dialect
from fhir_plugin.mapping.consent_doubts import Doubts
from fhir_plugin.mapping.consent_reading import read_rule
from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.mapping.json import Json, listed, reference_to_json
from fhir_plugin.model.consent import Actor, DataRef, Interval, Rule
from fhir_plugin.model.identity import Coding

__all__ = ["write_rule"]

T = TypeVar("T")


def write_rule(held: Json, rule: Rule, dialect: Dialect = R4) -> Json:
    """A provision that says what the rule says; whatever else the held one had stays.

    Args:
        held: the provision as it was; empty for a new one.
        rule: what it must say.
        dialect: R4 or R5; in R5 the caller has seen to it that effects alternate.
    """
    effect = None if dialect.typed else rule.effect
    current = read_rule(held, Doubts(""), dialect, effect=rule.effect) if held else Rule(effect=effect)
    body = dict(held)
    if dialect.typed and current.effect is not rule.effect:
        _put(body, "type", rule.effect.value if rule.effect else None)
    _put_interval(body, "period", current.period, rule.period)
    _put_items(body, "actor", current.actors, rule.actors, lambda raw: _read(raw, "actor", dialect).actors, _actor)
    for name, key, is_concept, systems in dialect.coded:
        old, new = (_of_systems(getattr(which, name), systems) for which in (current, rule))

        def decode(raw: Any, name: str = name, key: str = key) -> tuple[Coding, ...]:
            found: tuple[Coding, ...] = getattr(_read(raw, key, dialect), name)
            return found

        _put_items(body, key, old, new, decode, _concept if is_concept else coding_to_json)
    _put_interval(body, "dataPeriod", current.data_period, rule.data_period)
    _put_items(body, "data", current.data, rule.data, lambda raw: _read(raw, "data", dialect).data, _data)
    if current.exceptions != rule.exceptions:
        _put(body, "provision", _nested(listed(body, "provision"), current.exceptions, rule.exceptions, dialect))
    return body


def _nested(held: list[Any], current: Sequence[Rule], wanted: Sequence[Rule], dialect: Dialect) -> list[Json]:
    """Nested provisions that say what is wanted: each written into the held one that says the same, else into the next.

    So what others wrote in a provision stays with what it was written about when another one goes.
    """
    free = [(source, says) for source, says in zip(held, current, strict=False) if isinstance(source, dict)]
    kept: dict[int, Json] = {}
    for index, rule in enumerate(wanted):
        match = next((entry for entry in free if entry[1] == rule), None)
        if match:
            free.remove(match)
            kept[index] = match[0]
    rest = iter(source for source, _ in free)
    return [
        kept[index] if index in kept else write_rule(next(rest, {}), rule, dialect) for index, rule in enumerate(wanted)
    ]


def _read(raw: Any, key: str, dialect: Dialect) -> Rule:
    return read_rule({key: [raw]}, Doubts(""), dialect)


def _of_systems(codings: tuple[Coding, ...], systems: frozenset[str] | None) -> tuple[Coding, ...]:
    return codings if systems is None else tuple(coding for coding in codings if coding.system in systems)


def _put(body: Json, key: str, value: Any) -> None:
    if value:
        body[key] = value
    else:
        body.pop(key, None)
    body.pop(f"_{key}", None)


def _put_interval(body: Json, key: str, old: Interval | None, new: Interval | None) -> None:
    if old != new:
        held = body.get(key)
        _put(body, key, write_interval(held if isinstance(held, dict) else {}, new) if new else None)


def _put_items(
    body: Json,
    key: str,
    old: Sequence[T],
    new: Sequence[T],
    decode: Callable[[Any], tuple[T, ...]],
    encode: Callable[[T], Json],
) -> None:
    """Write a condition that changed; an item that still says the next values in order is kept as it is."""
    if tuple(old) == tuple(new):
        return
    if key not in body:
        _put(body, key, [encode(item) for item in new])
        return
    free = [(raw, values) for raw in listed(body, key) if (values := decode(raw))]
    items: list[Json] = []
    rest = list(new)
    while rest:
        kept = next((entry for entry in free if list(entry[1]) == rest[: len(entry[1])]), None)
        if kept:
            free.remove(kept)
        items.append(kept[0] if kept else encode(rest[0]))
        del rest[: len(kept[1]) if kept else 1]
    _put(body, key, items)


def _actor(actor: Actor) -> Json:
    role = {"role": _concept(actor.role)} if actor.role else {}
    return {**role, **({"reference": reference_to_json(actor.ref)} if actor.ref else {})}


def _data(item: DataRef) -> Json:
    return {"meaning": item.meaning, "reference": reference_to_json(item.ref)}


def _concept(coding: Coding) -> Json:
    return {"coding": [coding_to_json(coding)]}
