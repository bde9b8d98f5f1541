"""A ValueSet as a three-valued membership test (http://hl7.org/fhir/R4/valueset.html#compositions)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fhir_plugin.validation.terminology.codesystems import GRAMMARS, LISTED, CodeSystemIndex, Concept

if TYPE_CHECKING:
    from fhir_plugin.validation.terminology.service import Terminology

__all__ = ["ValueSetIndex", "every", "some"]

Json = dict[str, Any]
Answer = bool | None
_REMEMBERED = 65_536
"""Answers kept per value set, so that memory is bounded whatever is asked."""


def some(answers: Iterable[Answer]) -> Answer:
    """Three-valued or."""
    result: Answer = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            result = None
    return result


def every(answers: Iterable[Answer]) -> Answer:
    """Three-valued and."""
    result: Answer = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            result = None
    return result


def _well_formed(compose: Any) -> bool:
    """Whether a composition can be read at all."""
    parts = [compose.get(name, []) for name in ("include", "exclude")] if type(compose) is dict else [None]
    return all(type(part) is list and all(type(one) is dict for one in part) for part in parts)


class ValueSetIndex:
    """Membership, remembered per code."""

    def __init__(self, resource: Json, terminology: Terminology) -> None:
        self.url = str(resource.get("url", ""))
        compose = resource.get("compose") or {}
        self._readable = _well_formed(compose)
        if not self._readable:
            compose = {}
        self._includes = [_Part(one, terminology) for one in compose.get("include", ()) if type(one) is dict]
        self._excludes = [_Part(one, terminology) for one in compose.get("exclude", ()) if type(one) is dict]
        self._expanded = None if self._includes else _expansion(resource)
        self._known: dict[tuple[str | None, str], Answer] = {}
        self._deciding: set[tuple[str | None, str]] = set()
        self._lock = terminology.lock

    def contains(self, system: str | None, code: str) -> Answer:
        """Whether the code is in the set; ``system`` None implies whatever system the set takes it from."""
        key = (system, code)
        if key in self._known:
            return self._known[key]
        if not self._readable:
            return None
        with self._lock:
            if key in self._deciding:
                return None  # value sets that import each other
            self._deciding.add(key)
            answer = self._decide(system, code)
            self._deciding.discard(key)
            if len(self._known) < _REMEMBERED:
                self._known[key] = answer
        return answer

    @property
    def systems(self) -> frozenset[str]:
        """Code systems the set draws from, as far as it names them."""
        return frozenset(system for part in self._includes for system in part.systems())

    def _decide(self, system: str | None, code: str) -> Answer:
        if self._expanded is not None:
            return any((system is None or system == one) and code == other for one, other in self._expanded)
        answer = some(part.contains(system, code) for part in self._includes)
        if answer is False or not self._excludes:
            return answer
        excluded = some(part.contains(system, code) for part in self._excludes)
        return every((answer, None if excluded is None else not excluded))


def _expansion(resource: Json) -> frozenset[tuple[str, str]] | None:
    found: set[tuple[str, str]] = set()
    waiting = list((resource.get("expansion") or {}).get("contains", ()))
    while waiting:
        one = waiting.pop()
        found.add((str(one.get("system", "")), str(one.get("code", ""))))
        waiting += one.get("contains", ())
    return frozenset(found) if "expansion" in resource else None


class _Part:
    """One include or exclude: everything it names must hold."""

    def __init__(self, raw: Json, terminology: Terminology) -> None:
        self.system: str | None = raw.get("system")
        self.version = raw.get("version")
        self._terminology = terminology
        self._value_sets: tuple[str, ...] = tuple(raw.get("valueSet", ()))
        self._filters: list[Json] = [one for one in raw.get("filter", ()) if type(one) is dict]
        listed = [str(one["code"]) for one in raw.get("concept", ()) if type(one) is dict and "code" in one]
        self._codes = frozenset(listed) if "concept" in raw else None

    def systems(self) -> Iterable[str]:
        if self.system:
            yield self.system
        for canonical in self._value_sets:
            index = self._terminology.value_set(canonical)
            if index is not None:
                yield from index.systems

    def contains(self, system: str | None, code: str) -> Answer:
        if self.system is not None and system is not None and system != self.system:
            return False
        answers: list[Answer] = [self._in_system(code)] if self.system is not None else []
        for canonical in self._value_sets:
            index = self._terminology.value_set(canonical)
            answers.append(None if index is None else index.contains(system, code))
        return every(answers)

    def _in_system(self, code: str) -> Answer:
        if self._codes is not None:
            return code in self._codes
        index = self._terminology.code_system(self.system or "")
        if index is None:
            return _by_grammar(self.system or "", code)
        if not self._filters:
            return index.has(code)
        concept = index.get(code)
        if concept is None:
            return False if index.complete else None
        if not index.complete:
            return None
        return every(_passes(index, concept, one) for one in self._filters)


def _by_grammar(system: str, code: str) -> Answer:
    fits = GRAMMARS.get(system)
    if fits is None:
        return None
    if not fits(code):
        return False
    return None if system in LISTED else True


def _passes(index: CodeSystemIndex, concept: Concept, raw: Json) -> Answer:
    test = _FILTERS.get(str(raw.get("op", "")))
    return None if test is None else test(index, concept, str(raw.get("property", "")), str(raw.get("value", "")))


def _values(concept: Concept, name: str) -> list[str]:
    if name in ("concept", "code"):
        return [concept.code]
    if name == "display":
        return [concept.display]
    if name == "parent":
        return list(concept.parents)
    found = []
    for key, value in concept.properties:
        if key == name:
            text = value.get("code", "") if type(value) is dict else value
            found.append(str(text).lower() if type(text) is bool else str(text))
    return found


def _is_a(index: CodeSystemIndex, concept: Concept, _name: str, value: str) -> Answer:
    return concept.code == value or concept.code in set(index.descendants(value))


def _descends(index: CodeSystemIndex, concept: Concept, _name: str, value: str) -> Answer:
    return concept.code in set(index.descendants(value))


def _exists(_index: CodeSystemIndex, concept: Concept, name: str, value: str) -> Answer:
    return bool(_values(concept, name)) == (value != "false")


def _regex(_index: CodeSystemIndex, concept: Concept, name: str, value: str) -> Answer:
    try:
        expression = re.compile(value)
    except re.error:
        return None
    return any(expression.fullmatch(one) for one in _values(concept, name))


def _equals(_index: CodeSystemIndex, concept: Concept, name: str, value: str) -> Answer:
    return value in _values(concept, name)


def _one_of(_index: CodeSystemIndex, concept: Concept, name: str, value: str) -> Answer:
    return any(one in _values(concept, name) for one in value.split(","))


def _not(test: Callable[..., Answer]) -> Callable[..., Answer]:
    def negated(*arguments: Any) -> Answer:
        answer = test(*arguments)
        return None if answer is None else not answer

    return negated


_FILTERS: dict[str, Callable[[CodeSystemIndex, Concept, str, str], Answer]] = {
    "is-a": _is_a,
    "descendent-of": _descends,
    "is-not-a": _not(_is_a),
    "exists": _exists,
    "regex": _regex,
    "=": _equals,
    "in": _one_of,
    "not-in": _not(_one_of),
}
