"""The few path expressions search parameters need: ``a.b``, ``a | b``, ``telecom[system=phone]``.

Full FHIRPath is the validator's business; an index needs only steps, alternatives and one filter, compiled once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["Path", "compile_path"]

Path = Callable[[Any], list[Any]]
"""From a resource to the elements the path selects, lists flattened."""

_STEP = re.compile(r"(\w+)(?:\[(\w+)=([^\]]+)\])?")


def compile_path(expression: str) -> Path:
    """Compile alternatives separated by ``|``.

    Raises:
        ValueError: a step is not understood.
    """
    alternatives = [_steps(part.strip()) for part in expression.split("|")]

    def select(resource: Any) -> list[Any]:
        return [element for steps in alternatives for element in _walked(resource, steps)]

    return select


def _steps(expression: str) -> tuple[tuple[str, str, str], ...]:
    steps = []
    for part in expression.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise ValueError(f"cannot read the step {part!r}")
        steps.append((match[1], match[2] or "", match[3] or ""))
    return tuple(steps)


def _walked(resource: Any, steps: tuple[tuple[str, str, str], ...]) -> list[Any]:
    nodes = [resource]
    for name, key, wanted in steps:
        found: list[Any] = []
        for node in nodes:
            held = node.get(name) if isinstance(node, dict) else None
            if isinstance(held, list):
                found += held
            elif held is not None:
                found.append(held)
        nodes = [item for item in found if isinstance(item, dict) and item.get(key) == wanted] if key else found
        if not nodes:
            break
    return nodes
