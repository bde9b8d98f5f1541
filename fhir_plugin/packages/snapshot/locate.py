"""Where a differential element belongs: steps of name and slice, by its id, else by path and what came before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from fhir_plugin.packages.snapshot.tree import Json

__all__ = ["Step", "located"]

Step = tuple[str, str]
"""Name of an element and the slice of it that is meant (empty: the element itself)."""


def located(elements: list[Json]) -> Iterator[tuple[tuple[Step, ...], Json]]:
    """The elements of a differential with their steps below the root.

    An id says exactly which slice is meant, so it counts where it agrees with the path. Elsewhere an element belongs
    to the slice that was opened last.
    """
    opened: dict[str, tuple[Step, ...]] = {}
    for element in elements:
        path = element["path"]
        steps = _by_id(path, element) or _by_context(path, element, opened)
        opened = {key: value for key, value in opened.items() if not key.startswith(f"{path}.")}
        opened[path] = steps
        yield steps[1:], element


def _by_id(path: str, element: Json) -> tuple[Step, ...] | None:
    names, pieces = path.split("."), str(element.get("id") or "").split(".")
    if len(names) == len(pieces):
        steps = [_step(*pair) for pair in zip(names, pieces, strict=True)]
    else:
        found = _pattern(path).fullmatch(".".join(pieces)) if len(pieces) > len(names) else None
        groups = found.groups() if found else ()
        steps = [(groups[at], groups[at + 1] or "") for at in range(0, len(groups), 2)]
    if not all(name for name, _slice in steps) or not steps:
        return None
    slice_name = element.get("sliceName", "")
    if slice_name:
        steps[-1] = (steps[-1][0], slice_name)
    return tuple(steps)


def _step(name: str, piece: str) -> Step:
    """The step a piece of an id says; no name where it does not fit the path (``value[x]`` fits ``valueCode``)."""
    named, colon, slice_name = piece.partition(":")
    stem = named.removesuffix("[x]")
    fits = named == name or (stem != named and stem != "" and name.startswith(stem))
    return (named if fits and bool(colon) == bool(slice_name) else "", slice_name)


@lru_cache(maxsize=4096)
def _pattern(path: str) -> re.Pattern[str]:
    """As :func:`_step` for whole ids, where the names of slices may hold dots."""
    segments = []
    for name in path.split("."):
        stems = "|".join(re.escape(name[:end]) for end in range(len(name), 0, -1))
        segments.append(rf"({re.escape(name)}|(?:{stems})\[x\])(?::(.+?))?")
    return re.compile(r"\.".join(segments))


def _by_context(path: str, element: Json, opened: dict[str, tuple[Step, ...]]) -> tuple[Step, ...]:
    step = (path.rpartition(".")[2], element.get("sliceName", ""))
    parent = path.rpartition(".")[0]
    if not parent:
        return (step,)
    above = opened.get(parent) or tuple((name, "") for name in parent.split("."))
    return (*above, step)
