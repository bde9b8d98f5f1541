"""One resource to write, and what a way of writing it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from fhir_plugin.ehr.answers import Written
from fhir_plugin.errors import EhrConflict
from fhir_plugin.mapping.changes import ResourceChange
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.model.terms import CONSENT_IDENTIFIER, FIGURE_IDENTIFIER, NETWORK_IDENTIFIER

__all__ = ["Create", "Quarantined", "Task", "Update", "content_of", "named", "own_identifier", "references"]

_OWN = (FIGURE_IDENTIFIER, CONSENT_IDENTIFIER, NETWORK_IDENTIFIER)


class Quarantined(EhrConflict):
    """The EHR holds more than one resource with an identifier of ours: nothing more is written for now."""

    default_code = "sync-quarantine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One resource to write.

    Attributes:
        body: as it is to be.
        before: as it was read; None for a new one.
        full_url: ``urn:uuid:`` by which others refer to a new one.
        version: version ``before`` has; empty where the EHR tells none.
        patient: ``Patient/…`` whose record it is in.
        seen_before: the record holds one with the same identifier that is out of use; a condition would find that one.
        type: resource type.
        id: logical id; empty for a new one.
    """

    body: Json = field(repr=False)
    before: Json | None = field(default=None, repr=False)
    full_url: str = ""
    version: str = ""
    patient: str = ""
    seen_before: bool = False
    type: str = field(init=False)
    id: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", text(self.body, "resourceType"))
        object.__setattr__(self, "id", text(self.body, "id"))

    @property
    def is_new(self) -> bool:
        """Whether the EHR does not have it yet."""
        return not self.id

    def with_names(self, names: dict[str, str]) -> Task:
        """The task with its references to what was created just now."""
        return replace(self, body=named(self.body, names))

    @classmethod
    def of(cls, change: ResourceChange, before: Json | None, patient: str, *, seen_before: bool = False) -> Task:
        """The task a change comes to."""
        return cls(
            body=change.body,
            before=before,
            full_url=change.full_url,
            version=change.version,
            patient=patient,
            seen_before=change.is_new and seen_before,
        )


class Create(Protocol):
    """A way to create a resource."""

    def __call__(self, task: Task) -> Written:
        """Create it, or find that it is there already (status 200).

        Raises:
            Quarantined: the EHR has it more than once.
            EhrError: it was not, or perhaps not, created.
        """


class Update(Protocol):
    """A way to change a resource."""

    def __call__(self, task: Task) -> Written:
        """Change it from ``task.before`` to ``task.body``.

        Raises:
            EhrConflict: it is not as ``task.before`` any more.
            EhrError: it was not, or perhaps not, changed.
        """


def own_identifier(body: Json) -> tuple[str, str] | None:
    """(system, value) of the identifier this product gave a resource, or None."""
    held = body.get("identifier")
    for item in [held] if isinstance(held, dict) else objects(body, "identifier"):
        system, value = text(item, "system"), text(item, "value")
        if system in _OWN and value:
            return system, value
    return None


def content_of(body: Json) -> Json:
    """A body without what the server says of it: its id and meta, save the profiles it claims."""
    meta = body.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    bare = {key: value for key, value in body.items() if key not in ("id", "meta", "text")}
    return {**bare, "profile": sorted(profiles)} if isinstance(profiles, list) and profiles else bare


def named(value: Any, names: dict[str, str]) -> Any:
    """A body with its references to what was created just now."""
    if isinstance(value, dict):
        return {
            key: names.get(item, item) if key == "reference" and isinstance(item, str) else named(item, names)
            for key, item in value.items()
        }
    return [named(item, names) for item in value] if isinstance(value, list) else value


def references(value: Any) -> Iterator[str]:
    """Every reference in a body."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "reference" and isinstance(item, str):
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
