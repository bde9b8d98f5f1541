"""Reading JSON that may have any shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_plugin.validation.scope import Path

__all__ = ["items", "text"]


def items(holder: Any, name: str, path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The objects of a list, each with its place."""
    found = holder.get(name) if type(holder) is dict else None
    for place, one in enumerate(found if type(found) is list else ()):
        if type(one) is dict:
            yield one, (path, name, place)


def text(holder: Any, name: str) -> str:
    """A string property, empty where it is none."""
    found = holder.get(name) if type(holder) is dict else None
    return found if type(found) is str else ""
