"""The operation as an OpenAPI 3.0 document (https://spec.openapis.org/oas/v3.0.3)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from smart_app.api.settings import ValidatorSettings

__all__ = ["openapi_document"]

_REFUSALS = {
    "400": "The request asks for nothing that can be done.",
    "404": "There is no such resource type.",
    "405": "Only POST.",
    "406": "Only JSON and XML of FHIR can be given.",
    "413": "The body is too large.",
    "415": "Only JSON and XML of FHIR R4 can be taken.",
    "422": "The resource costs too much to check, or the mode asks for records that are not kept here.",
    "429": "Too many requests of this address.",
    "503": "All processes are busy.",
}
_OUTCOME = {"$ref": "#/components/schemas/OperationOutcome"}
_CONTENT = {"application/fhir+json": {"schema": _OUTCOME}, "application/fhir+xml": {"schema": {"type": "string"}}}
_HEADERS = {"Content-Language": {"schema": {"type": "string", "enum": ["en", "nl"]}}}


def openapi_document(settings: ValidatorSettings) -> dict[str, Any]:
    """The document; the limits in it are those of the settings."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "FHIR R4 validator",
            "version": version("steunfiguren"),
            "description": f"Bodies up to {settings.body_bytes} bytes, {settings.seconds:g} seconds a request, "
            f"{settings.requests_per_minute} requests a minute of one address. Nothing is kept.",
        },
        "paths": {
            "/$validate": {"post": _validate("validateAny")},
            "/{type}/$validate": {"post": _validate("validateType", "type")},
            "/{type}/{id}/$validate": {"post": _validate("validateInstance", "type", "id")},
            "/metadata": {"get": _metadata()},
        },
        "components": {"schemas": {"OperationOutcome": _outcome_schema()}},
    }


def _validate(name: str, *in_path: str) -> dict[str, Any]:
    kept_out = {"404"} if not in_path else set()
    body = {"type": "object", "properties": {"resourceType": {"type": "string"}}, "required": ["resourceType"]}
    return {
        "operationId": name,
        "summary": "Validate a resource, or the resource in Parameters.",
        "parameters": [*(_in_path(one) for one in in_path), *_query()],
        "requestBody": {
            "required": True,
            "content": {"application/fhir+json": {"schema": body}, "application/json": {"schema": body}},
        },
        "responses": {
            "200": {"description": "What was found.", "headers": _HEADERS, "content": _CONTENT},
            **{
                status: {"description": text, "headers": _HEADERS, "content": _CONTENT}
                for status, text in _REFUSALS.items()
                if status not in kept_out
            },
        },
    }


def _in_path(name: str) -> dict[str, Any]:
    pattern = "^[A-Z][A-Za-z]{1,63}$" if name == "type" else "^[A-Za-z0-9.-]{1,64}$"
    example = "RelatedPerson" if name == "type" else "example"
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": pattern},
        "example": example,
    }


def _query() -> list[dict[str, Any]]:
    choice = {"json": "json", "xml": "xml"}
    return [
        {
            "name": "profile",
            "in": "query",
            "description": "Canonical of a profile the resource must satisfy; may be repeated.",
            "schema": {"type": "array", "items": {"type": "string", "minLength": 1}},
        },
        {"name": "mode", "in": "query", "schema": {"type": "string", "enum": ["create", "update", "profile"]}},
        {"name": "_format", "in": "query", "schema": {"type": "string", "enum": list(choice)}},
        {"name": "_pretty", "in": "query", "schema": {"type": "string", "enum": ["true", "false"]}},
        {"name": "lang", "in": "query", "schema": {"type": "string", "enum": ["nl", "en"]}},
    ]


def _metadata() -> dict[str, Any]:
    content = {
        "application/fhir+json": {"schema": {"type": "object"}},
        "application/fhir+xml": _CONTENT["application/fhir+xml"],
    }
    return {
        "operationId": "metadata",
        "summary": "The CapabilityStatement.",
        "parameters": [one for one in _query() if one["name"] not in ("profile", "mode")],
        "responses": {
            "200": {"description": "What this server can do.", "headers": _HEADERS, "content": content},
            **{
                status: {"description": _REFUSALS[status], "headers": _HEADERS, "content": _CONTENT}
                for status in ("400", "406", "429")
            },
        },
    }


def _outcome_schema() -> dict[str, Any]:
    issue = {
        "type": "object",
        "required": ["severity", "code", "details"],
        "properties": {
            "severity": {"type": "string", "enum": ["fatal", "error", "warning", "information"]},
            "code": {"type": "string"},
            "details": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
            "diagnostics": {"type": "string"},
            "expression": {"type": "array", "items": {"type": "string"}},
        },
    }
    return {
        "type": "object",
        "required": ["resourceType", "issue"],
        "properties": {
            "resourceType": {"type": "string", "enum": ["OperationOutcome"]},
            "issue": {"type": "array", "minItems": 1, "items": issue},
        },
    }
