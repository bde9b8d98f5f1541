"""The one place where the way of writing is chosen: from what an EHR can be trusted with to a ``Route``.

| the EHR | the way |
|---|---|
| has transactions, conditions and If-Match | one transaction per client |
| has no transactions | a saga, in the order in which it is safe to stop |
| does not create once per identifier | search, create, search again |
| looks at no versions | GET, compare, PUT, GET |
| only patches | JSON Patch with ``test`` and If-Match |
| does not change what is there | on the work list |
| has no Consents, or no CareTeam we may write | kept in our own store |
| takes no RelatedPersons | on the work list, as a proposed Patient.contact |
| takes nothing | everything on the work list |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fhir_plugin.ehr.abilities import WRITTEN, Abilities
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.sync.applying.ways.creating import ConditionalCreate, SearchedCreate
from fhir_plugin.sync.applying.ways.keeping import KeptConsent, KeptHere
from fhir_plugin.sync.applying.ways.tasks import Create, Update
from fhir_plugin.sync.applying.ways.updating import ComparedPut, MatchedPut, TestedPatch
from fhir_plugin.sync.records.own_store import OwnStore

__all__ = ["Route", "TypeWay", "route_for", "ways_of"]

_KEEPABLE = ("Consent", "CareTeam", "Provenance")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeWay:
    """How resources of one type are written; None is: by a person, from the work list."""

    create: Create | None = None
    update: Update | None = None
    kept: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether an entry of a transaction does the same."""
        return not self.kept and isinstance(self.update, MatchedPut | None) and not isinstance(self.create, KeptHere)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How one EHR is written to.

    Attributes:
        abilities: what it was chosen from.
        together: whether a client's writes go in one transaction.
        ways: by resource type.
    """

    abilities: Abilities
    together: bool
    ways: Mapping[str, TypeWay] = field(repr=False)

    def way(self, kind: str) -> TypeWay:
        """How a type is written."""
        return self.ways.get(kind, TypeWay())

    @property
    def has_window(self) -> bool:
        """Whether an update can undo an edit made in the same moment (``lost-update-window``)."""
        return any(isinstance(way.update, ComparedPut) for way in self.ways.values())


def route_for(abilities: Abilities, client: FhirClient, store: OwnStore) -> Route:
    """Choose the way of writing to an EHR."""
    ways = {kind: _way(kind, abilities, client, store) for kind in WRITTEN}
    return Route(abilities=abilities, together=abilities.transaction, ways=ways)


def _way(kind: str, abilities: Abilities, client: FhirClient, store: OwnStore) -> TypeWay:
    create, update = _create(kind, abilities, client), _update(kind, abilities, client)
    if create is None and kind in _KEEPABLE and not abilities.writes_nothing:
        here = KeptHere(store)
        if kind == "Consent":
            told = _create("DocumentReference", abilities, client), _update("DocumentReference", abilities, client)
            consent = KeptConsent(here, client, *told)
            return TypeWay(create=consent, update=consent, kept=True)
        return TypeWay(create=here, update=here, kept=True)
    return TypeWay(create=create, update=update)


def _create(kind: str, abilities: Abilities, client: FhirClient) -> Create | None:
    if kind not in abilities.creates:
        return None
    return ConditionalCreate(client) if kind in abilities.conditional else SearchedCreate(client)


def _update(kind: str, abilities: Abilities, client: FhirClient) -> Update | None:
    if kind in abilities.updates:
        return MatchedPut(client) if abilities.if_match else ComparedPut(client)
    return TestedPatch(client, matched=abilities.if_match) if kind in abilities.patches else None


def ways_of(abilities: Abilities) -> Iterator[str]:
    """The choices, by name, for people: ``transaction``, ``saga``, ``work-list`` and so on."""
    if abilities.writes_nothing:
        yield "work-list"
        return
    yield "transaction" if abilities.transaction else "saga"
    if "RelatedPerson" not in abilities.creates:
        yield "contact"
    elif "RelatedPerson" not in abilities.conditional:
        yield "searched"
    if "RelatedPerson" in abilities.updates:
        yield "if-match" if abilities.if_match else "compared"
    else:
        yield "patched" if "RelatedPerson" in abilities.patches else "changes-by-hand"
    if "Consent" not in abilities.creates:
        yield "own-consent"
    if "CareTeam" not in abilities.creates:
        yield "own-team"
    if abilities.is_stu3:
        yield "stu3"
