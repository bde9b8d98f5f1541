"""Reading one table of the settings file key by key, so that every error says which key and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from fhir_plugin.errors import InputError

__all__ = ["Table"]

T = TypeVar("T")


class Table:
    """One TOML table, read key by key; what is never read is reported as unknown.

    Args:
        values: of the table.
        path: what stands before its keys in messages, such as ``session.``.
        file: name of the file.
    """

    def __init__(self, values: Mapping[str, Any], path: str, file: str) -> None:
        self.values = values
        self.path = path
        self.file = file
        self.known: set[str] = set()

    def error(self, key: str, message: str, remedy: str) -> InputError:
        """An error at a key of this table."""
        where = f"{self.file}: {self.path}{key}"
        return InputError(message, code="settings", where=where, remedy=remedy)

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        """A value of one type.

        Raises:
            InputError: it is missing and has no default, or is of another type.
        """
        self.known.add(key)
        value = self.values.get(key, default)
        if value is None:
            near = get_close_matches(key, set(self.values) - self.known, n=1, cutoff=0.8)
            remedy = f"Write {key} for {near[0]}." if near else f"Add {key} = … ({_toml_name(kind)})."
            raise self.error(key, "This setting is missing.", remedy)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, "This setting has the wrong type.", f"Write it as a {_toml_name(kind)}.")
        return value

    def text(self, key: str) -> str:
        """A string that must be there and say something.

        Raises:
            InputError: it is missing, empty or no string.
        """
        value = self.get(key, str)
        if not value.strip():
            raise self.error(key, "This setting is empty.", f"Fill in {key}.")
        return value

    def strings(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of strings.

        Raises:
            InputError: it is anything else.
        """
        values = self.get(key, list, list(default))
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, "This setting has the wrong type.", "Write it as a list of strings.")
        return tuple(values)

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """One of a few words.

        Raises:
            InputError: it is another.
        """
        value = self.get(key, str, default)
        if value not in allowed:
            raise self.error(key, f"{value!r} is not possible here.", f"Choose one of: {', '.join(allowed)}.")
        return value

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``.

        Raises:
            InputError: it is out of range, or no whole number.
        """
        value = self.get(key, int, default)
        if not low <= value <= high:
            raise self.error(key, f"{value} is out of range.", f"Choose a whole number from {low} to {high}.")
        return value

    def finish(self) -> None:
        """Nothing may be left over.

        Raises:
            InputError: a key was never asked for, so it does not exist.
        """
        for key in self.values:
            if key not in self.known:
                near = get_close_matches(key, self.known, n=1)
                remedy = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(self.known))}."
                raise self.error(key, "This setting does not exist.", remedy)


def _toml_name(kind: type[object]) -> str:
    names: dict[type[object], str] = {str: "string", int: "whole number", bool: "boolean", list: "list", dict: "table"}
    return names[kind]
