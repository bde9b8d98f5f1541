"""``$validate`` over HTTP, as an operation of FHIR R4 (https://hl7.org/fhir/R4/operations.html).

Without a session, cookie or access token: it holds nothing of anybody, keeps nothing, and puts nothing of a body in a
log. A script of another origin may read the answers only where the settings name that origin.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from fhir_plugin.validation.outputs import operation_outcome
from smart_app.api.capability import capability_statement
from smart_app.api.negotiation import MEDIA_TYPES, Format, answer_format, body_format
from smart_app.api.openapi import openapi_document
from smart_app.api.operation import Job
from smart_app.api.refusals import Refused, refusal_outcome
from smart_app.api.service import ValidationService
from smart_app.api.xml import to_xml
from smart_app.i18n import LANGUAGES, Language, choose

__all__ = ["blueprint", "service"]

blueprint = Blueprint("validation_api", __name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
"""All of them, so that a wrong one gets an answer in FHIR."""
_QUERY = {
    "metadata": frozenset({"mode", "_format", "_pretty", "lang"}),
    "validate": frozenset({"profile", "mode", "_format", "_pretty", "lang"}),
}
"""Operation → what its address may ask; every one but ``profile`` once. The mode of metadata has values of its own."""
_CHOICES: dict[str, tuple[str, ...]] = {"lang": LANGUAGES, "_pretty": ("true", "false")}
_RETRY_SECONDS = {429: "60", 503: "5"}


def service() -> ValidationService:
    """The service of this app."""
    found: ValidationService = current_app.extensions["steunfiguren.validation"]
    return found


@blueprint.record_once
def prepare(state: Any) -> None:
    """Preflight requests are answered here, not by Flask."""
    app: Flask = state.app
    app.before_request(_admit)


def _admit() -> None:
    """Count what costs work, before the body is read."""
    if request.method == "POST" and request.endpoint in service().counted and not service().admits(request.remote_addr):
        raise Refused("operation-throttled")


@blueprint.route("/$validate", methods=METHODS, provide_automatic_options=False)
@blueprint.route("/<type_name>/$validate", methods=METHODS, provide_automatic_options=False)
@blueprint.route("/<type_name>/<resource_id>/$validate", methods=METHODS, provide_automatic_options=False)
def validate(type_name: str = "", resource_id: str = "") -> ResponseReturnValue:
    """The operation."""
    if request.method == "OPTIONS":
        return Response(status=204, headers={"Allow": _allowed()})
    if request.method != "POST":
        raise Refused("operation-method")
    given = body_format(request.headers.get("Content-Type", ""))
    wanted = answer_format(request.args.get("_format"), request.accept_mimetypes, given)
    _check_query("validate")
    body = _body(given)
    job = Job(
        body=body,
        type_name=type_name,
        resource_id=resource_id,
        profiles=tuple(request.args.getlist("profile")),
        mode=request.args.get("mode", ""),
    )
    report = service().runner.run(job)
    return _fhir(operation_outcome(report, _language()), 200, wanted)


@blueprint.route("/metadata", methods=METHODS, provide_automatic_options=False)
def metadata() -> ResponseReturnValue:
    """The CapabilityStatement."""
    if request.method == "OPTIONS":
        return Response(status=204, headers={"Allow": _allowed()})
    if request.method not in ("GET", "HEAD"):
        raise Refused("operation-method")
    wanted = answer_format(request.args.get("_format"), request.accept_mimetypes)
    _check_query("metadata")
    return _fhir(capability_statement(service().url, _language()), 200, wanted)


@blueprint.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """The same for tools that read OpenAPI."""
    return Response(json.dumps(openapi_document(service().settings)), mimetype="application/json")


@blueprint.after_app_request
def share(response: Response) -> Response:
    """Let scripts of the origins in the settings read the answers (https://fetch.spec.whatwg.org/#http-cors-protocol)."""
    origin = request.headers.get("Origin")
    allowed = service().settings.cors_origins
    if request.blueprint != blueprint.name or not allowed:
        return response
    response.vary.add("Origin")
    if origin and ("*" in allowed or origin in allowed):
        response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _allowed()
            response.headers["Access-Control-Allow-Headers"] = "Accept, Accept-Language, Content-Type"
            response.headers["Access-Control-Max-Age"] = "600"
    return response


@blueprint.errorhandler(Refused)
def refuse(refused: Refused) -> ResponseReturnValue:
    """A refusal as an OperationOutcome, in JSON where what was asked for cannot be given."""
    try:
        wanted = answer_format(request.args.get("_format"), request.accept_mimetypes)
    except Refused:
        wanted = "json"
    response = _fhir(refusal_outcome(refused, _language()), refused.status, wanted)
    if refused.status == 405:
        response.headers["Allow"] = _allowed()
    if refused.status in _RETRY_SECONDS:
        response.headers["Retry-After"] = _RETRY_SECONDS[refused.status]
    return response


@blueprint.errorhandler(HTTPException)
def http(error: HTTPException) -> ResponseReturnValue:
    """What Flask refuses, in FHIR."""
    return refuse(as_refused(error))


@blueprint.errorhandler(Exception)
def unexpected(error: Exception) -> ResponseReturnValue:
    """A bug of ours: logged by type and place, never by message."""
    current_app.logger.error("unexpected", exc_info=error)
    return refuse(Refused("operation-failed"))


def as_refused(error: HTTPException) -> Refused:
    """What Flask refuses, as a refusal of ours."""
    codes = {404: "operation-not-found", 405: "operation-method", 415: "operation-media-type"}
    if isinstance(error, RequestEntityTooLarge):
        return Refused("operation-too-large", limit=str(service().settings.body_bytes))
    if isinstance(error, TooManyRequests):
        return Refused("operation-throttled")
    return Refused(codes.get(error.code or 500, "operation-failed"))


def _allowed() -> str:
    return "GET, HEAD, OPTIONS" if request.endpoint == f"{blueprint.name}.metadata" else "OPTIONS, POST"


def _language() -> Language:
    """What was asked for, else what the caller's software prefers, else Dutch."""
    return choose(request.args.get("lang"), accept=[tag for tag, _ in request.accept_languages])


def _check_query(operation: str) -> None:
    """What is asked for and would not be done is refused, not passed over.

    Raises:
        Refused: a parameter that is unknown, empty, there twice, or without meaning.
    """
    for place, (name, values) in enumerate(request.args.lists()):
        if name not in _QUERY[operation]:
            raise Refused("operation-parameter-unknown", position=str(place))
        if not all(values) or values[0] not in _CHOICES.get(name, values):
            raise Refused("operation-parameter-value", name=name)
        if len(values) > 1 and name != "profile":
            raise Refused("operation-parameter-twice", name=name)


def _body(given: Format) -> bytes:
    """The body, of bounded size and as announced.

    Raises:
        Refused: compressed, empty, or another format than its ``Content-Type`` says.
        RequestEntityTooLarge: larger than the settings allow.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused("operation-coding")
    request.max_content_length = service().settings.body_bytes
    body = request.get_data(cache=False)
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not body.strip():
        raise Refused("operation-body-missing")
    if (start == b"<" and given == "json") or (start == b"{" and given == "xml"):
        raise Refused("operation-body-type")
    return body


def _fhir(resource: dict[str, Any], status: int, wanted: Format) -> Response:
    if wanted == "xml":
        body = to_xml(resource)
    else:
        indent = 2 if request.args.get("_pretty") == "true" else None
        body = json.dumps(resource, ensure_ascii=False, indent=indent).encode("utf-8", "replace")
    response = Response(body, status=status, content_type=f"{MEDIA_TYPES[wanted]}; charset=utf-8")
    response.headers["Content-Language"] = _language()
    response.vary.update(("Accept", "Accept-Language"))
    return response
