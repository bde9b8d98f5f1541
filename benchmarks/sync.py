"""First load, no-change run and 1 % changed by `steunfiguren sync`, beside a plain loop of conditional PUTs and fhirpy.

    .venv/bin/python benchmarks/sync.py --clients 1000 [--server sandbox] [--server sekmet] [--server URL] [--workers 3]

Everything in one run on one machine: the server, and the commands as a user runs them. Ratios count; the machine does
not. `--parts load,same` leaves the peers and the waiting out; `--loop N` sets how many resources the peers write.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from _sync_servers import Server, Watch, running

from fhir_plugin.ehr import Entry, FhirClient

SYSTEM = "https://jeugdhulp.example.nl/clientnummer"
FIGURE = "https://bench.example.nl/figure"
V3, VEKTIS = "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "urn:oid:2.16.840.1.113883.2.4.3.11.22.472"
HEADER = (
    "Cliëntnummer", "Figuur ID", "Voornaam", "Achternaam", "Soort", "Functie", "Inzet", "Mobiel", "Aangewezen door",
    "Vertrouwensband", "Mandaat", "Steunt", "Toestemming", "Toestemming van", "Toestemming vanaf", "Toestemming tot",
)  # fmt: skip
_ROUNDS = 3
"""Of the peers: the median counts."""


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


def figure(number: int) -> dict[str, Any]:
    """What the peers write: a figure as one writes it first, of a child that is not in the list."""
    return {
        "resourceType": "RelatedPerson",
        "identifier": [{"system": FIGURE, "value": f"plain-{number}"}],
        "active": True,
        "patient": {"reference": "Patient/peer"},
        "name": [{"use": "official", "given": [f"Naam{number % 97}"], "family": f"Achter{number % 89}"}],
        "telecom": [{"system": "phone", "value": f"+316{10000000 + number:08}"}],
    }


def plain_loop(base: str, bodies: list[dict[str, Any]]) -> None:
    """A conditional PUT per resource, by one Session."""
    session = requests.Session()
    for body in bodies:
        identifier = body["identifier"][0]
        answer = session.put(
            f"{base}/RelatedPerson",
            params={"identifier": f"{identifier['system']}|{identifier['value']}"},
            data=json.dumps(body),
            headers={"Content-Type": "application/fhir+json"},
            timeout=60,
        )
        answer.raise_for_status()


def by_fhirpy(base: str, bodies: list[dict[str, Any]]) -> None:
    """The same by fhirpy's client: a conditional update per resource."""
    from fhirpy import SyncFHIRClient

    client = SyncFHIRClient(base)
    for body in bodies:
        identifier = body["identifier"][0]
        search = client.resources("RelatedPerson").search(identifier=f"{identifier['system']}|{identifier['value']}")
        search.update(client.resource("RelatedPerson", **{k: v for k, v in body.items() if k != "resourceType"}))


def rate(write: Callable[[str, list[dict[str, Any]]], None], base: str, count: int, start: int) -> float:
    """Resources per second; new ones in each round."""
    found = []
    for round_ in range(_ROUNDS):
        first = start + round_ * count
        bodies = [figure(number) for number in range(first, first + count)]
        started = time.perf_counter()
        write(base, bodies)
        found.append(count / (time.perf_counter() - started))
    return statistics.median(found)


@dataclass(frozen=True)
class Ran:
    """One command: seconds of wall and of processor, the largest process in MB, and the server's idle part."""

    seconds: float
    processor: float
    memory: float
    idle: float
    code: int
    out: str


