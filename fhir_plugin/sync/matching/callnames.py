"""Given names and call names that may be of one person: Johanna is Hannie, Cornelis is Kees."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from fhir_plugin.model.names import folded

__all__ = ["call_name_groups"]


@cache
def _groups() -> dict[str, frozenset[int]]:
    listed = tomllib.loads((files(__package__) / "callnames.toml").read_text(encoding="utf-8"))["groups"]
    found: dict[str, set[int]] = {}
    for number, names in enumerate(listed):
        for name in names:
            found.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def call_name_groups(name: str) -> frozenset[int]:
    """The groups a given name or call name is in; of ``Jan Willem`` the first word counts."""
    words = folded(name).split()
    return _groups().get(words[0], frozenset()) if words else frozenset()
