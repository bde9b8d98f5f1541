"""Displays of our own codes, read from the code systems in ``profiles/`` so that they are written down once."""

from __future__ import annotations

import json
from functools import cache

from fhir_plugin.mapping.json import Json, objects, prune, text
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.terms import BASE
from fhir_plugin.packages import profiles_dir

__all__ = ["coding_to_json", "display_in", "display_of"]


def coding_to_json(coding: Coding) -> Json:
    """A Coding element; a code of ours gets its display where the caller gave none."""
    display = coding.display or display_of(coding.system, coding.code)
    return prune({"system": coding.system, "code": coding.code, "display": display})


def display_of(system: str, code: str) -> str:
    """The display of a code of one of our code systems in its own language; empty for any other system."""
    return _displays(system).get(code, "") if system.startswith(BASE) else ""


def display_in(system: str, code: str, language: str) -> str:
    """The display of a code of ours in a language, from its designations; in its own language where there is none."""
    return _designations(system).get((code, language), "") or display_of(system, code)


@cache
def _designations(system: str) -> dict[tuple[str, str], str]:
    return {
        (text(concept, "code"), text(item, "language")): text(item, "value")
        for concept in _concepts(system)
        for item in objects(concept, "designation")
    }


@cache
def _displays(system: str) -> dict[str, str]:
    return {text(concept, "code"): text(concept, "display") for concept in _concepts(system)}


def _concepts(system: str) -> list[Json]:
    """The concepts of a code system as it stands in ``profiles/``."""
    folder = profiles_dir()
    if folder is None:
        return []
    file = folder / f"CodeSystem-{system.rsplit('/', 1)[-1]}.json"
    if not file.is_file():
        return []
    return list(objects(json.loads(file.read_text(encoding="utf-8")), "concept"))
