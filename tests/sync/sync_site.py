"""A list of many clients, an EHR that listens, and the commands as an integrator runs them."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_desk import CLIENT_SYSTEM, CONSENT, V3, VEKTIS, as_csv, row

from fhir_plugin.ehr import Entry, FhirClient
from fhir_plugin.errors import EhrNotFound
from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.records.own_store import open_own_database
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox

SECRET = b"k" * 32


@dataclass(frozen=True)
class Site:
    """An EHR with so many clients, a folder to work in, and perhaps a database."""

    folder: Path
    fhir: str
    clients: int
    database: str = ""

    @property
    def client(self) -> FhirClient:
        return FhirClient(self.fhir)

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from fhir_plugin.cli.main import main; main()", *words]
        environment = {**os.environ, "STEUNFIGUREN_SYNC_KEY": base64.b64encode(SECRET).decode()}
        if self.database:
            environment["STEUNFIGUREN_SYNC_DATABASE"] = self.database
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        out, errors = process.communicate(timeout=300)
        return process.returncode, out + errors

    def plan(self) -> tuple[int, str]:
        return self.run("sync", "plan", "list.csv", "--fhir", self.fhir, "--client-system", CLIENT_SYSTEM, "-q")

    def apply(self, *words: str) -> tuple[int, str]:
        return self.run("sync", "apply", "sync-plan.json", "-q", *words)

    def worker(self) -> subprocess.Popen[str]:
        return self.start("worker", "--fhir", self.fhir)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """What the EHR holds of a type; nothing where it does not know the type."""
        try:
            return list(self.client.search(kind, {"_count": "1000"}))
        except EhrNotFound:
            return []

    def kept(self, kind: str) -> list[dict[str, Any]]:
        """What the own store holds in the EHR's place."""
        with open_own_database(self.database, Vault(SECRET), self.fhir) as store:
            bodies = [item.body for item in store.kept(f"p{number}" for number in range(self.clients))]
        return [body for body in bodies if body["resourceType"] == kind]


def children(count: int) -> Iterator[Entry]:
    for number in range(count):
        identifier = [{"system": CLIENT_SYSTEM, "value": str(number)}]
        child = {"resourceType": "Patient", "id": f"p{number}", "identifier": identifier, "birthDate": "2016-05-01"}
        yield Entry.put(child)
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        mother = {"resourceType": "RelatedPerson", "id": f"m{number}", "active": True, "relationship": relationship}
        yield Entry.put({**mother, "patient": {"reference": f"Patient/p{number}"}})


@contextmanager
def site(folder: Path, clients: int, database: str = "", faults: Iterable[str] = ()) -> Iterator[Site]:
    """A new EHR, which may lack something, and a list with one figure for each of its children."""
    with running_sandbox(SandboxSettings(open_access=True, seed=False)) as sandbox:
        made = Site(folder=folder, fhir=f"{sandbox.base_url}/fhir", clients=clients, database=database)
        entries = list(children(clients))
        for start in range(0, len(entries), 200):
            made.client.transaction(entries[start : start + 200])
        for fault in faults:
            sandbox.parts.faults.turn(fault, on=True)
        given = {**CONSENT, "Toestemming van": "ouders"}
        rows = [row(number, f"F{number}", **given) for number in range(clients)]
        (folder / "list.csv").write_text(as_csv(rows), encoding="utf-8")
        yield made


def no_doubles(made: Site) -> None:
    """Each client has one figure, one consent and one place in one team; nobody else's place is there."""
    figures = [body for body in made.all("RelatedPerson") if not body["id"].startswith("m")]
    owners = Counter(body["patient"]["reference"] for body in figures)
    assert set(owners.values()) == {1}
    assert len(owners) == made.clients
    held = {kind: made.all(kind) or made.kept(kind) for kind in ("Consent", "CareTeam")}
    assert [len(held["Consent"]), len(held["CareTeam"])] == [made.clients] * 2
    told = Counter(item["reference"] for body in made.all("Provenance") for item in body["target"])
    assert set(told.values()) == {1}  # a saga that was broken off and one that finished it each tell of their own part
    assert {f"RelatedPerson/{body['id']}" for body in figures} <= set(told)
    mine = {f"RelatedPerson/{body['id']}": body["patient"]["reference"] for body in figures}
    for team in held["CareTeam"]:
        (participant,) = team["participant"]
        assert mine[participant["member"]["reference"]] == team["subject"]["reference"]
