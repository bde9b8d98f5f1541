"""One plan, any number of workers: on a real PostgreSQL and a real HTTP server, one of them killed on the way."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sync_desk import CLIENT_SYSTEM, CONSENT, V3, VEKTIS, as_csv, row

from fhir_plugin.ehr import Entry, FhirClient
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox

pytestmark = pytest.mark.peer

CLIENTS = 330


@dataclass(frozen=True)
class Site:
    """An EHR, a database, and a folder to work in."""

    folder: Path
    database: str
    fhir: str

    @property
    def client(self) -> FhirClient:
        return FhirClient(self.fhir)

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from fhir_plugin.cli.main import main; main()", *words]
        environment = {**os.environ, "STEUNFIGUREN_SYNC_KEY": base64.b64encode(b"k" * 32).decode()}
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
def site(folder: Path, postgres: str, name: str, clients: int = CLIENTS) -> Iterator[Site]:
    """A new database and a new EHR."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    with running_sandbox(SandboxSettings(open_access=True, seed=False)) as sandbox:
        made = Site(folder=folder, database=postgres.replace("/postgres", f"/{name}"), fhir=f"{sandbox.base_url}/fhir")
        entries = list(children(clients))
        for start in range(0, len(entries), 200):
            made.client.transaction(entries[start : start + 200])
        given = {**CONSENT, "Toestemming van": "ouders"}
        rows = [row(number, f"F{number}", **given) for number in range(clients)]
        (folder / "list.csv").write_text(as_csv(rows), encoding="utf-8")
        yield made


def no_doubles(made: Site, clients: int = CLIENTS) -> None:
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


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_applies_one_plan_and_a_second_run_writes_nothing(
    tmp_path: Path, postgres: str, workers: int
) -> None:
    with site(tmp_path, postgres, f"workers{workers}") as made:
        assert made.plan()[0] == 0
        started = [made.worker() for _ in range(workers)]
        code, told = made.apply("--workers", "0")
        for worker in started:
            worker.terminate()
            worker.communicate(timeout=30)
        assert code == 0, told
        no_doubles(made)
        code, told = made.plan()
        assert code == 0, told
        assert made.apply()[0] == 0
        no_doubles(made)
        assert {body["meta"]["versionId"] for body in made.all("CareTeam")} == {"1"}


def test_what_a_killed_worker_was_doing_is_done_by_another_and_nothing_is_doubled(
    tmp_path: Path, postgres: str
) -> None:
    with site(tmp_path, postgres, "killed") as made:
        assert made.plan()[0] == 0
        first = made.worker()
        applying = made.start("sync", "apply", "sync-plan.json", "-q", "--workers", "0")
        deadline = time.monotonic() + 60
        while not made.all("Provenance") and time.monotonic() < deadline:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=30)
        written = len(made.all("Provenance"))
        assert 0 < written < CLIENTS
        second = made.worker()
        out, errors = applying.communicate(timeout=240)
        second.terminate()
        second.communicate(timeout=30)
        assert applying.returncode == 0, out + errors
        no_doubles(made)
