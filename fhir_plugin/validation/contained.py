"""Contained resources are named, unique and used (dom-3, http://hl7.org/fhir/R4/references.html#contained)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fhir_plugin.validation.scope import Scope

__all__ = ["check"]

_SHOWN = re.compile(r"\s(?:src|href)\s*=\s*[\"'](#[^\"'<>]+)[\"']")


def check(scope: Scope) -> None:
    """Report contained resources without a use, and ids that occur twice."""
    found = scope.resource.get("contained")
    if type(found) is not list:
        return
    used = set(_fragments({key: value for key, value in scope.resource.items() if key != "contained"}))
    ids: set[str] = set()
    items = [(place, one) for place, one in enumerate(found) if type(one) is dict]
    reaching = {place: set(_fragments(one)) for place, one in items}
    reached = Counter(name for names in reaching.values() for name in names)
    for place, one in items:
        key = one.get("id")
        path = (scope.path, "contained", place)
        if type(key) is not str:
            scope.error("contained-no-id", path)
            continue
        if key in ids:
            scope.error("contained-id-repeated", path, ("id", key[:64]))
        ids.add(key)
        name = f"#{key}"
        elsewhere = name in used or reached[name] > (name in reaching[place])
        if not elsewhere and "#" not in reaching[place]:
            scope.error("dom-3", path, ("id", key[:64]))


def _fragments(value: Any) -> Iterator[str]:
    """Every string under a value that starts with ``#``, and what narratives show: local references."""
    if type(value) is dict:
        for name, one in value.items():
            if name == "div" and type(one) is str:
                yield from (match[1] for match in _SHOWN.finditer(one))
            else:
                yield from _fragments(one)
    elif type(value) is list:
        for one in value:
            yield from _fragments(one)
    elif type(value) is str and value.startswith("#"):
        yield value
