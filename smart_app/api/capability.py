"""What this server can do, for programs (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fhir_plugin.texts import Language

__all__ = ["capability_statement"]

_OPERATION = "http://hl7.org/fhir/OperationDefinition/Resource-validate"
_CHANGED = "2026-11-26"
"""When what is stated below last changed."""
_TEXTS: dict[Language, str] = {
    "en": "Validates a resource of any type against R4, the profiles it claims and those asked for; keeps nothing.",
    "nl": "Controleert een resource van elk type tegen R4, de profielen die hij noemt en die worden gevraagd; "
    "bewaart niets.",
}


def capability_statement(url: str, language: Language) -> dict[str, Any]:
    """The CapabilityStatement, with its elements in the order of R4.

    Args:
        url: address of this server.
        language: of its texts.
    """
    return {
        "resourceType": "CapabilityStatement",
        "language": language,
        "name": "SteunfigurenValidator",
        "status": "active",
        "date": _CHANGED,
        "kind": "instance",
        "software": {"name": "steunfiguren", "version": version("steunfiguren")},
        "implementation": {"description": _TEXTS[language], "url": url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml"],
        "rest": [
            {
                "mode": "server",
                "documentation": _TEXTS[language],
                "operation": [{"name": "validate", "definition": _OPERATION, "documentation": _TEXTS[language]}],
            }
        ],
    }
