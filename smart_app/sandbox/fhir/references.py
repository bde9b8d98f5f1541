"""References between the entries of a transaction (https://hl7.org/fhir/R4/http.html#trules)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from smart_app.sandbox.fhir.interaction import Params
from smart_app.sandbox.fhir.outcome import FhirError

__all__ = ["resolve"]

Find = Callable[[str, Params], str]
"""From type and criteria of a conditional reference to ``Type/id``."""


def resolve(body: Any, places: Mapping[str, str], find: Find) -> None:
    """Make every reference to another entry, and every conditional reference, literal, in place.

    Args:
        body: a resource, or the operations of a JSON Patch.
        places: fullUrl → ``Type/id``; also applied to ``uri``-like text that *is* such a fullUrl.
        find: looks a conditional reference up.

    Raises:
        FhirError: 400, a ``urn:`` reference points to no entry; 412, a condition does not mean exactly one.
    """
    waiting = [body]
    for node in waiting:  # which grows meanwhile
        members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for name, value in members:
            kind = type(value)
            if kind is str:
                if name == "reference":
                    node[name] = places.get(value) or _reference(value, places, find)
                elif value[:4] == "urn:" and name != "value":  # an Identifier's value is no uri, whatever it holds
                    node[name] = places.get(value, value)
            elif kind is dict or kind is list:
                waiting.append(value)


def _reference(literal: str, places: Mapping[str, str], find: Find) -> str:
    base, hash_sign, fragment = literal.partition("#")
    if base in places:
        return places[base] + hash_sign + fragment
    if base.startswith(("urn:uuid:", "urn:oid:")):
        raise FhirError(400, "invalid", "A reference points to an entry that is not in the Bundle.")
    kind, question, criteria = literal.partition("?")
    if question and kind.isalpha():
        return find(kind, tuple(parse_qsl(criteria)))
    return literal
