"""The sandbox as one EHR of the degradation matrix."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync_desk import CLIENT_SYSTEM, CONSENT, V3, VEKTIS, Desk, row

from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.ehr.dialect import R4, STU3
from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.sync.applying.ways.tasks import own_identifier
from fhir_plugin.sync.records.own_store import Open
from smart_app.sandbox.testing import RunningSandbox

__all__ = ["Json", "Played"]

Json = dict[str, Any]
ROWS = {"first": CONSENT, "changed": {**CONSENT, "Mobiel": "06-12345677"}, "withdrawn": {"Toestemming": "ingetrokken"}}


@dataclass
class Played:
    """The sandbox as one EHR of the matrix, with a child of 14 and its mother in it."""

    sandbox: RunningSandbox
    faults: tuple[str, ...]
    folder: Path
    number: int = field(default_factory=lambda: uuid.uuid4().int % 10**8)
    child: str = ""
    database: str = ""

    def __post_init__(self) -> None:
        stu3 = "stu3" in self.faults
        plain = FhirClient(self.sandbox.issuer, retry=Retry(sleep=lambda _: None))
        self.eyes = plain.speaking(STU3 if stu3 else R4)
        identifier = [{"system": CLIENT_SYSTEM, "value": str(self.number)}]
        self.child = plain.create({"resourceType": "Patient", "identifier": identifier, "birthDate": "2012-05-01"}).id
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        self.eyes.create(
            {
                "resourceType": "RelatedPerson",
                "active": True,
                "patient": {"reference": f"Patient/{self.child}"},
                "name": [{"family": "Amrani", "given": ["Fatima"]}],
                "relationship": relationship,
            }
        )
        self.desk = Desk(folder=self.folder, ehr=MemoryEhr(), client=plain, database=self.database)
        for fault in self.faults:
            self.sandbox.parts.faults.turn(fault, on=True)

    def row(self, what: str = "first", **cells: str) -> dict[str, str]:
        return row(self.number, "F1", **{**ROWS[what], **cells})

    def states(self, *rows: dict[str, str]) -> list[tuple[str, str]]:
        return [(step.state, step.code) for step in self.desk.sync(rows)]

    @contextmanager
    def unhindered(self) -> Iterator[FhirClient]:
        """Somebody at the EHR itself, for whom it has no faults."""
        kept = [fault for fault in self.faults if fault != "stu3"]
        for fault in kept:
            self.sandbox.parts.faults.turn(fault, on=False)
        yield self.eyes
        for fault in kept:
            self.sandbox.parts.faults.turn(fault, on=True)

    def held(self, kind: str) -> list[Json]:
        """What the EHR holds of the child, the mother apart."""
        with self.unhindered() as eyes:
            found = list(eyes.search(kind, {"patient": f"Patient/{self.child}"}))
        return [body for body in found if kind != "RelatedPerson" or own_identifier(body)]

    def versions(self) -> int:
        kinds = ("RelatedPerson", "Consent", "CareTeam", "Provenance", "DocumentReference")
        return sum(int(body["meta"]["versionId"]) for kind in kinds for body in self.held(kind))

    def kept(self, kind: str) -> list[Json]:
        """What our own store holds."""
        with self.desk.reached() as (_, ehr):
            return [item.body for item in ehr.store.kept([self.child]) if item.body["resourceType"] == kind]

    def worklist(self) -> list[Open]:
        with self.desk.reached() as (_, ehr):
            return ehr.store.waiting("jim")

    def record(self, kind: str) -> list[Json]:
        """As it counts: the EHR and our own store together."""
        with self.desk.reached() as (_, ehr):
            bodies = ehr.population.records([self.child])[self.child]
        return [
            body
            for body in bodies
            if body["resourceType"] == kind and (kind != "RelatedPerson" or own_identifier(body))
        ]

    def participants(self) -> list[Json]:
        return [item for team in self.record("CareTeam") for item in team.get("participant", ())]
