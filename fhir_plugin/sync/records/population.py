"""Reading an EHR by the hundred: who the clients of a source are, and their networks, a few requests at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.mapping.json import objects, text
from fhir_plugin.mapping.network import from_fhir
from fhir_plugin.mapping.reading import is_elsewhere
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.sources.naming import ClientKey
from fhir_plugin.sync.sources.spool import SUBJECTS, owner_of

__all__ = ["Population"]

_OPTIONAL = frozenset({403, 404, 405, 501})
_NO_SUCH_TYPE = frozenset({404, 405, 501})
"""Where an EHR has no Flags there is no safety block; one that refuses them may hold one: nothing is read (L11)."""
_PAGE = "500"

Json = dict[str, Any]


class Population:
    """Reads many records through one client."""

    def __init__(self, client: FhirClient) -> None:
        self._client = client

    def find(self, keys: Sequence[ClientKey]) -> dict[ClientKey, tuple[str, ...]]:
        """The Patient ids each key means: none, one or more.

        Identifiers go in the body of a POST ``_search``, several at once, and are compared in memory.
        """
        found: dict[ClientKey, list[str]] = {key: [] for key in keys}
        by_system: dict[str, list[str]] = {}
        for key in found:
            by_system.setdefault(key.system, []).append(key.value)
        for system, values in by_system.items():
            tokens = [f"{system}|{_escaped(value)}" if system else _escaped(value) for value in values]
            params = {"identifier" if system else "_id": ",".join(tokens), "_count": _PAGE}
            for body in self._client.search("Patient", params, private=True):
                for value in _names(body, system):
                    key = ClientKey(system=system, value=value)
                    if key in found and text(body, "id") not in found[key]:
                        found[key].append(text(body, "id"))
        return {key: tuple(ids) for key, ids in found.items()}

    def networks(self, patient_ids: Sequence[str]) -> dict[str, SupportNetwork]:
        """The networks of clients; a client the EHR does not give is left out.

        Raises:
            EhrError: a part that is needed cannot be read.
        """
        return {each: self.network(bodies, each) for each, bodies in self.records(patient_ids).items()}

    def network(self, bodies: Iterable[Json], patient_id: str) -> SupportNetwork:
        """The network of one client from its resources, as :meth:`records` gives them."""
        return from_fhir(bodies, patient_id=patient_id, base=self._client.base_url).network

    def records(self, patient_ids: Sequence[str]) -> dict[str, list[Json]]:
        """The resources of clients, in one batch of searches; a client the EHR does not give is left out.

        Each resource goes by the patient it names itself, whatever it was found by; a patient of another server is
        another one (``is_elsewhere``).

        Raises:
            EhrError: a part that is needed cannot be read.
        """
        listed = ",".join(quote(f"Patient/{each}", safe="/") for each in patient_ids)
        wanted = {
            kind: f"patient={listed}" if subject else f"_id={','.join(patient_ids)}"
            for kind, subject in SUBJECTS.items()
        }
        urls = [f"{kind}?{which}&_count={_PAGE}" for kind, which in wanted.items()]
        answers = self._client.batch([Entry.get(url) for url in urls])
        held: dict[str, dict[tuple[str, str], Json]] = {each: {} for each in patient_ids}
        for kind, answer in zip(wanted, answers, strict=True):
            if kind in ("CareTeam", "Consent") and answer.status in _OPTIONAL:
                continue
            if kind == "Flag" and answer.status in _NO_SUCH_TYPE:
                continue
            answer.raise_for_status(f"search {kind}")
            for body in self._client.pages(answer.body, f"search {kind}"):
                owner = owner_of(body)  # some EHRs pass over a search parameter they lack, and give everybody's
                if owner in held and not is_elsewhere(body, self._client.base_url):
                    held[owner][text(body, "resourceType"), text(body, "id")] = body  # pages that shift repeat some
        return {each: list(bodies.values()) for each, bodies in held.items() if ("Patient", each) in bodies}


def _names(body: dict[str, Any], system: str) -> list[str]:
    if not system:
        return [text(body, "id")]
    return [text(item, "value") for item in objects(body, "identifier") if text(item, "system") == system]


def _escaped(value: str) -> str:
    """A token value with what separates tokens escaped (https://hl7.org/fhir/R4/search.html#escaping)."""
    for char in ("\\", "$", ",", "|"):
        value = value.replace(char, f"\\{char}")
    return value
