"""Reaching one EHR: how it is read and written, established once per command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_plugin.ehr.abilities import Abilities, abilities_of, software_of
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.dialect import STU3
from fhir_plugin.mapping.json import Json
from fhir_plugin.model.terms import BSN_SYSTEMS
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.records.own_store import OwnStore
from fhir_plugin.sync.records.own_url import without_access
from fhir_plugin.sync.records.recent import RecentChanges
from fhir_plugin.sync.records.storage import Storage

if TYPE_CHECKING:
    from fhir_plugin.sync.applying.ways.choosing import Route
    from fhir_plugin.sync.records.population import Population

__all__ = ["Reached", "reach", "recent_of", "record_bundle", "without_bsn_identifiers"]

_EVERYBODY = ""
"""Held in place of a client where one process at a time may have the whole EHR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One EHR, as a run sees it.

    Attributes:
        abilities: what it can be trusted with.
        own_population: what reads records in its place, where it gives no access.
        notices: codes of what somebody should know before relying on it: ``ehr-not-probed``, ``ehr-probe-stale``,
            ``ehr-untrue``.
    """

    client: FhirClient
    abilities: Abilities
    store: OwnStore
    own_population: Population | None = None
    notices: tuple[str, ...] = ()

    @property
    def population(self) -> Population:
        """What reads its records."""
        from fhir_plugin.sync.records.own_records import OwnRecords  # mapping: not for a run that reads no record

        return self.own_population or OwnRecords(self.client, self.store)

    @property
    def route(self) -> Route:
        """How it is written to."""
        from fhir_plugin.sync.applying.ways.choosing import route_for

        return route_for(self.abilities, self.client, self.store)


@contextmanager
def reach(client: FhirClient, storage: Storage, journal: Journal) -> Iterator[Reached]:
    """Establish what an EHR can be trusted with; the own store is open inside.

    Raises:
        EhrError: no CapabilityStatement to be had.
        StoreError: the own store or the findings cannot be read.
    """
    if without_access(client.base_url):
        with journal.alone([_EVERYBODY]), storage.own_store(client.base_url, journal.vault) as store:
            yield _own(client.base_url, store)
        return
    claims = client.capabilities()
    found = storage.findings(client.base_url)
    valid = found is not None and found.hold_for(software_of(claims))
    abilities = abilities_of(claims, found.checks if found is not None and valid else None)
    notices = [] if valid else ["ehr-not-probed" if found is None else "ehr-probe-stale"]
    notices += ["ehr-untrue"] if abilities.untrue else []
    speaking = client.speaking(STU3) if abilities.is_stu3 else client
    with storage.own_store(client.base_url, journal.vault) as store:
        yield Reached(client=speaking, abilities=abilities, store=store, notices=tuple(notices))


def recent_of(ehr: Reached) -> RecentChanges | None:
    """What tells what changed in an EHR; None where a record is more than what the EHR holds of it."""
    return RecentChanges(client=ehr.client) if ehr.abilities.takes_everything and not ehr.abilities.is_stu3 else None


def _own(base_url: str, store: OwnStore) -> Reached:
    """An EHR that gives no access: our own store in its place."""
    from fhir_plugin.sync.records.no_access import OwnEhr, OwnPopulation  # an EHR of our own: seldom needed

    ehr = OwnEhr(store, base_url)
    client = ehr.client()
    population = OwnPopulation(ehr, client, store)
    return Reached(client=client, abilities=abilities_of(client.capabilities()), store=store, own_population=population)


def record_bundle(bodies: Sequence[Json], base_url: str) -> Json:
    """The resources of one client as a Bundle of type ``collection``, without a BSN of anybody."""
    entries = [
        {"fullUrl": f"{base_url}/{body['resourceType']}/{body['id']}", "resource": without_bsn_identifiers(body)}
        for body in bodies
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def without_bsn_identifiers(value: Any) -> Any:
    """JSON without the identifiers that are a BSN, wherever they stand; of what they leave empty nothing stays."""
    if isinstance(value, list):
        return [without_bsn_identifiers(item) for item in value if not _is_bsn(item)]
    if not isinstance(value, dict):
        return value
    kept = {name: without_bsn_identifiers(item) for name, item in value.items() if not _is_bsn(item)}
    return {name: item for name, item in kept.items() if item != [] or value[name] == []}


def _is_bsn(value: Any) -> bool:
    return isinstance(value, dict) and value.get("system") in BSN_SYSTEMS
