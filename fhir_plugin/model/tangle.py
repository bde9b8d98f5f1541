"""JSON beyond reason: nested thousands deep, of millions of values, or (made in Python) running in a circle.

Nothing here calls itself, so that no depth of what is given can end the process.
"""

from __future__ import annotations

from typing import Any

__all__ = ["MAX_DEPTH", "MAX_NODES", "oversize", "same", "twin"]

MAX_DEPTH = 64
"""Levels of nesting; the deepest resources in use stay under half of it."""
MAX_NODES = 200_000
"""Values in one resource, each counted wherever it stands."""
_MANY = (list, tuple)


def oversize(body: Any) -> bool:
    """Whether JSON is nested or large beyond reason, or runs in a circle."""
    level, nodes = [body], 0
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                deeper.extend(value.values())
            elif isinstance(value, _MANY):
                deeper.extend(value)
            nodes += 1
            if nodes + len(deeper) > MAX_NODES:
                return True
        if not deeper:
            return False
        level = deeper
    return True


def twin(body: dict[str, Any]) -> dict[str, Any]:
    """A copy in which what was shared is shared again: circles stay circles."""
    made: dict[int, Any] = {id(body): {}}
    waiting: list[Any] = [body]

    def copied(value: Any) -> Any:
        if not isinstance(value, dict | list):
            return value
        if id(value) not in made:
            made[id(value)] = {} if isinstance(value, dict) else []
            waiting.append(value)
        return made[id(value)]

    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            made[id(value)].update((key, copied(item)) for key, item in value.items())
        else:
            made[id(value)].extend(copied(item) for item in value)
    whole: dict[str, Any] = made[id(body)]
    return whole


def same(one: Any, other: Any) -> bool:
    """Whether two values say the same, for values on which ``==`` might never end."""
    seen: set[tuple[int, int]] = set()
    waiting = [(one, other)]
    while waiting:
        left, right = waiting.pop()
        if left is right or (id(left), id(right)) in seen:
            continue
        if isinstance(left, dict) and isinstance(right, dict):
            seen.add((id(left), id(right)))
            if left.keys() != right.keys():
                return False
            waiting.extend((value, right[key]) for key, value in left.items())
        elif isinstance(left, list) and isinstance(right, list):
            seen.add((id(left), id(right)))
            if len(left) != len(right):
                return False
            waiting.extend(zip(left, right, strict=True))
        elif isinstance(left, dict | list) or isinstance(right, dict | list) or left != right:
            return False
    return True
