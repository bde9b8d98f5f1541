"""First load, no-change runs and 1 % changed by `steunfiguren sync`, beside a loop of conditional PUTs and fhirpy.

    .venv/bin/python benchmarks/sync.py --clients 10000 --write     (rewrites docs/sync-speed.md)

Everything in one run on one machine: the server, and the commands as a user runs them. ``--server`` is ``sandbox``,
``sekmet`` or a base URL, and may be repeated; ``--parts load,same`` leaves the rest out. A run whose plan or report is
not exactly what was to be done is refused.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import json
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import requests
from _sync_report import AFTER, CHANGED, LATER, LOAD, WHOLE, Ran, Result, page
from _sync_servers import Server, Watch, distant, running

from fhir_plugin.ehr import Entry, FhirClient
from fhir_plugin.sync.chunks import in_chunks

SYSTEM = "https://jeugdhulp.example.nl/clientnummer"
FIGURE = "https://bench.example.nl/figure"
V3, VEKTIS = "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "urn:oid:2.16.840.1.113883.2.4.3.11.22.472"
HEADER = (
    "Cliëntnummer", "Figuur ID", "Voornaam", "Achternaam", "Soort", "Functie", "Inzet", "Mobiel", "Aangewezen door",
    "Vertrouwensband", "Mandaat", "Steunt", "Toestemming", "Toestemming van", "Toestemming vanaf", "Toestemming tot",
)  # fmt: skip
_ROUNDS = 3
"""Of the peers: the median counts."""
_CHILD_SUBREAPER = 36
"""``PR_SET_CHILD_SUBREAPER`` of prctl(2)."""


def children(count: int) -> Iterator[dict[str, Any]]:
    """Children with a parent each, one at a time: what is held here counts in the peak of the commands."""
    for number in range(count):
        identifier = [{"system": SYSTEM, "value": str(100000 + number)}]
        born = f"{2015 + number % 4}-0{1 + number % 9}-1{number % 9}"
        yield {"resourceType": "Patient", "id": f"k{number}", "identifier": identifier, "birthDate": born}
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        yield {
            "resourceType": "RelatedPerson",
            "id": f"o{number}",
            "active": True,
            "patient": {"reference": f"Patient/k{number}"},
            "name": [{"text": "ouder"}],
            "relationship": relationship,
        }


class List:
    """A list of clients with so many figures each, whose telephone numbers change."""

    def __init__(self, path: Path, clients: int, figures: int) -> None:
        self.path, self.figures, self.moved = path, figures, [0] * (clients * figures)
        self.write()

    def change(self, part: float, seed: int) -> tuple[int, int]:
        """Change a part of the rows; how many, and of how many clients."""
        chosen = random.Random(seed).sample(range(len(self.moved)), max(1, round(len(self.moved) * part)))
        for number in chosen:
            self.moved[number] += 1
        self.write()
        return len(chosen), len({number // self.figures for number in chosen})

    def write(self) -> None:
        """Write it as it is now."""
        with self.path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter=";")
            writer.writerow(HEADER)
            for number, moved in enumerate(self.moved):
                writer.writerow(
                    [
                        100000 + number // self.figures, f"F{number}", f"Naam{number % 97}", f"Achter{number % 89}",
                        "JIM", "praktisch", "meehelpen", f"06-{10_000_000 + number + moved * 5_000_000:08}", "ouder",
                        "ja", "informeel", "kind", "ja", "ouders", "01-09-2026", "31-08-2027",
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


def command(folder: Path, server: Server, *words: str, may_end: tuple[int, ...] = (0,)) -> Ran:
    line = [sys.executable, "-c", "from fhir_plugin.cli.main import main; main()", *words]
    started = time.perf_counter()
    with Watch(server.pid) as watch, (folder / "out.txt").open("w+") as out:
        process = subprocess.Popen(line, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        told = out.read()
    seconds, code = time.perf_counter() - started, os.waitstatus_to_exitcode(status)
    left = left_behind(but=server.pid)
    if code not in may_end:
        raise SystemExit(f"{' '.join(words[:2])} ended {code}:\n{told[-3000:]}")
    return Ran(
        wall=seconds,
        processor=sum(each.ru_utime + each.ru_stime for each in (usage, *left)),
        memory=max(each.ru_maxrss for each in (usage, *left)) / 1024,
        idle=watch.idle,
        server=watch.processor,
    )


def adopt_orphans() -> None:
    """Become the parent of what a command leaves behind (Linux): its processes have a server of their own."""
    ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)


def left_behind(but: int | None) -> list[resource.struct_rusage]:
    """What the processes took that a command left behind, when they have ended."""
    found = []
    while left := set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())) - {but}:
        found.append(os.wait4(left.pop(), 0)[2])
    return found


class Bench:
    """One server, measured from the first load on."""

    def __init__(self, server: Server, folder: Path, options: argparse.Namespace) -> None:
        self.server, self.folder, self.options = server, folder, options
        self.list = List(folder / "lijst.csv", options.clients, options.figures)
        self.result = Result(server=server.name, clients=options.clients, figures=options.figures)

    def plan(self, **expected: int) -> Ran:
        """Plan the list as it is now; its totals must be these."""
        words = ("sync", "plan", str(self.list.path), "--fhir", self.server.base, "--client-system", SYSTEM, "-q")
        ran = command(self.folder, self.server, *words)
        with (self.folder / "sync-plan.json").open("rb") as stream:
            totals = json.loads(stream.readline().rstrip().removesuffix(b",") + b"}")["totals"]
        told = {name: totals.get(name, 0) for name in ("clients", "rows-refused", *expected)}
        if told != {"clients": self.options.clients, "rows-refused": 0, **expected}:
            raise SystemExit(f"the plan says {totals}, not {expected}")
        return ran

    def apply(self, resources: int) -> Ran:
        """Apply the plan made last; so many resources must be written, and nothing may be left."""
        how = ("--workers", str(self.options.workers), "--group", str(self.options.group), "--report", "run.json")
        ran = command(self.folder, self.server, "sync", "apply", "sync-plan.json", "-q", *how)
        report: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        if report["attention"] or report["resources"] != resources:
            raise SystemExit(
                f"{report['resources']} resources were written, not {resources}: {report['attention'][:3]}"
            )
        return ran

    def fill(self) -> None:
        """Give the server its children, each with a parent, and find out what it can be trusted with."""
        client = FhirClient(self.server.base)
        bodies = chain([{"resourceType": "Patient", "id": "peer"}], children(self.options.clients))
        for some in in_chunks(bodies, 200):
            client.transaction([Entry.put(body) for body in some], bodies=False)
        probe = ("--probe-client", "peer", "--journal", "var/sync.sqlite")
        command(self.folder, self.server, "conformance", self.server.base, *probe, may_end=(0, 1))  # 1: it has gaps

    def measure(self) -> Result:
        """Measure the parts that were asked for."""
        parts, options, result = self.options.parts.split(","), self.options, self.result
        say(f"== {self.server.name}: {options.clients} clients x {options.figures}, {options.workers} processes ==")
        self.fill()
        if "peers" in parts:
            result.plain = rate(plain_loop, self.server.base, options.loop, 0)
            result.fhirpy = rate(by_fhirpy, self.server.base, options.loop, 10**6)
            say(f"plain loop {result.plain:.0f}/s, fhirpy {result.fhirpy:.0f}/s")
        figures = options.clients * options.figures
        result.resources = 2 * figures + 2 * options.clients  # a figure and its consent; a team and a Provenance
        self.tell(LOAD, [(self.plan(add=figures), self.apply(result.resources))])
        result.plan_file = (self.folder / "sync-plan.json").stat().st_size  # of the first load
        result.journal = sum(path.stat().st_size for path in (self.folder / "var").glob("sync.sqlite*"))
        if "same" in parts:
            self.tell(AFTER, [self.same() for _ in range(_ROUNDS)])
        if "rest" in parts:
            say(f"(waiting {options.rest} s: what was written has to be older than the margin of a search for changes)")
            time.sleep(options.rest)
            self.same()
            self.tell(LATER, [self.same() for _ in range(_ROUNDS)])
        if "changed" in parts:
            self.tell(CHANGED, [self.changed(seed) for seed in range(_ROUNDS)])
        if "whole" in parts:
            self.tell(WHOLE, [self.whole()])
        return result

    def same(self) -> tuple[Ran, Ran]:
        """Nothing changed."""
        return self.plan(none=self.options.clients * self.options.figures), self.apply(0)

    def changed(self, seed: int) -> tuple[Ran, Ran]:
        """Every hundredth row has another telephone number: a figure each, and a Provenance per client."""
        figures, clients = self.list.change(0.01, seed)
        return self.plan(update=figures, none=len(self.list.moved) - figures), self.apply(figures + clients)

    def whole(self) -> tuple[Ran, Ran]:
        """Nothing changed, and a week has passed since everything was read."""
        with closing(sqlite3.connect(self.folder / "var" / "sync.sqlite")) as journal, journal:
            journal.execute("UPDATE watermark SET whole = '2000-01-01T00:00:00+00:00'")
        return self.same()

    def tell(self, name: str, runs: list[tuple[Ran, Ran]]) -> None:
        """Keep the medians of some runs."""
        self.result.runs[name] = tuple(Ran.median(each) for each in zip(*runs, strict=True))  # type: ignore[assignment]
        say(f"{name}: " + "; ".join(str(ran) for ran in self.result.runs[name]))


def gathered() -> list[tuple[int, float, float]]:
    """Lists of ever more clients read by themselves: clients, seconds of processor, MB."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for clients in (1_000, 10_000, 100_000):
            path = List(Path(folder) / "lijst.csv", clients, 4).path
            process = subprocess.Popen([sys.executable, "-c", _GATHER, str(path)])
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise SystemExit("the list could not be read")
            found.append((clients, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
            say(f"list of {clients} clients: {found[-1][1]:.1f} s, {found[-1][2]:.0f} MB")
    return found


_GATHER = """
import sys
from dataclasses import replace
from pathlib import Path
from fhir_plugin.sync.sources.columns import propose_columns
from fhir_plugin.sync.sources.gathering import Gathering
from fhir_plugin.sync.sources.naming import ClientNames
from fhir_plugin.sync.sources.tables import open_csv
table = open_csv(Path(sys.argv[1]))
columns = replace(propose_columns(table.header, "list"), client_system="s")
gathering = Gathering(table, ClientNames(table.header, columns))
assert sum(len(window) for window in gathering.windows()) == gathering.clients
"""


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--figures", type=int, default=4)
    parser.add_argument("--group", type=int, default=10, help="clients per Bundle")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--loop", type=int, default=300, help="resources the peers write, three times")
    parser.add_argument(
        "--parts", default="peers,same,rest,changed,whole,list", help="what to measure besides the load"
    )
    parser.add_argument("--delay", type=float, default=0.0, help="ms by which answers come late; for --parts peers")
    parser.add_argument("--rest", type=int, default=125, help="seconds between the load and the later run")
    parser.add_argument("--server", action="append", help="sandbox, sekmet, or a base URL; may be repeated")
    parser.add_argument("--write", action="store_true", help="rewrite docs/sync-speed.md")
    options = parser.parse_args()
    if options.write and options.delay:
        parser.error("the page says nothing of a delay: leave out --write")
    adopt_orphans()
    started = time.perf_counter()
    results = []
    for name in options.server or ["sandbox", "sekmet"]:
        with (
            tempfile.TemporaryDirectory() as folder,
            running(name, Path(folder)) as server,
            distant(server, options.delay / 1000) as reached,
        ):
            results.append(Bench(reached, Path(folder), options).measure())
    lists = gathered() if "list" in options.parts.split(",") else []
    text = page(results, lists, options, (time.perf_counter() - started) / 60)
    say(text)
    if options.write:
        (Path(__file__).parent.parent / "docs" / "sync-speed.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
