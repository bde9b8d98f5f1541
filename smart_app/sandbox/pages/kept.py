"""Everything the store keeps of one child, with its versions: to see what an app wrote.

What was written at one moment stands together, since a transaction has one moment. The audit trail stands apart: every
page an app shows adds to it, and it would bury what was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import orjson

from smart_app.sandbox.auth.scopes import resource_scopes
from smart_app.sandbox.fhir.compartments import OWNED_TYPES
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Backend, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["Kept", "KeptRecord", "KeptVersion", "Written", "kept_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVersion:
    """One version; ``text`` is indented JSON, empty for a deletion."""

    version: str
    updated: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One resource, newest version first."""

    type: str
    id: str
    versions: tuple[KeptVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Resources whose latest version was made at one moment: a transaction, or a single write."""

    moment: datetime
    resources: tuple[Kept, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecord:
    """What is kept of one child.

    Attributes:
        writes: the record, last changed first.
        audit: AuditEvents: who looked and who wrote, the newest first.
    """

    writes: tuple[Written, ...]
    audit: tuple[Kept, ...]


def kept_of(backend: Backend, patient: str) -> KeptRecord:
    """The resources of this child's record."""
    guard = Guard(identity=f"store {patient}", scopes=resource_scopes("patient/*.rs"), patient=patient)
    found = [
        _with_versions(backend, guard, resource) for kind in OWNED_TYPES for resource in _all(backend, guard, kind)
    ]
    found.sort(key=lambda item: (item.versions[0].updated, item.type, item.id), reverse=True)
    audit = tuple(item for item in found if item.type == "AuditEvent")
    record = [item for item in found if item.type != "AuditEvent"]
    return KeptRecord(
        writes=tuple(
            Written(moment=moment, resources=tuple(together))
            for moment, together in groupby(record, key=lambda item: item.versions[0].updated)
        ),
        audit=audit,
    )


def _all(backend: Backend, guard: Guard, kind: str) -> Iterator[Json]:
    """Every resource of a type the guard sees; a type the store does not know has none."""
    try:
        page = backend.perform(Interaction(method="GET", type=kind, params=(("_count", "1000"),)), guard).body or {}
    except FhirError:
        return
    for entry in page.get("entry", []):
        yield entry["resource"]


def _with_versions(backend: Backend, guard: Guard, resource: Json) -> Kept:
    kind, identity = resource["resourceType"], resource["id"]
    try:
        asked = Interaction(method="GET", type=kind, id=identity, operation="_history")
        entries = (backend.perform(asked, guard).body or {}).get("entry", [])
    except FhirError:
        entries = []
    versions = [entry["resource"] for entry in entries if "resource" in entry] or [resource]
    return Kept(type=kind, id=identity, versions=tuple(_version(body) for body in versions))


def _version(body: Json) -> KeptVersion:
    meta = body.get("meta", {})
    return KeptVersion(
        version=str(meta.get("versionId", "")),
        updated=datetime.fromisoformat(str(meta.get("lastUpdated", "1970-01-01T00:00:00+00:00"))),
        text=orjson.dumps(body, option=orjson.OPT_INDENT_2).decode(),
    )
