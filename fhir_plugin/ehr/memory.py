"""An EHR in memory: a small FHIR server behind a requests adapter, for tests and for rehearsing a run.

It speaks to the real ``FhirClient`` through ``requests`` (``memory_adapter``), without a socket. ``Behaviour`` makes it
as limited, or as untrue to its word, as EHRs in the field are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import responses as reasons
from itertools import count
from threading import RLock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fhir_plugin.ehr.memory_patch import PatchFailed, patched
from fhir_plugin.ehr.memory_search import matches, page_of
from fhir_plugin.wire import dumps, loads

__all__ = ["Behaviour", "MemoryEhr", "links"]

Json = dict[str, Any]

_TYPES = frozenset(
    {"AuditEvent", "CareTeam", "Consent", "DocumentReference", "Flag", "Patient", "Provenance", "RelatedPerson"}
)
_ALL = frozenset({"read", "vread", "search-type", "create", "update", "patch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How this EHR differs from the standard.

    Attributes:
        interactions: what may be done with a resource.
        types: resource types it knows.
        batch, transaction: whether it takes such Bundles.
        atomic: whether a failed transaction leaves nothing behind.
        honours_if_match: whether a stale If-Match is refused.
        honours_conditions: whether If-None-Exist is looked at.
        keeps_related_participants: whether a CareTeam keeps its RelatedPerson participants.
        conflict_status: 412, or 409 as in STU3.
        page_size: largest page.
        origin_of_next: origin put into ``next`` links; empty is its own.
        software_version: what the CapabilityStatement says.
        refused: (interaction, type) pairs that are refused although they are claimed.
        claims_transaction: whether it says it has transactions, whatever it does.
        claims_conditions: whether it says that it looks at If-None-Exist.
        versioning: what it says of If-Match.
    """

    interactions: frozenset[str] = _ALL
    types: frozenset[str] = _TYPES
    batch: bool = True
    transaction: bool = True
    atomic: bool = True
    honours_if_match: bool = True
    honours_conditions: bool = True
    keeps_related_participants: bool = True
    conflict_status: int = 412
    page_size: int = 100
    origin_of_next: str = ""
    software_version: str = "1"
    refused: frozenset[tuple[str, str]] = frozenset()
    claims_transaction: bool = False
    claims_conditions: bool = True
    versioning: str = "versioned-update"