def command(folder: Path, server: Server, *words: str) -> Ran:
    line = [sys.executable, "-c", "from fhir_plugin.cli.main import main; main()", *words]
    started = time.perf_counter()
    with Watch(server.pid) as watch, (folder / "out.txt").open("w+") as out:
        process = subprocess.Popen(line, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        told = out.read()
    seconds, code = time.perf_counter() - started, os.waitstatus_to_exitcode(status)
    processor = usage.ru_utime + usage.ru_stime
    if code not in (0, 1):
        raise SystemExit(f"{' '.join(words[:2])} failed:\n{told[-3000:]}")
    return Ran(seconds, processor, usage.ru_maxrss / 1024, watch.idle, code, told)


class Bench:
    """One server, measured from the first load on."""

    def __init__(self, server: Server, folder: Path, options: argparse.Namespace) -> None:
        self.server, self.folder, self.options = server, folder, options
        self.list = folder / "lijst.csv"

    def plan(self) -> Ran:
        """Plan the list as it is now."""
        return command(
            self.folder,
            self.server,
            "sync",
            "plan",
            str(self.list),
            "--fhir",
            self.server.base,
            "--client-system",
            SYSTEM,
            "-q",
        )

    def apply(self) -> tuple[Ran, dict[str, Any]]:
        """Apply the plan made last; what was written."""
        workers, group = str(self.options.workers), str(self.options.group)
        words = (
            "sync",
            "apply",
            "sync-plan.json",
            "-q",
            "--workers",
            workers,
            "--group",
            group,
            "--report",
            "run.json",
        )
        ran = command(self.folder, self.server, *words)
        report: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        if ran.code or report["attention"]:
            raise SystemExit(f"not clean: {ran.out[-2000:]}")
        return ran, report

    def fill(self) -> None:
        """Give the server its children, each with a parent, and find out what it can be trusted with."""
        client = FhirClient(self.server.base)
        bodies = [{"resourceType": "Patient", "id": "peer"}, *children(self.options.clients)]
        for start in range(0, len(bodies), 200):
            client.transaction([Entry.put(body) for body in bodies[start : start + 200]], bodies=False)
        probe = ("--probe-client", "peer", "--journal", "var/sync.sqlite")
        command(self.folder, self.server, "conformance", self.server.base, *probe)

    def measure(self) -> None:
        """Print the table."""
        parts, options = self.options.parts, self.options
        say(f"== {self.server.name}: {options.clients} clients x {options.figures}, {options.workers} workers ==")
        self.fill()
        plain = fhirpy = float("nan")
        if "peers" in parts:
            plain = rate(plain_loop, self.server.base, options.loop, 0)
            say(f"{'plain loop of conditional PUTs':34}{plain:9.0f} resources/s")
            fhirpy = rate(by_fhirpy, self.server.base, options.loop, 10**6)
            say(f"{'fhirpy, conditional updates':34}{fhirpy:9.0f} resources/s")
        write_list(self.list, options.clients, options.figures)
        planned = self.plan()
        tell("first load: plan", planned)
        applied, report = self.apply()
        tell("first load: apply and read back", applied)
        written = int(report["resources"])
        speed, whole = written / applied.seconds, written / (planned.seconds + applied.seconds)
        say(f"{'first load: resources':34}{written:9} = {speed:.0f}/s applied, {whole:.0f}/s planned and applied")
        say(f"{'  x the plain loop, x fhirpy':34}{speed / plain:9.1f} x, {speed / fhirpy:.1f} x (applied)")
        say(f"{'  the server waited for us':34}{applied.idle:9.0%} of the time of apply")
        first = planned.seconds + applied.seconds
        if "same" in parts:
            self.again("no change, straight after", first)
        if "rest" in parts:
            say(f"(waiting {options.rest} s: what was written has to be older than the margin of a search for changes)")
            time.sleep(options.rest)
            self.plan()  # reads everything once more; from here on changes alone are read
            self.again("no change, later", first)
        if "changed" in parts:
            write_list(self.list, options.clients, options.figures, changed=0.01)
            self.again("1 % changed", first)

    def again(self, name: str, first: float) -> None:
        """Plan and apply once more, beside the seconds of the first load."""
        planned = self.plan()
        applied, report = self.apply()
        seconds = planned.seconds + applied.seconds
        tell(f"{name}: plan", planned)
        tell(f"{name}: apply", applied)
        written, faster = int(report["resources"]), first / seconds
        say(f"{name + ': resources written':34}{written:9}   {faster:.1f} x faster than the first load")


def tell(name: str, ran: Ran) -> None:
    say(f"{name:34}{ran.seconds:9.1f} s wall {ran.processor:9.1f} s processor {ran.memory:6.0f} MB")


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--figures", type=int, default=4)
    parser.add_argument("--group", type=int, default=10, help="clients per Bundle")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--loop", type=int, default=300, help="resources the peers write, three times")
    parser.add_argument("--parts", default="peers,load,same,rest,changed", help="what to measure besides the load")
    parser.add_argument("--rest", type=int, default=125, help="seconds between the load and the later run")
    parser.add_argument("--server", action="append", help="sandbox, sekmet, or a base URL; may be repeated")
    options = parser.parse_args()
    for name in options.server or ["sandbox", "sekmet"]:
        with tempfile.TemporaryDirectory() as folder, running(name, Path(folder)) as server:
            Bench(server, Path(folder), options).measure()


if __name__ == "__main__":
    main()
