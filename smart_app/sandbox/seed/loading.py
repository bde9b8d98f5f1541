"""Putting resources into the store: the synthetic clients, and files from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from fhir_plugin.errors import EhrRejected, InputError
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Backend, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.parameters import KNOWN_TYPES
from smart_app.sandbox.seed.clients import synthetic_resources
from smart_app.sandbox.settings import SandboxSettings

__all__ = ["fill", "read_resources", "store"]

_PIECE = 200


def fill(backend: Backend, settings: SandboxSettings) -> None:
    """Seed a store without Patients, then load what the settings name.

    Raises:
        InputError: a file cannot be read.
        EhrRejected: the store does not take the resources.
    """
    if settings.seed and not _has_patients(backend):
        store(backend, synthetic_resources(settings.clock()))
    for place in settings.load:
        store(backend, list(read_resources(place)))


def store(backend: Backend, resources: Sequence[Json]) -> None:
    """Put resources in under their own ids, or under new ones where they have none.

    Raises:
        EhrRejected: the store does not take one of them.
    """
    for start in range(0, len(resources), _PIECE):
        piece = resources[start : start + _PIECE]
        try:
            backend.transaction([("", _put(resource)) for resource in piece], Guard.everything())
        except FhirError as error:
            message = "The sandbox's store does not take the resources it was given."
            raise EhrRejected(
                message, status=error.status, where=error.diagnostics, remedy="Check them first."
            ) from None


def read_resources(place: Path) -> Iterator[Json]:
    """The resources in a JSON or NDJSON file, or in all such files under a folder; Bundles are taken apart.

    Types this server does not keep are passed over.

    Raises:
        InputError: there is no such place, or a file is not JSON.
    """
    if place.is_dir():
        for file in sorted(item for item in place.rglob("*") if item.suffix in (".json", ".ndjson")):
            yield from read_resources(file)
        return
    try:
        text = place.read_bytes()
        found = (
            [orjson.loads(line) for line in text.splitlines() if line.strip()]
            if place.suffix == ".ndjson"
            else [orjson.loads(text)]
        )
    except OSError as error:
        raise InputError("The file cannot be read.", where=str(place), remedy="Check the path.") from error
    except orjson.JSONDecodeError as error:
        where = f"{place}:{error.lineno}"
        raise InputError("The file is not JSON.", where=where, remedy="Give FHIR JSON or NDJSON.") from None
    for item in found:
        yield from _unbundled(item)


def _unbundled(item: object) -> Iterator[Json]:
    if not isinstance(item, dict):
        return
    if item.get("resourceType") == "Bundle":
        for entry in item.get("entry", []):
            yield from _unbundled(entry.get("resource"))
    elif item.get("resourceType") in KNOWN_TYPES:
        yield item


def _put(resource: Json) -> Interaction:
    kind, identity = resource["resourceType"], str(resource.get("id", ""))
    return Interaction(method="PUT" if identity else "POST", type=kind, id=identity, body=resource)


def _has_patients(backend: Backend) -> bool:
    question = Interaction(method="GET", type="Patient", params=(("_summary", "count"),))
    return bool((backend.perform(question, Guard.everything()).body or {}).get("total"))
