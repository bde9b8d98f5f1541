"""Entries of a batch or transaction Bundle (https://hl7.org/fhir/R4/http.html#transaction), and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir_plugin.ehr.answers import Answer
from fhir_plugin.errors import EhrProtocolError

__all__ = ["Entry", "bundle_of", "if_match_header", "read_answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request of a Bundle.

    Attributes:
        method: GET, POST, PUT or PATCH.
        url: relative to the base: ``RelatedPerson?patient=1``, ``RelatedPerson``, ``RelatedPerson/2``.
        full_url: a ``urn:uuid:`` by which other entries refer to what is created.
        if_match: versionId that must still be current.
        if_none_exist: search that must find nothing, for a conditional create.
    """

    method: str
    url: str = field(repr=False)
    resource: dict[str, Any] | None = field(default=None, repr=False)
    full_url: str = ""
    if_match: str | None = None
    if_none_exist: str | None = field(default=None, repr=False)

    @classmethod
    def get(cls, url: str) -> Entry:
        """A read or search."""
        return cls(method="GET", url=url)

    @classmethod
    def post(cls, resource: dict[str, Any], *, full_url: str = "", if_none_exist: str | None = None) -> Entry:
        """A (conditional) create."""
        type_ = str(resource["resourceType"])
        return cls(method="POST", url=type_, resource=resource, full_url=full_url, if_none_exist=if_none_exist)

    @classmethod
    def put(cls, resource: dict[str, Any], *, if_match: str | None = None) -> Entry:
        """An update of a resource that has an id."""
        url = f"{resource['resourceType']}/{resource['id']}"
        return cls(method="PUT", url=url, resource=resource, full_url="", if_match=if_match)

    @property
    def where(self) -> str:
        """What an error calls this entry: method and type, never an id."""
        return f"{self.method} {self.url.split('?')[0].split('/')[0]}"

    def to_json(self) -> dict[str, Any]:
        """The Bundle.entry."""
        request: dict[str, Any] = {"method": self.method, "url": self.url}
        if self.if_match is not None:
            request["ifMatch"] = if_match_header(self.if_match)
        if self.if_none_exist is not None:
            request["ifNoneExist"] = self.if_none_exist
        entry: dict[str, Any] = {"fullUrl": self.full_url} if self.full_url else {}
        if self.resource is not None:
            entry["resource"] = self.resource
        return {**entry, "request": request}


def if_match_header(version: str) -> str:
    """``3`` → ``W/"3"``; an ETag that is one already stays."""
    return version if version.endswith('"') else f'W/"{version}"'


def bundle_of(kind: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """A Bundle of type ``batch`` or ``transaction``."""
    return {"resourceType": "Bundle", "type": kind, "entry": [entry.to_json() for entry in entries]}


def read_answers(body: dict[str, Any] | None, kind: str, count: int) -> list[Answer]:
    """The answers of a Bundle, in the order of the requests.

    Raises:
        EhrProtocolError: not a Bundle, or another number of answers than there were requests.
    """
    held = body.get("entry") or [] if body and body.get("resourceType") == "Bundle" else None
    if not isinstance(held, list) or len(held) != count:
        raise EhrProtocolError(
            f"The EHR's answer to a {kind} is not a Bundle with {count} answers.",
            where=f"POST Bundle ({kind})",
            remedy="Read the record again to see what was written; run `steunfiguren conformance`.",
        )
    return [_answer(item, kind, position) for position, item in enumerate(held)]


def _answer(item: Any, kind: str, position: int) -> Answer:
    response = item.get("response") if isinstance(item, dict) else None
    status = str(response.get("status", "")) if isinstance(response, dict) else ""
    if not isinstance(response, dict) or not status[:3].isdigit():
        raise EhrProtocolError(
            "The EHR's answer to an entry has no status.",
            where=f"POST Bundle ({kind}), entry {position}",
            remedy="Bundle.entry.response.status is required.",
        )
    body = item.get("resource") if isinstance(item.get("resource"), dict) else response.get("outcome")
    return Answer(
        status=int(status[:3]),
        body=body if isinstance(body, dict) else None,
        location=str(response.get("location", "")),
        etag=str(response.get("etag", "")),
    )
