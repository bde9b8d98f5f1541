"""One RESTful interaction as a value, whether it came as an HTTP request or as an entry of a Bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["Answer", "Backend", "Entry", "Interaction", "Params"]

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an interaction gives back.

    Attributes:
        etag: version id without decoration, or empty.
        location: relative ``Type/id/_history/version``, or empty.
        last_modified: milliseconds since the epoch; 0 where it does not apply.
    """

    status: int
    body: Json | None = None
    etag: str = ""
    location: str = ""
    last_modified: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Method, place and conditions of one interaction (https://hl7.org/fhir/R4/http.html).

    Attributes:
        type: resource type; empty for the whole system.
        id: logical id; empty for type-level interactions.
        version: version id of a vread.
        operation: ``_search`` or ``_history``; empty for plain reads and writes.
        params: search parameters of the query (and of the form for ``_search`` by POST).
        body: a resource, or the operations of a JSON Patch.
        if_match: version id, decoration taken off; None without the header.
        assigned_id: id a create gets, given out beforehand so that other entries of a transaction can refer to it.
        lenient: ``Prefer: handling=lenient``.
        wired: the answer only goes onto the wire, so that a search may give resources as the JSON they are kept as.
    """

    method: str
    type: str = ""
    id: str = ""
    version: str = ""
    operation: str = ""
    params: Params = ()
    body: Any = field(default=None, repr=False)
    if_match: str | None = None
    if_none_match: str | None = None
    if_none_exist: Params | None = None
    assigned_id: str = ""
    lenient: bool = False
    wired: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method in ("PUT", "PATCH", "DELETE") or (self.method == "POST" and self.operation != "_search")

    @classmethod
    def read_from(cls, method: str, url: str, conditions: Mapping[str, str], body: Any = None) -> Interaction:
        """Read a relative URL and the conditions in the spelling of HTTP headers.

        Raises:
            FhirError: 400, the URL is not one of an interaction.
        """
        parts = urlsplit(url)
        params = tuple(parse_qsl(parts.query, keep_blank_values=True)) if parts.query else ()
        none_exist = conditions.get("If-None-Exist")
        kind, identity, version, operation = _place(parts.path)
        return cls(
            method=method,
            type=kind,
            id=identity,
            version=version,
            operation=operation,
            params=params,
            body=body,
            if_match=_etag(conditions.get("If-Match")),
            if_none_match=_etag(conditions.get("If-None-Match")),
            if_none_exist=tuple(parse_qsl(none_exist.lstrip("?"))) if none_exist is not None else None,
            lenient="handling=lenient" in conditions.get("Prefer", ""),
            wired=True,
        )


Entry = tuple[str, Interaction]
"""An entry of a batch or transaction: fullUrl (empty where it has none) and what it asks."""


class Backend(Protocol):
    """Where interactions end up: the embedded store, or another FHIR server."""

    base_url: str

    def perform(self, interaction: Interaction, guard: Guard) -> Answer:
        """One interaction, all or nothing, within the guard's rights."""

    def transaction(self, entries: list[Entry], guard: Guard) -> list[Answer]:
        """All entries or none; answers in the order of the entries."""

    def page(self, cursor: str, offset: int, guard: Guard) -> Json:
        """A further page of an earlier search by the same asker."""

    def capabilities(self) -> Json:
        """Its CapabilityStatement, without security."""


@lru_cache(maxsize=1024)
def _place(path: str) -> tuple[str, str, str, str]:
    """(type, id, version, operation) of a path."""
    match [unquote(segment) for segment in path.split("/") if segment]:
        case []:
            return "", "", "", ""
        case ["_history"]:
            return "", "", "", "_history"
        case [kind]:
            return kind, "", "", ""
        case [kind, "_search" | "_history" as operation]:
            return kind, "", "", operation
        case [kind, identity] if not identity.startswith(("_", "$")):
            return kind, identity, "", ""
        case [kind, identity, "_history"]:
            return kind, identity, "", "_history"
        case [kind, identity, "_history", version]:
            return kind, identity, version, ""
    raise FhirError(400, "not-supported", "This URL is not one of an interaction this server knows.")


def _etag(header: str | None) -> str | None:
    """Version id of ``W/"3"``; several or a star are left as they are and match nothing."""
    if header is None:
        return None
    return header.strip().removeprefix("W/").strip('"')
