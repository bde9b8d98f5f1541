"""Which version of what a record holds, in a few letters that are compared and kept in place of the record."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b

from fhir_plugin.mapping.json import Json, text

__all__ = ["version_of", "versions_of"]


def version_of(body: Json) -> str:
    """A short hash of which version of which resource this is; empty where the EHR does not tell versions.

    With the instant of the change in it, for an EHR that numbers every version the same.
    """
    meta = body.get("meta")
    kind, id_, version, updated = (
        text(body, "resourceType"),
        text(body, "id"),
        text(meta, "versionId"),
        text(meta, "lastUpdated"),
    )
    if not (kind and id_ and version):
        return ""
    return urlsafe_b64encode(blake2b(f"{kind}/{id_}/{version}/{updated}".encode(), digest_size=9).digest()).decode()


def versions_of(bodies: Sequence[Json]) -> str:
    """What every resource of a record is at; empty where the EHR does not tell versions."""
    versions = sorted(map(version_of, bodies))
    return "|".join(versions) if versions and versions[0] else ""
