"""Small random damage to good resources: dropped, doubled, renamed, retyped, emptied and recoded elements."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Place = tuple[Any, Any]
"""A container (object or list) and a key or index in it."""

_CODES = ("zzz", "active", "official", "M", "unknown", "proposed", "final")


def mutants(seeds: list[Json], count: int, seed: int = 20) -> Iterator[tuple[str, Json]]:
    """Pairs of what was done and the damaged resource; the same ones for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        resource = copy.deepcopy(seeds[number % len(seeds)])
        label = []
        for _ in range(rng.choice((1, 1, 1, 2))):
            places = list(_places(resource))
            if places:
                change = rng.choice(_CHANGES)
                container, key = rng.choice(places)
                label.append(f"{change.__name__} {key}")
                change(rng, container, key)
        yield "; ".join(label), resource


def _places(value: Any) -> Iterator[Place]:
    if isinstance(value, dict):
        for key in value:
            if key not in ("resourceType", "div", "text"):
                yield value, key
                yield from _places(value[key])
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value, index
            yield from _places(value[index])


def drop(_rng: random.Random, container: Any, key: Any) -> None:
    del container[key]


def double(_rng: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif isinstance(container[key], list):
        container[key] += copy.deepcopy(container[key])
    else:
        container[key] = [container[key], copy.deepcopy(container[key])]


def rename(rng: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, dict):
        container[rng.choice((key + "x", key[:1].upper() + key[1:], key[:-1] or "q"))] = container.pop(key)


def retype(rng: random.Random, container: Any, key: Any) -> None:
    value = container[key]
    options: list[Any] = ["text", 12, 1.5, True, {"value": "x"}, [value], None]
    container[key] = rng.choice([option for option in options if type(option) is not type(value)])


def empty(rng: random.Random, container: Any, key: Any) -> None:
    container[key] = rng.choice(("", {}, [], " ")) if not isinstance(container[key], str) else rng.choice(("", " "))


def recode(rng: random.Random, container: Any, key: Any) -> None:
    value = container[key]
    if isinstance(value, str):
        options = (rng.choice(_CODES), value.upper(), value + " x", f" {value}", value[:4], "2020-13-45", value[::-1])
        container[key] = rng.choice(options)
    elif isinstance(value, bool):
        container[key] = str(value).lower()
    elif isinstance(value, int | float):
        container[key] = rng.choice((-1, 0, 99999999999, 1.25, str(value)))


_CHANGES: tuple[Callable[[random.Random, Any, Any], None], ...] = (drop, double, rename, retype, empty, recode)
