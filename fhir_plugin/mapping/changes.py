"""The difference between two states of a network, as the resources to write. Nothing is ever deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.mapping.network import TiePlace, entries_of
from fhir_plugin.mapping.reading import is_about
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.tangle import oversize, same
from fhir_plugin.model.terms import FIGURE_IDENTIFIER

__all__ = ["ResourceChange", "changes_between"]

_OWNED_TYPES = frozenset({"Flag", "RelatedPerson", "CareTeam", "Consent", "Observation"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One resource to create or to update.

    Attributes:
        body: the whole resource, with everything others wrote in it.
        full_url: ``urn:uuid:`` by which the others refer to a new one; empty for an update.
        version: the version the change was made on; empty for a new one.
        if_none_exist: search by which a new one is created only once; empty where it has no business identifier.
        type: resource type.
        is_new: whether the resource does not exist yet.
        reference: how the other resources of the same transaction refer to it.
    """

    body: Json = field(repr=False)
    full_url: str = ""
    version: str = ""
    if_none_exist: str = field(default="", repr=False)
    type: str = field(init=False)
    is_new: bool = field(init=False)
    reference: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kind, id_ = text(self.body, "resourceType"), text(self.body, "id")
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "is_new", not id_)
        object.__setattr__(self, "reference", f"{kind}/{id_}" if id_ else self.full_url)


def changes_between(
    before: SupportNetwork, after: SupportNetwork, *, ties: TiePlace = "observation"
) -> tuple[ResourceChange, ...]:
    """What must be written to bring ``before`` to ``after``: blocks and people, then consents, then the rest.

    Raises:
        MappingError: the two are not about the same child, something that would be written is about another one,
            something disappeared, or a resource that belongs to the EHR (the Patient, other people's resources) would
            change.
    """
    if before.child.id != after.child.id or not after.child.id:
        raise _other_child("The two states are not about the same child.")
    shared = {id(part) for part in _parts(before)} & {id(part) for part in _parts(after)}
    old = {_key(entry): entry["resource"] for entry in entries_of(before, ties=ties, but=shared)}
    new = {_key(entry): entry for entry in entries_of(after, ties=ties, but=shared)}
    if missing := [key for key in old if key not in new]:
        raise MappingError(
            f"A {missing[0].split('/')[0]} disappeared; nothing is deleted here.",
            code="deletion",
            remedy="End or withdraw it instead.",
        )
    found = [
        _change(entry["resource"], text(entry, "fullUrl"), old.get(key))
        for key, entry in new.items()
        if not _is_unchanged(old.get(key), entry["resource"])
    ]
    if strangers := [change.type for change in found if not is_about(change.body, after.child.id)]:
        raise _other_child(f"A {strangers[0]} that would be written is not about this child.")
    order = {"Flag": 0, "RelatedPerson": 0, "Consent": 1, "CareTeam": 2, "Observation": 3}
    return tuple(sorted(found, key=lambda change: order[change.type]))


def _parts(network: SupportNetwork) -> Iterator[object]:
    """What needs no look where it is the very same before and after; of consents that share an id each may differ."""
    times = Counter(record.id for record in network.consents)
    yield network.child
    yield from (*network.figures, *network.people, *network.rest)
    yield from (record for record in network.consents if times[record.id] == 1)


def _other_child(message: str) -> MappingError:
    return MappingError(message, code="other-child", remedy="Open the record again.")


def _key(entry: Json) -> str:
    body = entry["resource"]
    return f"{text(body, 'resourceType')}/{text(body, 'id') or text(entry, 'fullUrl')}"


def _is_unchanged(held: Json | None, body: Json) -> bool:
    tangled = held is not None and (oversize(held) or oversize(body))
    return same(held, body) if tangled else held == body


def _change(body: Json, full_url: str, held: Json | None) -> ResourceChange:
    kind = text(body, "resourceType")
    if kind not in _OWNED_TYPES:
        raise MappingError(f"A {kind} would change; it belongs to the EHR.", code="not-ours", remedy="Report this.")
    if held is not None:
        return ResourceChange(body=body, version=text(held.get("meta"), "versionId"))
    return ResourceChange(body=body, full_url=full_url, if_none_exist=_condition(body))


def _condition(body: Json) -> str:
    for item in objects(body, "identifier"):
        if text(item, "system") == FIGURE_IDENTIFIER:
            return f"identifier={text(item, 'system')}|{text(item, 'value')}"
    return ""
