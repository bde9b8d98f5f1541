"""Batches and transactions (https://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Backend, Entry, Interaction, Params
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.references import resolve
from smart_app.sandbox.fhir.store import Session
from smart_app.sandbox.fhir.writes import Writer

__all__ = ["entries_of", "run_bundle", "run_transaction"]

MAX_ENTRIES = 5000
_CONDITIONS = (("If-Match", "ifMatch"), ("If-None-Match", "ifNoneMatch"), ("If-None-Exist", "ifNoneExist"))
_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3}


def entries_of(bundle: Any) -> list[Entry]:
    """(fullUrl, interaction) of each entry.

    Raises:
        FhirError: 400, it is not a batch or transaction or an entry cannot be read; 413, it is too long.
    """
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise FhirError(400, "structure", "The body is not a Bundle.")
    if bundle.get("type") not in ("batch", "transaction"):
        raise FhirError(400, "value", "Only a Bundle of type batch or transaction can be posted here.")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise FhirError(400, "structure", "'Bundle.entry' is a list.")
    if len(entries) > MAX_ENTRIES:
        raise FhirError(413, "too-long", f"A Bundle has at most {MAX_ENTRIES} entries here.")
    return [_entry(entry, index) for index, entry in enumerate(entries)]


def _entry(entry: Any, index: int) -> tuple[str, Interaction]:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        raise FhirError(400, "structure", f"Bundle.entry[{index}] has no request with a url.")
    method = request.get("method")
    if method not in _ORDER:
        raise FhirError(400, "not-supported", f"Bundle.entry[{index}].request.method is not supported.")
    conditions = {header: str(request[name]) for header, name in _CONDITIONS if name in request}
    body = entry.get("resource")
    interaction = Interaction.read_from(method, request["url"], conditions, body)
    return str(entry.get("fullUrl", "")), interaction


def run_transaction(
    session: Session, entries: list[Entry], guard: Guard, read: Callable[[Interaction], Answer]
) -> list[Answer]:
    """All entries in the order the specification gives, answers in the order of the Bundle.

    Raises:
        FhirError: any entry fails; the caller's session then rolls everything back.
    """
    writer = Writer(session, guard)
    prepared, places = _prepare(entries, writer)
    _distinct(prepared)

    def find(kind: str, params: Params) -> str:
        found = writer.find(kind, params, "s")
        if found is None:
            raise FhirError(412, "not-found", f"A conditional reference to {kind} means nothing.")
        return f"{found.type}/{found.id}"

    answers: dict[int, Answer] = {}
    for index in sorted(range(len(prepared)), key=lambda position: _ORDER[prepared[position].method]):
        interaction = prepared[index]
        try:
            if interaction.writes:
                resolve(interaction.body, places, find)
                answers[index] = writer.perform(interaction)
            else:
                answers[index] = read(interaction)
        except FhirError as error:
            raise FhirError(error.status, error.code, f"Bundle.entry[{index}]: {error.diagnostics}") from None
    writer.verify()
    return [answers[index] for index in range(len(prepared))]


def _prepare(entries: list[Entry], writer: Writer) -> tuple[list[Interaction], dict[str, str]]:
    """Resolve conditions against the state before the transaction and give out the ids of what will be created."""
    prepared: list[Interaction] = []
    places: dict[str, str] = {}
    for full_url, interaction in entries:
        settled = _settle(interaction, writer)
        identity = settled.id or settled.assigned_id
        if full_url and identity:
            places[full_url] = f"{settled.type}/{identity}"
        prepared.append(settled)
    return prepared, places


def _settle(interaction: Interaction, writer: Writer) -> Interaction:
    if interaction.method == "POST":
        existing = (
            writer.find(interaction.type, interaction.if_none_exist, "c")
            if interaction.if_none_exist is not None
            else None
        )
        if existing is None:
            return replace(interaction, assigned_id=writer.new_id(), if_none_exist=None)
        return replace(interaction, method="GET", id=existing.id, if_none_exist=None)
    if interaction.writes and not interaction.id:
        permission = "d" if interaction.method == "DELETE" else "u"
        found = writer.find(interaction.type, interaction.params, permission)
        if found is not None:
            return replace(interaction, id=found.id, params=())
        if interaction.method == "PUT" and isinstance(interaction.body, dict) and not interaction.body.get("id"):
            return replace(interaction, assigned_id=writer.new_id())
    return interaction


def _distinct(interactions: list[Interaction]) -> None:
    places = [
        (item.type, item.id or item.assigned_id)
        for item in interactions
        if item.writes and (item.id or item.assigned_id)
    ]
    if len(places) != len(set(places)):
        raise FhirError(400, "invalid", "Two entries of the transaction write the same resource.")


def run_bundle(backend: Backend, kind: str, entries: list[Entry], guard: Guard, *, minimal: bool = False) -> Json:
    """A batch (each entry for itself) or a transaction (all or nothing).

    Args:
        backend: what it runs against.
        kind: ``batch`` or ``transaction``.
        entries: of the Bundle that was sent; references in their bodies are made literal.
        guard: the rights of who sent it.
        minimal: leave what was written out of the answer (``Prefer: return=minimal``).

    Raises:
        FhirError: an entry of a transaction fails.
    """
    if kind == "batch":
        answered = [_batch_entry(backend, interaction, guard) for _, interaction in entries]
    else:
        answered = [_response_entry(item, backend.base_url) for item in backend.transaction(entries, guard)]
    if minimal:
        for entry in answered:
            if "location" in entry["response"]:
                entry.pop("resource", None)
    return {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answered}


def _batch_entry(backend: Backend, interaction: Interaction, guard: Guard) -> Json:
    try:
        return _response_entry(backend.perform(interaction, guard), backend.base_url)
    except FhirError as error:
        return {"response": {"status": str(error.status), "outcome": error.body()}}


def _response_entry(result: Answer, base_url: str) -> Json:
    response: Json = {"status": str(result.status)}
    if result.location:
        response["location"] = f"{base_url}/{result.location}"
    if result.etag:
        response["etag"] = f'W/"{result.etag}"'
    if result.last_modified:
        response["lastModified"] = _instant(result.last_modified)
    entry: Json = {"response": response}
    if result.body is not None:
        if result.location:
            entry["fullUrl"] = f"{base_url}/{result.location.split('/_history/')[0]}"
        entry["resource"] = result.body
    return entry


@lru_cache(maxsize=16)
def _instant(millis: int) -> str:
    moment = datetime.fromtimestamp(millis / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
