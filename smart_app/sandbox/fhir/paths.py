"""The few path expressions search parameters need: ``a.b``, ``a | b``, ``telecom[system=phone]``.

Full FHIRPath is the validator's business; an index needs only steps, alternatives and one filter, compiled once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["Path", "split_path"]

Path = Callable[[Any], list[Any]]
"""From the value of an element to the elements the path selects, lists flattened."""

_STEP = re.compile(r"(\w+)(?:\[(\w+)=([^\]]+)\])?")


def split_path(expression: str) -> tuple[tuple[str, Path], ...]:
    """The alternatives separated by ``|``: for each the element it begins with, and the path from its value on.

    Raises:
        ValueError: a step is not understood.
    """
    return tuple(_alternative(part.strip()) for part in expression.split("|"))


def _alternative(expression: str) -> tuple[str, Path]:
    (first, key, wanted), *steps = _steps(expression)

    if not key and not steps:
        return first, _listed

    def select(value: Any) -> list[Any]:
        nodes = _kept(_listed(value), key, wanted)
        for name, *condition in steps:
            found: list[Any] = []
            for node in nodes:
                held = node.get(name) if isinstance(node, dict) else None
                if isinstance(held, list):
                    found += held
                elif held is not None:
                    found.append(held)
            nodes = _kept(found, *condition)
        return nodes

    return first, select


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _kept(nodes: list[Any], key: str, wanted: str) -> list[Any]:
    return [node for node in nodes if isinstance(node, dict) and node.get(key) == wanted] if key else nodes


def _steps(expression: str) -> list[tuple[str, str, str]]:
    steps = []
    for part in expression.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise ValueError(f"cannot read the step {part!r}")
        steps.append((match[1], match[2] or "", match[3] or ""))
    return steps
