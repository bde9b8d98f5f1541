"""The CapabilityStatement (https://hl7.org/fhir/R4/capabilitystatement.html), made from what the code really does."""

from __future__ import annotations

from importlib.metadata import version

from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.fhir.parameters import KNOWN_TYPES, parameters_of

__all__ = ["capability_statement", "smart_security"]

_EXPORT = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"
_INTERACTIONS = ("read", "vread", "update", "patch", "delete", "history-instance", "create", "search-type")


def capability_statement(base_url: str) -> Json:
    """What this server can do, without the security part."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": "steunfiguren sandbox EHR", "version": version("steunfiguren")},
        "implementation": {"description": "Embedded EHR for demo and tests; fictional people only", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [
            {
                "mode": "server",
                "resource": [_resource(kind) for kind in sorted(KNOWN_TYPES)],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
                "operation": [{"name": "export", "definition": _EXPORT}],
            }
        ],
    }


def smart_security(authorize: str, token: str, revoke: str, introspect: str) -> Json:
    """``rest.security`` with the oauth-uris older SMART clients read."""
    uris = {"authorize": authorize, "token": token, "revoke": revoke, "introspect": introspect}
    return {
        "service": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                        "code": "SMART-on-FHIR",
                    }
                ]
            }
        ],
        "extension": [
            {
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": [{"url": name, "valueUri": uri} for name, uri in uris.items()],
            }
        ],
    }


def _resource(kind: str) -> Json:
    parameters = [
        {"name": "_id", "type": "token"},
        {"name": "_lastUpdated", "type": "date"},
        *({"name": item.name, "type": item.kind} for item in parameters_of(kind).values()),
    ]
    references = [f"{kind}:{item.name}" for item in parameters_of(kind).values() if item.kind == "reference"]
    found: Json = {
        "type": kind,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "not-match",
        "conditionalUpdate": True,
        "conditionalDelete": "single",
        "searchParam": parameters,
    }
    return {**found, "searchInclude": references} if references else found
