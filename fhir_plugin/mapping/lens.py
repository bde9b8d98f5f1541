"""Lenses: how one element of the model is read from, and written into, a FHIR body that others also write to.

A lens owns one element. ``get`` reads it; ``put`` writes a value into a body and touches nothing else. Two laws hold
and are property-tested: putting back what was read changes nothing, and what was put is what is read. The sync engine
merges per lens, which is why a change someone else made to another element can never be lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from fhir_plugin.mapping.json import Json, listed, objects, text

__all__ = ["ItemLens", "Lens", "apply_lenses", "list_lens", "read_lenses"]

T = TypeVar("T")
_EXTENSION = re.compile(r"extension\('([^']+)'\)")


@dataclass(frozen=True, slots=True, eq=False)
class Lens(Generic[T]):
    """One owned element.

    Attributes:
        name: the field of the model it serves.
        path: FHIRPath of the element, relative to the resource or backbone element.
        get: body → value; total, never raises.
        write: (body, value) → None; changes the body in place.
        select: model object → value; None where the field of the model has the lens's name.
        fill: as ``write``, for a body that holds nothing of the element; None where ``write`` does as well.
        member: the member of the body it stands in.
        url: of the extension it stands in; empty where it is no extension.
    """

    name: str
    path: str
    get: Callable[[Json], T]
    write: Callable[[Json, T], None]
    select: Callable[[Any], T] | None = None
    fill: Callable[[Json, T], None] | None = None
    member: str = field(init=False)
    url: str = field(init=False)

    def __post_init__(self) -> None:
        kept_in = _EXTENSION.fullmatch(self.path)
        object.__setattr__(self, "member", "extension" if kept_in else self.path.partition(".")[0])
        object.__setattr__(self, "url", kept_in[1] if kept_in else "")

    def of(self, model: Any) -> T:
        """The value a model object holds for this element."""
        value: T = self.select(model) if self.select else getattr(model, self.name)
        return value

    def put(self, body: Json, value: T) -> bool:
        """Write the value unless the body already says it; returns whether anything was written."""
        if self.get(body) == value:
            return False
        self.write(body, value)
        return True


@dataclass(frozen=True, slots=True)
class ItemLens(Generic[T]):
    """One item of a repeating element.

    Attributes:
        decode: item → value, or None for an item that is not ours to read (it is kept where it is).
        encode: (value, the item it replaces or None) → item.
        replaces: whether a new value may be written over the item of an old value, keeping its other members.
    """

    decode: Callable[[Json], T | None]
    encode: Callable[[T, Json | None], Json]
    replaces: Callable[[T, T], bool] = lambda _old, _new: True


def list_lens(name: str, path: str, key: str, item: ItemLens[T]) -> Lens[tuple[T, ...]]:
    """A lens on the items of ``body[key]`` that ``item`` can read, in order; other items keep their place."""

    def get(body: Json) -> tuple[T, ...]:
        return tuple(value for value in map(item.decode, objects(body, key)) if value is not None)

    def write(body: Json, values: tuple[T, ...]) -> None:
        merged = merge_items(listed(body, key), values, item)
        if merged:
            body[key] = merged
        else:
            body.pop(key, None)

    def fill(body: Json, values: tuple[T, ...]) -> None:
        body[key] = [*listed(body, key), *(item.encode(value, None) for value in values)]

    return Lens(name, path, get, write, fill=fill)


def merge_items(held: Sequence[Any], values: Sequence[T], item: ItemLens[T]) -> list[Any]:
    """The held items with the readable ones replaced by ``values``, in order; extra values come at the end."""
    readable = [(position, value) for position, raw in enumerate(held) if (value := _decode(item, raw)) is not None]
    if not readable:
        return [*held, *(item.encode(value, None) for value in values)]
    sources = _align(readable, values, item)
    queue = [item.encode(value, None) if at is None else _reuse(held[at], value, item) for value, at in sources]
    slots = {position for position, _ in readable}
    merged: list[Any] = []
    for position, raw in enumerate(held):
        if position not in slots:
            merged.append(raw)
        elif queue:
            merged.append(queue.pop(0))
    return merged + queue


def apply_lenses(lenses: tuple[Lens[Any], ...], body: Json, model: Any, *, new: bool = False) -> tuple[str, ...]:
    """Put every field of a model object into a body; returns the names of the elements that changed.

    Args:
        lenses: which elements.
        body: changed in place.
        model: whose fields are put.
        new: the body holds none of the elements yet, so that none of them needs to be read first.
    """
    if not new:
        return tuple(lens.name for lens in lenses if lens.put(body, lens.of(model)))
    filled = [(lens, value) for lens, empty in _plan_of(lenses).pairs if (value := lens.of(model)) != empty]
    for lens, value in filled:
        (lens.fill or lens.write)(body, value)
    return tuple(lens.name for lens, _ in filled)


def read_lenses(lenses: tuple[Lens[Any], ...], body: Json) -> dict[str, Any]:
    """The value of every element, by name; what stands in a member or extension the body lacks is not looked for."""
    plan = _plan_of(lenses)
    values = dict(plan.empty)
    found = [lens for member in body for lens in plan.by_member.get(member, ())]
    if plan.by_url and "extension" in body:
        urls = dict.fromkeys(text(item, "url") for item in objects(body, "extension"))
        found += [lens for url in urls for lens in plan.by_url.get(url, ())]
    values.update((lens.name, lens.get(body)) for lens in found)
    return values


class _Plan(NamedTuple):
    """Lenses by where they look, and what each reads from a body that holds nothing."""

    pairs: tuple[tuple[Lens[Any], Any], ...]
    empty: dict[str, Any]
    by_member: dict[str, list[Lens[Any]]]
    by_url: dict[str, list[Lens[Any]]]


@cache
def _plan_of(lenses: tuple[Lens[Any], ...]) -> _Plan:
    pairs = tuple((lens, lens.get({})) for lens in lenses)
    plan = _Plan(pairs, {lens.name: empty for lens, empty in pairs}, {}, {})
    for lens in lenses:
        place, name = (plan.by_url, lens.url) if lens.url else (plan.by_member, lens.member)
        place.setdefault(name, []).append(lens)
    return plan


def _align(readable: list[tuple[int, T]], values: Sequence[T], item: ItemLens[T]) -> list[tuple[T, int | None]]:
    """Pair each value with the held item it continues: an equal one first, else the next one it may replace."""
    free = list(readable)
    paired: list[tuple[T, int | None]] = []
    for value in values:
        match = next((entry for entry in free if entry[1] == value), None)
        if match:
            free.remove(match)
        paired.append((value, match[0] if match else None))
    result: list[tuple[T, int | None]] = []
    for value, position in paired:
        if position is None:
            match = next((entry for entry in free if item.replaces(entry[1], value)), None)
            if match:
                free.remove(match)
                position = match[0]
        result.append((value, position))
    return result


def _reuse(raw: Json, value: T, item: ItemLens[T]) -> Json:
    return raw if item.decode(raw) == value else item.encode(value, raw)


def _decode(item: ItemLens[T], raw: Any) -> T | None:
    return item.decode(raw) if isinstance(raw, dict) else None
