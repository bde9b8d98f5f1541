"""A FHIR server as a source: what it holds of support figures, as a list like any other.

Only figures become rows. A contact that is not marked as a figure is a candidate (docs/domain.md, S3) and is reported
as such: who counts is for the child and a professional to say, not for a sync.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrNotFound, InputError
from fhir_plugin.mapping.json import objects, text
from fhir_plugin.mapping.network import from_fhir
from fhir_plugin.model.network import Standing, SupportNetwork
from fhir_plugin.model.terms import BSN_SYSTEMS
from fhir_plugin.sync.sources.cells import FIGURE_HEADERS, cells_of, left_out
from fhir_plugin.sync.sources.spool import SUBJECTS, Spool
from fhir_plugin.sync.sources.tables import Row, Table

__all__ = ["TYPES", "FhirSource", "searched"]

Json = dict[str, Any]

TYPES = tuple(SUBJECTS)
"""Resource types that are read of a source."""
_PAGE = "500"
_CANDIDATE = "sync-candidate"
_BLOCKED = "sync-safety-block"


def searched(client: FhirClient) -> Iterator[Json]:
    """Everything of the types that are read, by search, page by page; each type by itself.

    Raises:
        EhrError: a search failed; what was read is not complete.
    """
    for kind in TYPES:
        try:
            yield from client.search(kind, {"_count": _PAGE})
        except EhrNotFound:
            if kind != "Flag":  # a server without Flags has no safety blocks; one that refuses them may have
                raise


@dataclass(slots=True, kw_only=True)
class FhirSource:
    """What was read of a FHIR server, as rows.

    Attributes:
        base_url: of the server; without its scheme it names the source in places and reports.
        client_system: identifier system by which both sides know the clients.
        left_out: what rows have no place for, counted by element, once the rows were read.
        orphans: resources that name no patient of this server.
    """

    base_url: str
    client_system: str
    left_out: Counter[str] = field(default_factory=Counter)
    orphans: int = 0
    _spool: Spool = field(init=False)

    def __post_init__(self) -> None:
        self._spool = Spool(self.base_url)

    @property
    def header(self) -> tuple[str, ...]:
        """The columns; they are the same for every server."""
        return (self.client_header, *FIGURE_HEADERS)

    def read(self, resources: Iterable[Json]) -> Table:
        """Take everything in and give it as a list; the rows can be opened as often as needed.

        Raises:
            InputError: no identifier system for the clients was given.
            EhrError: reading failed; nothing may be planned on a part.
        """
        if not self.client_system:
            raise InputError(
                "A FHIR server as a source needs the identifier system of the clients.",
                where=self.name,
                code="sync-client-system",
                remedy="Give the system that both servers know with --client-system.",
            )
        self.orphans += self._spool.add(resources)
        return Table(file=self.name, header=self.header, form="FHIR R4", rows=self._rows)

    def close(self) -> None:
        """Let go of what was read."""
        self._spool.close()

    @property
    def name(self) -> str:
        """Host, port and path of the server: two servers on one host are two sources."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or 'fhir'}{port}{parts.path.rstrip('/')}"

    @property
    def client_header(self) -> str:
        """The column that names the client; a BSN is kept in memory only, as from any list."""
        return "client_bsn" if self.client_system in BSN_SYSTEMS else "client_identifier"

    def _rows(self) -> Iterator[Row]:
        """A row for each figure and each candidate, numbered from 2 as under a header."""
        self.left_out.clear()
        line = 1
        for patient, bodies in self._spool.records():
            network = from_fhir(bodies, patient_id=patient, base=self.base_url).network
            for row in self._of_client(network, self._number(bodies)):
                line += 1
                yield replace(row, line=line)

    def _of_client(self, network: SupportNetwork, number: str) -> Iterator[Row]:
        if (
            network.sharing_is_off
        ):  # nothing of this client leaves the source, not even how many figures there are (L11)
            bare = (number, *("" for _ in FIGURE_HEADERS))
            yield Row(line=0, cells=bare, fault=_BLOCKED, resource=network.child.ref.reference)
            return
        for figure in network.figures:
            cells, faults = cells_of(network, figure)
            self.left_out.update(left_out(figure))
            places = tuple((FIGURE_HEADERS.index(name) + 1, code) for name, code in faults.items())
            row = (number, *(cells.get(name, "") for name in FIGURE_HEADERS))
            yield Row(line=0, cells=row, faults=places, resource=figure.ref.reference)
        for person in network.people:
            if person.standing is Standing.CANDIDATE and person.active:
                cells = {"key": person.ref.id, "text": person.name.text or person.name.own_name}
                row = (number, *(cells.get(name, "") for name in FIGURE_HEADERS))
                yield Row(line=0, cells=row, fault=_CANDIDATE, resource=person.ref.reference)

    def _number(self, bodies: list[Json]) -> str:
        """The client's number in the shared system; empty where the server does not know it."""
        systems = BSN_SYSTEMS if self.client_system in BSN_SYSTEMS else {self.client_system}
        patients = (body for body in bodies if text(body, "resourceType") == "Patient")
        found = (item for body in patients for item in objects(body, "identifier") if text(item, "system") in systems)
        return next((text(item, "value") for item in found), "")
