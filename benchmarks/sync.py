"""First load, no-change run and 1 % changed, beside a plain loop of single PUTs by a requests Session.

    .venv/bin/python benchmarks/sync.py --clients 1000 [--figures 4] [--server sandbox|memory|URL]

The sandbox runs in a process of its own, as an EHR would. Ratios count; the machine does not.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from fhir_plugin.consent import NL_JEUGDWET, load_policy
from fhir_plugin.ehr import Entry, FhirClient
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying import Applier
from fhir_plugin.sync.columns import propose_columns
from fhir_plugin.sync.decisions import Context
from fhir_plugin.sync.journal_opening import open_journal
from fhir_plugin.sync.planfile import PlanReader, PlanWriter
from fhir_plugin.sync.planning import Planner
from fhir_plugin.sync.population import Population
from fhir_plugin.sync.rows import RowReader
from fhir_plugin.sync.tables import open_csv
from fhir_plugin.sync.writing import Writer

SYSTEM = "https://jeugdhulp.example.nl/clientnummer"
V3, VEKTIS = "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "urn:oid:2.16.840.1.113883.2.4.3.11.22.472"
HEADER = (
    "Cliëntnummer", "Figuur ID", "Voornaam", "Achternaam", "Soort", "Functie", "Inzet", "Mobiel", "Aangewezen door",
    "Vertrouwensband", "Mandaat", "Steunt", "Toestemming", "Toestemming van", "Toestemming vanaf", "Toestemming tot",
)  # fmt: skip
SERVE = """
import sys, threading
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox
with running_sandbox(SandboxSettings(open_access=True, seed=False, database=sys.argv[2]), port=int(sys.argv[1])):
    print("ready", flush=True)
    threading.Event().wait()
"""


def children(count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(count):
        identifier = [{"system": SYSTEM, "value": str(100000 + number)}]
        born = f"{2015 + number % 4}-0{1 + number % 9}-1{number % 9}"
        found.append({"resourceType": "Patient", "id": f"k{number}", "identifier": identifier, "birthDate": born})
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        found.append(
            {
                "resourceType": "RelatedPerson",
                "id": f"o{number}",
                "active": True,
                "patient": {"reference": f"Patient/k{number}"},
                "name": [{"text": "ouder"}],
                "relationship": relationship,
            }
        )
    return found


def write_list(path: Path, clients: int, figures: int, changed: float = 0.0) -> None:
    rng = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(HEADER)
        for number in range(clients * figures):
            phone = f"06-{10000000 + number + (5_000_000 if rng.random() < changed else 0):08}"
            writer.writerow(
                [
                    100000 + number // figures, f"F{number}", f"Naam{number % 97}", f"Achter{number % 89}", "JIM",
                    "praktisch", "meehelpen", phone, "ouder", "ja", "informeel", "kind", "ja", "ouders",
                    "01-09-2026", "31-08-2027",
                ]
            )  # fmt: skip


class Run:
    """Plans and applies a list against one server."""

    def __init__(self, client: FhirClient, folder: Path, group: int, workers: int) -> None:
        self.client, self.folder, self.group, self.workers = client, folder, group, workers
        self.context = Context(source="bench", policy=load_policy(NL_JEUGDWET), at=datetime.now(UTC))

    def __call__(self, file: Path) -> tuple[int, float, float]:
        """Resources written, seconds to plan, seconds to apply."""
        table = open_csv(file)
        columns = replace(propose_columns(table.header, "bench"), client_system=SYSTEM)
        plan_path = self.folder / "plan.json"
        with open_journal(self.folder / "journal.sqlite", self.client.base_url, "bench") as journal:
            started = time.perf_counter()
            planner = Planner(population=Population(self.client), journal=journal, context=self.context)
            writer = PlanWriter(plan_path, ehr=self.client.base_url, source="bench", file=file.name, made="now")
            for planned in planner.plan(RowReader(table, columns).read()):
                writer.add(planned)
            writer.close(len(planner.problems), planner.settled)
            planned_at = time.perf_counter()
            reader = PlanReader(plan_path)
            applier = Applier(
                population=Population(self.client),
                writer=Writer(self.client, Ref(display="bench")),
                journal=journal,
                context=self.context,
                clock=lambda: datetime.now(UTC),
                group=self.group,
                workers=self.workers,
            )
            run = journal.begin(reader.digest, reader.totals["clients"])
            applier.apply(reader.clients(), reader.totals["clients"], run)
            journal.finish(run)
        trouble = [step for step in applier.steps if step.state not in ("done", "same") or step.code]
        if trouble:
            raise SystemExit(f"not clean: {trouble[:3]}")
        resources = sum(step.resources for step in applier.steps)
        return resources, planned_at - started, time.perf_counter() - planned_at


def plain_loop(base: str, clients: int, figures: int) -> tuple[int, float]:
    """What one writes first: one PUT per resource, by one Session."""
    session = requests.Session()
    bodies = [
        {
            "resourceType": "RelatedPerson",
            "id": f"plain-{number}",
            "active": True,
            "patient": {"reference": f"Patient/k{number // figures}"},
            "name": [{"use": "official", "given": [f"Naam{number % 97}"], "family": f"Achter{number % 89}"}],
            "telecom": [{"system": "phone", "value": f"+316{10000000 + number:08}"}],
        }
        for number in range(clients * figures)
    ]
    started = time.perf_counter()
    for body in bodies:
        headers = {"Content-Type": "application/fhir+json"}
        answer = session.put(f"{base}/RelatedPerson/{body['id']}", data=json.dumps(body), headers=headers, timeout=60)
        answer.raise_for_status()
    return len(bodies), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--figures", type=int, default=4)
    parser.add_argument("--group", type=int, default=10)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--url", default="", help="another FHIR server, empty of these children")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = None
        base = options.url
        if not base:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            command = [sys.executable, "-c", SERVE, str(port), str(folder / "ehr.sqlite")]
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert process.stdout
            process.stdout.readline()
            base = f"http://localhost:{port}/fhir"
        try:
            measure(base, folder, options)
        finally:
            if process:
                process.terminate()
                process.wait()


def measure(base: str, folder: Path, options: argparse.Namespace) -> None:
    client = FhirClient(base)
    bodies = children(options.clients)
    for start in range(0, len(bodies), 100):
        client.transaction([Entry.put(body) for body in bodies[start : start + 100]])
    count, seconds = plain_loop(base, min(options.clients, 250), options.figures)
    plain = count / seconds
    print(f"plain loop of single PUTs      {count:>7} resources {seconds:8.1f} s {plain:9.0f} /s")
    file = folder / "lijst.csv"
    write_list(file, options.clients, options.figures)
    run = Run(client, folder, options.group, options.workers)
    written, planning, applying = run(file)
    rate = written / applying
    print(f"first load: plan               {options.clients:>7} clients   {planning:8.1f} s")
    print(f"first load: apply + read back  {written:>7} resources {applying:8.1f} s {rate:9.0f} /s")
    print(f"{'':>57}{rate / plain:5.1f} x the plain loop")
    again, planning2, applying2 = run(file)
    faster = (planning + applying) / (planning2 + applying2)
    print(f"no-change run                  {again:>7} resources {planning2 + applying2:8.1f} s  {faster:.1f} x faster")
    write_list(file, options.clients, options.figures, changed=0.01)
    changed, planning3, applying3 = run(file)
    print(f"1 % changed                    {changed:>7} resources {planning3 + applying3:8.1f} s")
    print(f"peak memory of this process    {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MB")


if __name__ == "__main__":
    main()
