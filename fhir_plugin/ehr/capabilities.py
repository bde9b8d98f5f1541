"""What an EHR says it can do: its CapabilityStatement, reduced to what the product decides on.

https://hl7.org/fhir/R4/capabilitystatement.html. What it says is a claim; the write probe of
``fhir_plugin.conformance`` tells what is true.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fhir_plugin.errors import EhrProtocolError

__all__ = ["Capabilities", "TypeCapabilities"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeCapabilities:
    """What is claimed for one resource type.

    Attributes:
        interactions: ``read``, ``create``, ``update``, ``patch``, ``search-type`` ….
        versioning: ``no-version``, ``versioned`` or ``versioned-update`` (If-Match demanded); empty if not said.
        search_params: names.
    """

    interactions: frozenset[str] = frozenset()
    versioning: str = ""
    conditional_create: bool = False
    search_params: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What is claimed for the whole server.

    Attributes:
        fhir_version: ``4.0.1`` and the like.
        system: system interactions: ``batch``, ``transaction`` ….
        patch_formats: media types.
    """

    fhir_version: str = ""
    software_name: str = ""
    software_version: str = ""
    system: frozenset[str] = frozenset()
    patch_formats: frozenset[str] = frozenset()
    types: dict[str, TypeCapabilities] = field(default_factory=dict)

    def supports(self, resource_type: str, interaction: str) -> bool:
        """Whether an interaction is claimed for a type."""
        return interaction in self.of(resource_type).interactions

    def of(self, resource_type: str) -> TypeCapabilities:
        """The claims for a type; empty ones for a type that is not named."""
        return self.types.get(resource_type, TypeCapabilities())

    @classmethod
    def parse(cls, body: dict[str, Any]) -> Capabilities:
        """Read a CapabilityStatement.

        Raises:
            EhrProtocolError: another resource.
        """
        if body.get("resourceType") != "CapabilityStatement":
            raise EhrProtocolError(
                "The EHR's metadata is not a CapabilityStatement.",
                where="GET metadata",
                remedy="Check the base URL of the FHIR endpoint.",
            )
        rest = next((item for item in _objects(body, "rest") if item.get("mode") == "server"), {})
        software = body.get("software") if isinstance(body.get("software"), dict) else {}
        return cls(
            fhir_version=str(body.get("fhirVersion", "")),
            software_name=str((software or {}).get("name", "")),
            software_version=str((software or {}).get("version", "")),
            system=_codes(rest, "interaction"),
            patch_formats=frozenset(item for item in body.get("patchFormat") or () if isinstance(item, str)),
            types={str(item.get("type", "")): _type(item) for item in _objects(rest, "resource")},
        )


def _type(item: dict[str, Any]) -> TypeCapabilities:
    return TypeCapabilities(
        interactions=_codes(item, "interaction"),
        versioning=str(item.get("versioning", "")),
        conditional_create=item.get("conditionalCreate") is True,
        search_params=frozenset(str(param.get("name", "")) for param in _objects(item, "searchParam")),
    )


def _codes(body: dict[str, Any], key: str) -> frozenset[str]:
    return frozenset(str(item.get("code", "")) for item in _objects(body, key))


def _objects(body: Any, key: str) -> list[dict[str, Any]]:
    value = body.get(key) if isinstance(body, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
