"""Reading JSON that may have any shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_plugin.validation.scope import Path

__all__ = ["choice", "extension_value", "extension_values", "items", "text"]


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


def choice(holder: Any, stem: str) -> tuple[str, Any]:
    """Suffix and value of a choice (``value[x]``); empty and None where there is none."""
    width = len(stem)
    for name, value in holder.items() if type(holder) is dict else ():
        if name.startswith(stem) and name[width : width + 1].isupper():
            return name[width:], value
    return "", None


def extension_values(holder: Any, url: str) -> Iterator[Any]:
    """Values of the extensions with a url."""
    for one in holder.get("extension") or () if type(holder) is dict else ():
        if type(one) is dict and one.get("url") == url:
            yield choice(one, "value")[1]


def extension_value(holder: Any, url: str) -> Any:
    """Value of the first extension with a url, or None."""
    return next(extension_values(holder, url), None)