class _Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class MemoryEhr:
    """The server; ``memory_session`` gives the requests session that reaches it at ``base_url``.

    Attributes:
        asked: method and path of everything that was asked, in order.
        before: hook on (method, path), run before a request is handled; what it raises, the caller gets.
        after: the same, run after it was handled: what was asked is done, the answer never arrives.
        written: type and id of what the last Bundle wrote.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    base_url: str = "http://memory.test/fhir"
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    asked: list[tuple[str, str]] = field(default_factory=list, repr=False)
    before: Callable[[str, str], None] | None = field(default=None, repr=False)
    after: Callable[[str, str], None] | None = field(default=None, repr=False)
    store: dict[str, dict[str, list[Json]]] = field(default_factory=dict, repr=False)
    written: list[tuple[str, str]] = field(default_factory=list, repr=False)
    _ids: count[int] = field(default_factory=lambda: count(1), repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def add(self, resource: Json) -> Json:
        """Put a resource in as if another system wrote it; returns it as stored."""
        with self._lock:
            type_ = str(resource["resourceType"])
            return self._store(type_, str(resource.get("id") or next(self._ids)), resource)

    def start_ids(self, first: int) -> None:
        """Give out ids from here on."""
        self._ids = count(first)

    def all(self, resource_type: str) -> list[Json]:
        """The current resources of a type, copied."""
        return [copy.deepcopy(versions[-1]) for versions in self.store.get(resource_type, {}).values()]

    def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Json]:
        """Answer one request, with the status and the body."""
        with self._lock:
            try:
                return self._dispatch(method, path, query, headers, body)
            except _Refused as refusal:
                outcome = {"severity": "error", "code": refusal.code, "diagnostics": "text that may quote a record"}
                return refusal.status, {"resourceType": "OperationOutcome", "issue": [outcome]}

    def _dispatch(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Json]:
        parts = [part for part in path.split("/") if part]
        if parts == ["metadata"]:
            return 200, self._metadata()
        if not parts:
            return self._bundle(loads(body))
        if parts[1:] == ["_search"]:
            return self._search(parts[0], parse_qsl(body.decode(), keep_blank_values=True))
        if method == "GET":
            return self._get(parts, query)
        return self._write(method, parts, headers, loads(body))

    def _get(self, parts: list[str], query: str) -> tuple[int, Json]:
        if len(parts) == 1:
            return self._search(parts[0], parse_qsl(query, keep_blank_values=True))
        self._allow(parts[0], "read" if len(parts) == 2 else "vread")
        versions = self.store.get(parts[0], {}).get(parts[1], [])
        wanted = versions[-1:] if len(parts) == 2 else [v for v in versions if v["meta"]["versionId"] == parts[3]]
        if not wanted:
            raise _Refused(404, "not-found")
        return 200, copy.deepcopy(wanted[0])

    def _search(self, type_: str, params: list[tuple[str, str]]) -> tuple[int, Json]:
        self._allow(type_, "search-type")
        found = self._found(type_, params)
        base = self.base_url
        if self.behaviour.origin_of_next:
            base = self.behaviour.origin_of_next + urlsplit(self.base_url).path
        return 200, page_of(found, params, f"{base}/{type_}", self.behaviour.page_size)

    def _found(self, type_: str, params: list[tuple[str, str]]) -> list[Json]:
        return [versions[-1] for versions in self.store.get(type_, {}).values() if matches(versions[-1], params)]

    def _write(self, method: str, parts: list[str], headers: Mapping[str, str], body: Any) -> tuple[int, Json]:
        type_ = parts[0]
        if method == "POST":
            self._allow(type_, "create")
            existing = self._existing(type_, headers.get("If-None-Exist"))
            return (200, existing) if existing else (201, self._store(type_, str(next(self._ids)), body))
        self._allow(type_, "update" if method == "PUT" else "patch")
        versions = self.store.get(type_, {}).get(parts[1])
        self._check_match(versions, headers.get("If-Match"))
        if method == "PATCH":
            if versions is None:
                raise _Refused(404, "not-found")
            try:
                body = patched(versions[-1], body)
            except PatchFailed:
                raise _Refused(409, "conflict") from None
        elif body.get("id") != parts[1]:
            raise _Refused(400, "invalid")
        return (200 if versions else 201), self._store(type_, parts[1], body)

    def _existing(self, type_: str, condition: str | None) -> Json | None:
        if condition is None or not self.behaviour.honours_conditions:
            return None
        params = parse_qsl(condition.split("?")[-1], keep_blank_values=True)
        found = self._found(type_, params)
        if len(found) > 1:
            raise _Refused(412, "multiple-matches")
        return copy.deepcopy(found[0]) if found else None

    def _check_match(self, versions: list[Json] | None, if_match: str | None) -> None:
        if if_match is None or not self.behaviour.honours_if_match:
            return
        if not versions or if_match != f'W/"{versions[-1]["meta"]["versionId"]}"':
            raise _Refused(self.behaviour.conflict_status, "conflict")

    def _store(self, type_: str, id_: str, body: Json) -> Json:
        versions = self.store.setdefault(type_, {}).setdefault(id_, [])
        stored = copy.deepcopy(body)
        if type_ == "CareTeam" and not self.behaviour.keeps_related_participants:
            kept = [item for item in stored.get("participant", ()) if "RelatedPerson/" not in str(item.get("member"))]
            stored["participant"] = kept
        meta = {"versionId": str(len(versions) + 1), "lastUpdated": self.clock().isoformat(timespec="milliseconds")}
        stored |= {"id": id_, "meta": {**(stored.get("meta") or {}), **meta}}
        versions.append(stored)
        self.written.append((type_, id_))
        return copy.deepcopy(stored)

    def _bundle(self, bundle: Json) -> tuple[int, Json]:
        kind = bundle["type"]
        if not {"batch": self.behaviour.batch, "transaction": self.behaviour.transaction}.get(kind, False):
            raise _Refused(404, "not-supported")
        entries = bundle.get("entry", [])
        self.written.clear()
        answers = []
        for entry in self._resolved(entries) if kind == "transaction" else entries:
            try:
                answers.append(self._entry(entry))
            except _Refused as refusal:
                if kind == "transaction" and self.behaviour.atomic:
                    self._roll_back()
                    raise
                answers.append({"response": {"status": str(refusal.status)}})
        return 200, {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers}

    def _roll_back(self) -> None:
        for type_, id_ in self.written:
            versions = self.store[type_][id_]
            versions.pop()
            if not versions:
                del self.store[type_][id_]

    def _entry(self, entry: Json) -> Json:
        request = entry["request"]
        path, _, query = request["url"].partition("?")
        assigned = entry.get("fullUrl", "")
        if request["method"] == "POST" and assigned.startswith(f"{path}/"):
            self._allow(path, "create")
            existing = self._existing(path, request.get("ifNoneExist"))
            status = 200 if existing else 201
            body = existing or self._store(path, assigned.split("/")[1], entry["resource"])
        else:
            headers = {"If-Match": request.get("ifMatch"), "If-None-Exist": request.get("ifNoneExist")}
            raw = dumps(entry.get("resource"))
            stated = {name: value for name, value in headers.items() if value}
            status, body = self._dispatch(request["method"], path, query, stated, raw)
        return {"resource": body, "response": {"status": f"{status} {reasons.get(status, '')}"} | links(body)}

    def _resolved(self, entries: list[Json]) -> list[Json]:
        """The entries with every ``urn:uuid:`` replaced by the reference its resource will have."""
        text = dumps(entries).decode()
        for entry in entries:
            full_url, request = entry.get("fullUrl", ""), entry["request"]
            if request["method"] == "POST" and full_url:
                existing = self._existing(request["url"], request.get("ifNoneExist"))
                id_ = existing["id"] if existing else str(next(self._ids))
                for name in ("reference", "fullUrl"):
                    text = text.replace(f'"{name}":"{full_url}"', f'"{name}":"{request["url"]}/{id_}"')
        resolved: list[Json] = loads(text.encode())
        return resolved

    def _allow(self, type_: str, interaction: str) -> None:
        if type_ not in self.behaviour.types:
            raise _Refused(404, "not-supported")
        if (interaction, type_) in self.behaviour.refused:
            raise _Refused(422, "business-rule")
        if interaction not in self.behaviour.interactions:
            raise _Refused(405, "not-supported")

    def _metadata(self) -> Json:
        claimed = self.behaviour.transaction or self.behaviour.claims_transaction
        offers = {"batch": self.behaviour.batch, "transaction": claimed}
        params = [{"name": name, "type": "token"} for name in ("_id", "_lastUpdated", "identifier", "patient")]
        interactions = [{"code": code} for code in sorted(self.behaviour.interactions)]
        claims = {
            "interaction": interactions,
            "versioning": self.behaviour.versioning,
            "conditionalCreate": self.behaviour.claims_conditions,
        }
        resources = [{"type": name, **claims, "searchParam": params} for name in sorted(self.behaviour.types)]
        system = [{"code": kind} for kind, offered in offers.items() if offered]
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "fhirVersion": "4.0.1",
            "software": {"name": "Memory EHR", "version": self.behaviour.software_version},
            "patchFormat": ["application/json-patch+json"],
            "rest": [{"mode": "server", "resource": resources, "interaction": system}],
        }


def links(body: Json) -> Json:
    """Location and ETag of a resource that has a version."""
    version = (body.get("meta") or {}).get("versionId")
    if not version:
        return {}
    location = f"{body['resourceType']}/{body['id']}/_history/{version}"
    return {"location": location, "etag": f'W/"{version}"'}
