"""HTTP of the FHIR server: headers, formats and sizes around the interactions."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from smart_app.sandbox.fhir.bundles import entries_of, run_bundle
from smart_app.sandbox.fhir.capability import smart_security
from smart_app.sandbox.fhir.export import job_file, job_status, kick_off
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json, outcome
from smart_app.sandbox.parts import here

__all__ = ["routes"]

_JSON_TYPES = {"application/fhir+json", "application/json", "text/json"}
_CONDITIONS = ("If-Match", "If-None-Match", "If-None-Exist", "Prefer")


routes = Blueprint("fhir", __name__, url_prefix="/fhir")


@routes.get("/metadata")
def metadata() -> Response:
    """The CapabilityStatement; open to anybody."""
    _check_accept()
    server, statement = here().server, here().backend.capabilities()
    endpoints = (server.endpoint(name) for name in ("authorize", "token", "revoke", "introspect"))
    statement["rest"][0]["security"] = smart_security(*endpoints)
    return _json(statement, 200)


@routes.before_request
def disturb() -> Response | None:
    """Faults of the line; discovery and the CapabilityStatement are spared, or no app would even begin."""
    if request.endpoint == "fhir.metadata":
        return None
    return here().disturbance.before(request.headers.get("Authorization"))


@routes.after_request
def disturb_answer(response: Response) -> Response:
    """Lose the answer of a write."""
    return here().disturbance.after(response, wrote=g.get("wrote", False))


@routes.route("", methods=["GET", "POST"], strict_slashes=False)
def system() -> Response:
    """Batches, transactions and further pages of a search."""
    _check_accept()
    rights = here().rights(request.headers.get("Authorization"))
    if request.method == "GET":
        return _json(_page(rights), 200)
    with _collector_paused():
        return _bundle(rights)


def _bundle(rights: Guard) -> Response:
    body = _body()
    entries = entries_of(body)
    minimal = "return=minimal" in request.headers.get("Prefer", "")
    answered = run_bundle(here().backend, body["type"], entries, rights, minimal=minimal)
    done = [interaction for _, interaction in entries]
    g.wrote = any(interaction.writes for interaction in done)
    here().notifier.wrote(done)
    return _json(answered, 200)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A Bundle is tens of thousands of objects that live as long as its request: meanwhile nothing can be collected."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


routes.get("/$export")(kick_off)
routes.route("/$export-status/<name>", methods=["GET", "DELETE"])(job_status)
routes.get("/$export-file/<name>/<kind>")(job_file)


@routes.route("/<path:place>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def interact(place: str) -> Response:
    """One interaction."""
    _check_accept()
    rights = here().rights(request.headers.get("Authorization"))
    interaction = _interaction(place)
    answer = here().backend.perform(interaction, rights)
    g.wrote = interaction.writes
    here().notifier.wrote([interaction])
    return _respond(answer)


@routes.errorhandler(FhirError)
def refused(error: FhirError) -> Response:
    """A FHIR failure."""
    return _json(error.body(), error.status, error.headers)


@routes.errorhandler(HTTPException)
def other(error: HTTPException) -> Response:
    """Any other HTTP failure, as FHIR."""
    code = "too-long" if error.code == 413 else "not-supported"
    return _json(outcome(code, error.name), error.code or 500)


def _interaction(place: str) -> Interaction:
    conditions = {name: request.headers[name] for name in _CONDITIONS if name in request.headers}
    method = "GET" if request.method == "HEAD" else request.method
    search = method == "POST" and place.endswith("/_search")
    query = request.query_string.decode()
    body = None if search or method in ("GET", "DELETE") else _body()
    found = Interaction.read_from(method, f"{place}?{query}", conditions, body)
    if not search:
        return found
    if request.mimetype != "application/x-www-form-urlencoded":
        raise FhirError(415, "not-supported", "A search by POST is a form.")
    form = tuple(parse_qsl(request.get_data(as_text=True), keep_blank_values=True))
    return Interaction(
        method="POST",
        type=found.type,
        operation="_search",
        params=(*found.params, *form),
        lenient=found.lenient,
        wired=True,
    )


def _body() -> Any:
    patch = request.method == "PATCH"
    accepted = {"application/json-patch+json"} if patch else _JSON_TYPES
    if request.mimetype not in accepted:
        raise FhirError(415, "not-supported", f"This server takes {', '.join(sorted(accepted))}.")
    try:
        return orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as error:
        raise FhirError(400, "structure", f"The body is not JSON: line {error.lineno}, column {error.colno}.") from None


def _page(rights: Guard) -> Json:
    word, offset = request.args.get("_page"), request.args.get("_offset", "0")
    if not word or not offset.isdecimal():
        raise FhirError(400, "not-supported", "A search over all types is not supported here.")
    return here().backend.page(word, int(offset), rights)


def _check_accept() -> None:
    asked = request.args.get("_format", "")
    if asked and asked not in _JSON_TYPES | {"json"}:
        raise FhirError(406, "not-supported", "This server gives application/fhir+json only.")
    accepts = request.accept_mimetypes
    if not asked and accepts and not any(accepts[kind] for kind in _JSON_TYPES):
        raise FhirError(406, "not-supported", "This server gives application/fhir+json only.")


def _respond(answer: Answer) -> Response:
    headers: dict[str, str] = {}
    if answer.etag:
        headers["ETag"] = f'W/"{answer.etag}"'
    if answer.last_modified:
        moment = datetime.fromtimestamp(answer.last_modified / 1000, tz=UTC)
        headers["Last-Modified"] = format_datetime(moment, usegmt=True)
    if answer.location and request.method != "GET":
        headers["Location"] = f"{here().backend.base_url}/{answer.location}"
    body = answer.body
    prefer = request.headers.get("Prefer", "")
    if answer.status in (200, 201) and request.method in ("POST", "PUT", "PATCH") and answer.location:
        if "return=minimal" in prefer:
            body = None
        elif "return=OperationOutcome" in prefer:
            body = outcome("informational", "Stored.", "information")
    return _json(body, answer.status, headers)


def _json(body: Json | None, status: int, headers: dict[str, str] | None = None) -> Response:
    response = Response(
        orjson.dumps(body) if body is not None else b"", status, content_type="application/fhir+json; charset=utf-8"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response
