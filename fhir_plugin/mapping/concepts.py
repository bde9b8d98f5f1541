"""Editing a list of CodeableConcepts that several parties write to, coding by coding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.mapping.json import Json, codings, listed, objects
from fhir_plugin.model.identity import Coding

__all__ = ["Owned", "all_codings", "edited", "rebuilt"]

Owned = Callable[[Coding], bool]
Host = Callable[[list[Any], Coding], Json | None]


def all_codings(body: Json, key: str) -> list[Coding]:
    """Every coding with system and code in the concepts of an element, in order."""
    return [coding for concept in objects(body, key) for coding in codings(concept)]


def edited(body: Json, key: str, wanted: Iterable[Coding], owned: Owned, host: Host = lambda _c, _n: None) -> list[Any]:
    """The held concepts without owned codings that went and with those that came: the smallest change.

    Args:
        body: the resource or backbone element.
        key: name of the repeating CodeableConcept element.
        wanted: the owned codings that must be there afterwards.
        owned: which codings are ours to remove.
        host: the concept a new coding joins, or None for a concept of its own.
    """
    wanted = list(wanted)
    keys = {coding.key for coding in wanted}
    held = {coding.key for coding in all_codings(body, key) if owned(coding)}
    concepts = [kept for raw in listed(body, key) if (kept := _without(raw, keys, owned)) is not None]
    return _with(concepts, [coding for coding in wanted if coding.key not in held], host)


def rebuilt(
    body: Json, key: str, wanted: Iterable[Coding], owned: Owned, host: Host = lambda _c, _n: None
) -> list[Any]:
    """Concepts in the wanted order; what others wrote beside our codings follows, whole."""
    rest = [kept for raw in listed(body, key) if (kept := _without(raw, set(), owned)) is not None]
    return _with([], list(wanted), host) + rest


def _with(concepts: list[Any], new: list[Coding], host: Host) -> list[Any]:
    for coding in new:
        concept = host(concepts, coding)
        if concept is None:
            concepts.append({"coding": [coding_to_json(coding)]})
        else:
            concept["coding"] = [*objects(concept, "coding"), coding_to_json(coding)]
    return concepts


def _without(raw: Any, wanted: set[tuple[str, str]], owned: Owned) -> Any | None:
    """A concept without owned codings that are not wanted; None when nothing is left of it."""
    if not isinstance(raw, dict) or not isinstance(raw.get("coding"), list):
        return raw
    kept = [item for item in raw["coding"] if not _dropped(item, wanted, owned)]
    if len(kept) == len(raw["coding"]):
        return dict(raw)
    body = {key: value for key, value in raw.items() if key not in ("coding", "text")}
    if kept:
        return {**body, "coding": kept}
    return body or None


def _dropped(item: Any, wanted: set[tuple[str, str]], owned: Owned) -> bool:
    coding = next(codings({"coding": [item]}), None)
    return coding is not None and owned(coding) and coding.key not in wanted
