"""Bulk Data export of the whole server (https://hl7.org/fhir/uv/bulkdata/export.html), within the asker's rights.

The files are made at the kick-off and are few; the first poll still says "not ready", so that clients learn to wait.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import orjson
from flask import Response, request

from smart_app.sandbox.fhir.export_jobs import Job
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Backend, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.parameters import KNOWN_TYPES
from smart_app.sandbox.parts import here

__all__ = ["job_file", "job_status", "kick_off"]

_NDJSON = "application/fhir+ndjson"
_FORMATS = {_NDJSON, "application/ndjson", "ndjson"}
_PAGE = "500"


def kick_off() -> Response:
    """``GET [base]/$export``.

    Raises:
        FhirError: 400 for what is asked, 403 where no scope opens a type.
    """
    rights = here().rights(request.headers.get("Authorization"))
    if request.headers.get("Prefer") != "respond-async":
        raise FhirError(400, "invalid", "An export needs Prefer: respond-async.")
    if request.args.get("_outputFormat", _NDJSON) not in _FORMATS:
        raise FhirError(400, "not-supported", f"Files are {_NDJSON}.")
    unknown = set(request.args) - {"_type", "_outputFormat"}
    if unknown:
        raise FhirError(400, "not-supported", "This export knows _type and _outputFormat only.")
    kinds = [kind for kind in request.args.get("_type", "").split(",") if kind] or sorted(KNOWN_TYPES)
    files = {kind: _ndjson(here().backend, kind, rights) for kind in kinds}
    job = Job(identity=rights.identity, made=datetime.now(UTC), asked=request.url, files=files)
    name = here().exports.add(job)
    return Response("", 202, {"Content-Location": f"{here().backend.base_url}/$export-status/{name}"})


def job_status(name: str) -> Response:
    """``GET`` or ``DELETE`` of the status."""
    identity = here().rights(request.headers.get("Authorization")).identity
    job = here().exports.get(name, identity)
    if request.method == "DELETE":
        here().exports.drop(name)
        return Response("", 202)
    job.polls += 1
    if job.polls < 2:
        return Response("", 202, {"Retry-After": "1", "X-Progress": "50%"})
    base = f"{here().backend.base_url}/$export-file/{name}"
    manifest: Json = {
        "transactionTime": job.made.isoformat(timespec="seconds"),
        "request": job.asked,
        "requiresAccessToken": True,
        "output": [{"type": kind, "url": f"{base}/{kind}"} for kind, body in job.files.items() if body],
        "error": [],
    }
    return Response(orjson.dumps(manifest), 200, content_type="application/json", headers={"Cache-Control": "no-store"})


def job_file(name: str, kind: str) -> Response:
    """One file.

    Raises:
        FhirError: 404, there is no such file for this asker.
    """
    identity = here().rights(request.headers.get("Authorization")).identity
    body = here().exports.get(name, identity).files.get(kind)
    if body is None:
        raise FhirError(404, "not-found", "There is no such file.")
    return Response(body, 200, content_type=_NDJSON, headers={"Cache-Control": "no-store"})


def _ndjson(backend: Backend, kind: str, rights: Guard) -> bytes:
    """Every resource of a type that the asker may see, a line each."""
    lines: list[bytes] = []
    page = backend.perform(Interaction(method="GET", type=kind, params=(("_count", _PAGE),)), rights).body or {}
    while True:
        found = [entry["resource"] for entry in page.get("entry", []) if "resource" in entry]
        lines += [orjson.dumps(body) for body in found if body["resourceType"] == kind]
        link = next((item["url"] for item in page.get("link", []) if item["relation"] == "next"), None)
        if link is None:
            return b"".join(line + b"\n" for line in lines)
        query = dict(parse_qsl(urlsplit(link).query))
        page = backend.page(query["_page"], int(query["_offset"]), rights)
