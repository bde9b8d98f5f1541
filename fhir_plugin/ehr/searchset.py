"""Searches: their parameters, and the pages they answer with (https://hl7.org/fhir/R4/search.html)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fhir_plugin.errors import EhrProtocolError

__all__ = ["Params", "follow", "pairs_of"]

Params = Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]]
"""Search parameters; a parameter with several values is repeated (AND)."""


def pairs_of(params: Params) -> tuple[tuple[str, str], ...]:
    """Parameters as ordered name/value pairs."""
    if not isinstance(params, Mapping):
        return tuple(params)
    listed = ((name, [values] if isinstance(values, str) else values) for name, values in params.items())
    return tuple((name, value) for name, values in listed for value in values)


def follow(
    first: dict[str, Any] | None, fetch: Callable[[str], dict[str, Any] | None], where: str
) -> Iterator[dict[str, Any]]:
    """The resources of a searchset and of the pages after it; ``fetch`` reads a ``next`` link.

    Raises:
        EhrProtocolError: a page that is no Bundle, or pages that go round in a circle.
    """
    page, seen = first, set[str]()
    while True:
        if not page or page.get("resourceType") != "Bundle":
            raise EhrProtocolError(
                "The EHR's answer to a search is not a Bundle.", where=where, remedy="Check the base URL."
            )
        yield from _resources(page)
        link = _next_link(page)
        if link is None:
            return
        if link in seen:
            raise EhrProtocolError(
                "The EHR's pages go round in a circle.", where=where, remedy="Report this to the EHR's manager."
            )
        seen.add(link)
        page = fetch(link)


def _resources(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The matches and includes of a page; an OperationOutcome about the search is neither."""
    for entry in page.get("entry") or ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and (entry.get("search") or {}).get("mode") != "outcome":
            yield resource


def _next_link(page: dict[str, Any]) -> str | None:
    links = (link for link in page.get("link") or () if isinstance(link, dict))
    return next((str(link.get("url", "")) for link in links if link.get("relation") == "next"), None)
