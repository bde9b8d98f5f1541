"""Value sets and code systems of a package set, indexed when first asked for."""

from __future__ import annotations

import threading
from typing import Any

from fhir_plugin.validation.schema import DefinitionSource, canonical_url
from fhir_plugin.validation.terminology.codesystems import GRAMMARS, CodeSystemIndex, Concept
from fhir_plugin.validation.terminology.valuesets import ValueSetIndex

__all__ = ["Terminology"]


class Terminology:
    """Answers about codes. Nothing here ever asks a network."""

    def __init__(self, definitions: DefinitionSource) -> None:
        self._definitions = definitions
        self.lock = threading.RLock()
        self._value_sets: dict[str, ValueSetIndex | None] = {}
        self._code_systems: dict[str, CodeSystemIndex] = {}

    def value_set(self, canonical: str) -> ValueSetIndex | None:
        """The index of a value set, or None when nobody supplies it."""
        if canonical not in self._value_sets:
            resource = self._lookup(self._definitions.value_set, canonical)
            self._value_sets[canonical] = ValueSetIndex(resource, self) if resource is not None else None
        return self._value_sets[canonical]

    def code_system(self, canonical: str) -> CodeSystemIndex | None:
        """The index of a code system, or None when nobody supplies its concepts."""
        if canonical not in self._code_systems:
            resource = self._lookup(self._definitions.code_system, canonical)
            if resource is None or resource.get("content") == "not-present":
                return None  # not remembered: anybody can make up systems
            self._code_systems[canonical] = CodeSystemIndex(resource)
        return self._code_systems[canonical]

    def _lookup(self, find: Any, canonical: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = find(canonical)
        if found is None and "|" in canonical:
            found = find(canonical_url(canonical))
        return found

    def exists(self, system: str, code: str) -> bool | None:
        """Whether a code exists in its system."""
        index = self.code_system(system)
        if index is not None:
            return index.has(code)
        fits = GRAMMARS.get(system)
        return False if fits is not None and not fits(code) else None

    def concept(self, system: str, code: str) -> Concept | None:
        """What is known of a code."""
        index = self.code_system(system)
        return index.get(code) if index is not None else None
