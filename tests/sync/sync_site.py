"""A list of many clients, an EHR that listens, and the commands as an integrator runs them."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_desk import CLIENT_SYSTEM, CONSENT, V3, VEKTIS, as_csv, row

from fhir_plugin.ehr import Entry, FhirClient
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox


@dataclass(frozen=True)
class Site:
    """An EHR, a folder to work in, and perhaps a database."""

    folder: Path
    fhir: str
    database: str = ""

    @property
    def client(self) -> FhirClient:
        return FhirClient(self.fhir)

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from fhir_plugin.cli.main import main; main()", *words]
        environment = {**os.environ, "STEUNFIGUREN_SYNC_KEY": base64.b64encode(b"k" * 32).decode()}
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
        return list(self.client.search(kind, {"_count": "1000"}))


def children(count: int) -> Iterator[Entry]:
    for number in range(count):
        identifier = [{"system": CLIENT_SYSTEM, "value": str(number)}]
        child = {"resourceType": "Patient", "id": f"p{number}", "identifier": identifier, "birthDate": "2016-05-01"}
        yield Entry.put(child)
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        mother = {"resourceType": "RelatedPerson", "id": f"m{number}", "active": True, "relationship": relationship}
        yield Entry.put({**mother, "patient": {"reference": f"Patient/p{number}"}})


@contextmanager
def site(folder: Path, clients: int, database: str = "") -> Iterator[Site]:
    """A new EHR, and a list with one figure for each of its children."""
    with running_sandbox(SandboxSettings(open_access=True, seed=False)) as sandbox:
        made = Site(folder=folder, fhir=f"{sandbox.base_url}/fhir", database=database)
        entries = list(children(clients))
        for start in range(0, len(entries), 200):
            made.client.transaction(entries[start : start + 200])
        given = {**CONSENT, "Toestemming van": "ouders"}
        rows = [row(number, f"F{number}", **given) for number in range(clients)]
        (folder / "list.csv").write_text(as_csv(rows), encoding="utf-8")
        yield made


def no_doubles(made: Site, clients: int) -> None:
    """Each client has one figure, one consent and one place in one team; nobody else's place is there."""
    figures = [body for body in made.all("RelatedPerson") if not body["id"].startswith("m")]
    owners = Counter(body["patient"]["reference"] for body in figures)
    assert set(owners.values()) == {1}
    assert len(owners) == clients
    teams = made.all("CareTeam")
    assert [len(made.all("Consent")), len(teams), len(made.all("Provenance"))] == [clients] * 3
    mine = {f"RelatedPerson/{body['id']}": body["patient"]["reference"] for body in figures}
    for team in teams:
        (participant,) = team["participant"]
        assert mine[participant["member"]["reference"]] == team["subject"]["reference"]
