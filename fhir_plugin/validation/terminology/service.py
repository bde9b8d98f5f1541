"""Value sets and code systems of a package set, indexed when first asked for."""

from __future__ import annotations

import threading
from typing import Any

from fhir_plugin.validation.schema import DefinitionSource, canonical_url
from fhir_plugin.validation.terminology.codesystems import GRAMMARS, CodeSystemIndex, Concept
from fhir_plugin.validation.terminology.server import TerminologyServer
from fhir_plugin.validation.terminology.valuesets import ValueSetIndex

__all__ = ["Terminology"]


_REMEMBERED = 4096
"""Unknown systems remembered: anybody can make up more."""


class Terminology:
    """Answers about codes: from the packages, and where those cannot know from a server, if one was given."""

    def __init__(self, definitions: DefinitionSource, server: TerminologyServer | None = None) -> None:
        self._definitions = definitions
        self._server = server
        self.lock = threading.RLock()
        self._value_sets: dict[str, ValueSetIndex | None] = {}
        self._code_systems: dict[str, CodeSystemIndex] = {}
        self._unknown: set[str] = set()

    def value_set(self, canonical: str) -> ValueSetIndex | None:
        """The index of a value set, or None when nobody supplies it."""
        if canonical not in self._value_sets:
            resource = self._lookup(self._definitions.value_set, canonical)
            self._value_sets[canonical] = ValueSetIndex(resource, self) if resource is not None else None
        return self._value_sets[canonical]

    def code_system(self, canonical: str) -> CodeSystemIndex | None:
        """The index of a code system, or None when nobody supplies its concepts."""
        found = self._code_systems.get(canonical)
        if found is not None or canonical in self._unknown:
            return found
        resource = self._lookup(self._definitions.code_system, canonical)
        if resource is not None and resource.get("content") != "not-present":
            found = self._code_systems[canonical] = CodeSystemIndex(resource)
        elif len(self._unknown) < _REMEMBERED:
            self._unknown.add(canonical)
        return found

    def _lookup(self, find: Any, canonical: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = find(canonical)
        if found is None and "|" in canonical:
            found = find(canonical_url(canonical))
        return found

    def exists(self, system: str, code: str) -> bool | None:
        """Whether a code exists in its system."""
        index = self.code_system(system)
        if index is not None:
            known = index.has(code)
            return known if known is not None else self._asked_for(system, code)
        fits = GRAMMARS.get(system)
        return False if fits is not None and not fits(code) else self._asked_for(system, code)

    def _asked_for(self, system: str, code: str) -> bool | None:
        return self._server.in_code_system(system, code) if self._server is not None and ":" in system else None

    def contains(self, canonical: str, system: str | None, code: str) -> bool | None:
        """Whether a value set has a code; ``system`` None is whatever system the set takes it from."""
        index = self.value_set(canonical)
        answer = index.contains(system, code) if index is not None else None
        if answer is None and self._server is not None:
            implied = next(iter(index.systems), "") if system is None and index and len(index.systems) == 1 else ""
            answer = self._server.in_value_set(canonical, system or implied, code) if system or implied else None
        return answer

    def concept(self, system: str, code: str) -> Concept | None:
        """What is known of a code."""
        index = self.code_system(system)
        return index.get(code) if index is not None else None
