"""Writing one client's changes to an EHR without transactions: one by one, in the order in which it is safe to stop.

People first, then consents that permit, then the team (access never precedes consent), then consents that end, then
people whose bond ended. A saga that was broken off needs no undoing: the next run reads what is there and goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.mapping.changes import ResourceChange

__all__ = ["write_in_order"]


def write_in_order(client: FhirClient, changes: Sequence[ResourceChange], entries: Sequence[Entry]) -> list[Written]:
    """Write entries (those of the changes, then the Provenance) one by one; results in the order they were given.

    Raises:
        EhrError: one of them failed; those before it are written, none after it.
    """
    order = sorted(range(len(changes)), key=lambda index: _rank(changes[index]))
    names: dict[str, str] = {}
    results: dict[int, Written] = {}
    for index in [*order, *range(len(changes), len(entries))]:
        entry = entries[index]
        body = _named(entry.resource, names)
        if entry.method == "PUT":
            results[index] = client.update(body, if_match=entry.if_match)
        else:
            results[index] = client.create(body, if_none_exist=entry.if_none_exist)
        if entry.full_url:
            names[entry.full_url] = f"{results[index].type}/{results[index].id}"
    return [results[index] for index in range(len(entries))]


def _rank(change: ResourceChange) -> int:
    if change.type == "RelatedPerson":
        return 0 if change.is_new else 4
    if change.type == "Consent":
        return 1 if change.body.get("status") == "active" else 3
    return 2


def _named(value: Any, names: dict[str, str]) -> Any:
    """A body with its references to what was created just now."""
    if isinstance(value, dict):
        return {
            key: names.get(item, item) if key == "reference" and isinstance(item, str) else _named(item, names)
            for key, item in value.items()
        }
    return [_named(item, names) for item in value] if isinstance(value, list) else value
