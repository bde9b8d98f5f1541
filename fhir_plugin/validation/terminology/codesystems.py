"""A CodeSystem as an index of its concepts (http://hl7.org/fhir/R4/codesystem.html)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fhir_plugin.validation.ucum import is_unit

__all__ = ["GRAMMARS", "LISTED", "CodeSystemIndex", "Concept"]

Json = dict[str, Any]

GRAMMARS: dict[str, Callable[[str], object]] = {
    "urn:ietf:bcp:13": re.compile(r"[\w!#$&\-^.+*]+/[\w!#$&\-^.+*]+(\s*;.*)?", re.ASCII).fullmatch,
    "urn:ietf:bcp:47": re.compile(
        r"([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|\d{3}))?(-([a-z0-9]{5,8}|\d[a-z0-9]{3}))*"
        r"(-[a-wy-z0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?|x(-[a-z0-9]{1,8})+",
        re.ASCII | re.IGNORECASE,
    ).fullmatch,
    "urn:ietf:rfc:3986": re.compile(r"\S+").fullmatch,
    "urn:iso:std:iso:3166": re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?|[A-Z]{3}|\d{3}", re.ASCII).fullmatch,
    "http://unitsofmeasure.org": is_unit,
}
"""Code systems whose codes follow a grammar: what does not match is certainly no code."""
LISTED = frozenset({"urn:iso:std:iso:3166"})
"""Those of which not everything that matches is a code."""


@dataclass(slots=True)
class Concept:
    """One concept: its displays in any language, its parents and its properties."""

    code: str
    display: str = ""
    displays: frozenset[str] = frozenset()
    parents: list[str] = field(default_factory=list)
    properties: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def inactive(self) -> bool:
        """Whether the code is retired, deprecated or marked inactive."""
        return any(
            (name == "inactive" and value is True) or (name == "status" and value in ("retired", "deprecated"))
            for name, value in self.properties
        )


class CodeSystemIndex:
    """Concepts by code.

    Attributes:
        complete: whether a code that is not here does not exist.
        supplement: whether this only adds to another code system.
    """

    def __init__(self, resource: Json) -> None:
        content = resource.get("content")
        self.url = str(resource.get("url", ""))
        self.version = str(resource.get("version", ""))
        self.complete = content == "complete" and not resource.get("supplements")
        self.supplement = content == "supplement" or bool(resource.get("supplements"))
        self.case_sensitive = resource.get("caseSensitive") is not False
        self.concepts: dict[str, Concept] = {}
        self._load(resource.get("concept", ()), None)
        self._children: dict[str, list[str]] | None = None

    def _load(self, concepts: Any, parent: str | None) -> None:
        for raw in concepts if type(concepts) is list else ():
            if type(raw) is not dict or "code" not in raw:
                continue
            code = str(raw["code"])
            concept = self.concepts.get(code)
            if concept is None:
                concept = self.concepts[self._key(code)] = _concept(raw, code)
            if parent is not None:
                concept.parents.append(parent)
            self._load(raw.get("concept", ()), code)

    def _key(self, code: str) -> str:
        return code if self.case_sensitive else code.lower()

    def get(self, code: str) -> Concept | None:
        """The concept of a code."""
        return self.concepts.get(code if self.case_sensitive else code.lower())

    def descendants(self, code: str) -> Iterator[str]:
        """Codes below a code."""
        if self._children is None:
            children: dict[str, list[str]] = {}
            for one in self.concepts.values():
                for parent in one.parents:
                    children.setdefault(parent, []).append(one.code)
            self._children = children
        seen = {code}
        waiting = [code]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
                    yield child

    def has(self, code: str) -> bool | None:
        """Whether the code exists; None where this index is not the whole code system."""
        if self.get(code) is not None:
            return True
        return False if self.complete else None


def _concept(raw: Json, code: str) -> Concept:
    properties: list[tuple[str, Any]] = []
    parents: list[str] = []
    for one in raw.get("property", ()):
        value = next((value for name, value in one.items() if name.startswith("value")), None)
        properties.append((str(one.get("code", "")), value))
        if one.get("code") in ("parent", "subsumedBy") and isinstance(value, str):
            parents.append(value)
    display = str(raw.get("display", ""))
    others = (str(one.get("value", "")) for one in raw.get("designation", ()) if type(one) is dict)
    return Concept(code, display, frozenset(filter(None, (display, *others))), parents, properties)
