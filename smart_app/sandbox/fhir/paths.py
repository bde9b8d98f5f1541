"""The few path expressions search parameters need: ``a.b``, ``a | b``, ``telecom[system=phone]``.

Full FHIRPath is the validator's business; an index needs only steps, alternatives and one filter, compiled once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Path", "compile_path"]

Path = Callable[[Any], Iterator[Any]]
"""From a resource to the elements the path selects, lists flattened."""

_STEP = re.compile(r"(\w+)(?:\[(\w+)=([^\]]+)\])?")


def compile_path(expression: str) -> Path:
    """Compile alternatives separated by ``|``.

    Raises:
        ValueError: a step is not understood.
    """
    alternatives = [_steps(part.strip()) for part in expression.split("|")]

    def select(resource: Any) -> Iterator[Any]:
        for steps in alternatives:
            yield from _walk(resource, steps, 0)

    return select


def _steps(expression: str) -> tuple[tuple[str, str, str], ...]:
    steps = []
    for part in expression.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise ValueError(f"cannot read the step {part!r}")
        steps.append((match[1], match[2] or "", match[3] or ""))
    return tuple(steps)


def _walk(node: Any, steps: tuple[tuple[str, str, str], ...], depth: int) -> Iterator[Any]:
    if depth == len(steps):
        yield node
        return
    if not isinstance(node, dict):
        return
    name, key, wanted = steps[depth]
    found = node.get(name)
    for item in found if isinstance(found, list) else (found,):
        if item is None or (key and not (isinstance(item, dict) and item.get(key) == wanted)):
            continue
        yield from _walk(item, steps, depth + 1)
