"""An EHR that gives no access at all: our own store is the source, and an export carries it over.

``--fhir none:NAME`` plans and applies as for any other EHR, but in the own store; ``sync export`` writes a Bundle per
client. Of the children nothing is known but their number, so nobody's consent can be decided on: figures are known,
and nothing is shared, until the records say who may sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.ehr.memory_search import keys_of, keys_wanted, matches
from fhir_plugin.errors import UsageError
from fhir_plugin.mapping.json import Json
from fhir_plugin.model.terms import BSN_SYSTEMS
from fhir_plugin.sync.records.own_records import OwnRecords
from fhir_plugin.sync.records.own_store import OwnStore
from fhir_plugin.sync.sources.naming import ClientKey

__all__ = ["OwnEhr", "OwnPopulation"]


class OwnEhr(MemoryEhr):
    """The own store as an EHR: what is written to it is on disk, sealed, before it is answered."""

    def __init__(self, store: OwnStore, base_url: str) -> None:
        super().__init__(base_url=base_url)
        self._own = store
        self._index: dict[tuple[str, str], dict[str, None]] = {}
        for body in store.versions():
            versions = self.store.setdefault(str(body["resourceType"]), {}).setdefault(str(body["id"]), [])
            versions.append(body)
            self._note(body)
        numbers = (id_ for bodies in self.store.values() for id_ in bodies if id_.isdigit())
        self.start_ids(max(map(int, numbers), default=0) + 1)

    def client(self) -> FhirClient:
        """A client of it."""
        return FhirClient(self.base_url, session=memory_session(self))

    def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Json]:
        """See ``MemoryEhr.handle``."""
        self.written.clear()
        self.asked.clear()
        answer = super().handle(method, path, query, headers, body)
        self._own.add_versions(self._latest())
        return answer

    def add(self, resource: Json) -> Json:
        """See ``MemoryEhr.add``."""
        self.written.clear()
        stored = super().add(resource)
        self._own.add_versions(self._latest())
        return stored

    def _store(self, type_: str, id_: str, body: Json) -> Json:
        stored = super()._store(type_, id_, body)
        self._note(stored)
        return stored

    def _note(self, body: Json) -> None:
        """Keep by what a version can be found; what an older one had stays, as a search looks at what it finds."""
        for key in keys_of(body):
            self._index.setdefault((str(body["resourceType"]), key), {})[str(body["id"])] = None

    def _found(self, type_: str, params: list[tuple[str, str]]) -> list[Json]:
        wanted = keys_wanted(params)
        if wanted is None:
            return super()._found(type_, params)
        held, ids = self.store.get(type_, {}), (id_ for key in wanted for id_ in self._index.get((type_, key), ()))
        latest = (held[id_][-1] for id_ in dict.fromkeys(ids) if id_ in held)
        return [body for body in latest if matches(body, params)]

    def _latest(self) -> list[Json]:
        held = (self.store.get(kind, {}).get(id_) for kind, id_ in dict.fromkeys(self.written))
        return [versions[-1] for versions in held if versions]


class OwnPopulation(OwnRecords):
    """Clients of an EHR without access: whoever the source names is taken to exist."""

    def __init__(self, ehr: OwnEhr, client: FhirClient, store: OwnStore) -> None:
        super().__init__(client, store)
        self._ehr = ehr

    def find(self, keys: Sequence[ClientKey]) -> dict[ClientKey, tuple[str, ...]]:
        """See ``Population.find``; a client that is named for the first time gets a place.

        Raises:
            UsageError: clients are named by BSN, which is kept nowhere.
        """
        if any(key.system in BSN_SYSTEMS for key in keys):
            raise UsageError(
                "Without access to the EHR a client cannot be known by a BSN: it is kept nowhere.",
                where="--fhir",
                remedy="Use a list with client numbers.",
            )
        found = super().find(keys)
        for key, ids in found.items():
            if not ids:
                identifier = [{"system": key.system, "value": key.value}] if key.system else []
                body = {"resourceType": "Patient", **({"identifier": identifier} if identifier else {"id": key.value})}
                found[key] = (str(self._ehr.add(body)["id"]),)
        return found
