"""References between the entries of a transaction (https://hl7.org/fhir/R4/http.html#trules)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from smart_app.sandbox.fhir.interaction import Params
from smart_app.sandbox.fhir.outcome import FhirError

__all__ = ["resolved"]

Find = Callable[[str, Params], str]
"""From type and criteria of a conditional reference to ``Type/id``."""


def resolved(node: Any, places: Mapping[str, str], find: Find) -> Any:
    """A copy in which every reference to another entry, and every conditional reference, is literal.

    Args:
        node: a resource or part of one.
        places: fullUrl → ``Type/id``; also applied to ``uri``-like text that *is* such a fullUrl.
        find: looks a conditional reference up.

    Raises:
        FhirError: 400, a ``urn:`` reference points to no entry; 412, a condition does not mean exactly one.
    """
    if isinstance(node, dict):
        return {
            name: _reference(value, places, find)
            if name == "reference" and isinstance(value, str)
            else value
            if name == "value" and isinstance(value, str)  # an Identifier's is a string and no uri, whatever it holds
            else resolved(value, places, find)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [resolved(item, places, find) for item in node]
    if isinstance(node, str) and node.startswith("urn:") and node in places:
        return places[node]
    return node


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
