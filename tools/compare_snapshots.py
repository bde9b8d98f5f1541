"""Compare our snapshots, element by element, with those of the HL7 reference implementation.

    python tools/compare_snapshots.py --core hl7.fhir.r4.core.tgz --cases FHIR-TEST-CASES [--nl-core SOURCE.tgz]

``--core`` is the package that tools/build_definitions.py reads; ``--cases`` a folder with ``r4b/snapshot-generation``
and ``r5/snapshot-generation`` of the public FHIR test cases (nothing of it is kept). Java 17 and Maven are needed. The
peer is org.hl7.fhir.r5 ``ProfileUtilities``, driven by tools/snapshot_peer. Writes docs/snapshot-comparison.md.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from snapshot_reasons import CONVENTIONS, REASONS, Difference, Json, normal, reason

from fhir_plugin.errors import PackageError
from fhir_plugin.packages import Definitions, Package, profiles_dir, read_package
from fhir_plugin.packages.source import Resource

ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT / "tools" / "snapshot_peer"
NL_CORE = ROOT.parent / "shared" / "data" / "nl-core" / "nictiz-zib2020-source.tgz"
REPORT = ROOT / "docs" / "snapshot-comparison.md"
SUITES = {"nl": "nl-core (zib2020)", "ours": "ours", "r4b": "official r4b", "r5": "official r5, over R4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One structure to make a snapshot of, with the resources it needs."""

    name: str
    input: Path
    support: tuple[Path, ...]

    @property
    def suite(self) -> str:
        """The first part of its name."""
        return self.name.partition("/")[0]


@dataclass(slots=True)
class Tally:
    """Counts of one suite."""

    structures: int = 0
    elements: int = 0
    equal: int = 0
    refused: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def main() -> None:
    """Run both generators and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=Path, required=True)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--nl-core", type=Path, default=NL_CORE)
    parser.add_argument("--work", type=Path, help="Folder to work in, kept; a temporary one by default.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        java = peer(work)
        jobs = [*packages(options.nl_core, work), *official(options.cases, work, java)]
        run_peer(java, options.core, jobs, work)
        tallies = compare(jobs, read_package(options.core), work / "out")
    REPORT.write_text(report(tallies))
    print(f"{REPORT}: {sum(len(tally.differences) for tally in tallies.values())} differences")


def peer(work: Path) -> list[str]:
    """The command that runs the peer, built once per work folder."""
    libraries, classes = work / "lib", work / "classes"
    if not libraries.is_dir():
        copy = ["mvn", "-q", "-f", str(PEER / "pom.xml"), "dependency:copy-dependencies"]
        subprocess.run([*copy, f"-DoutputDirectory={libraries}"], check=True)
    classes.mkdir(parents=True, exist_ok=True)
    source = str(PEER / "Snapshots.java")
    subprocess.run(["javac", "-nowarn", "-cp", f"{libraries}/*", "-d", str(classes), source], check=True)
    return ["java", "-Xmx3g", "-cp", f"{classes}:{libraries}/*", "Snapshots"]


def packages(nl_core: Path, work: Path) -> Iterator[Job]:
    """nl-core, and our own profiles over it."""
    folder = work / "nl-core"
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(nl_core) as archive:
        archive.extractall(folder, filter="data")
    for suite, source in (("nl", folder / "package"), ("ours", profiles_dir() or work)):
        for path in sorted(source.glob("*.json")):
            if json.loads(path.read_text()).get("resourceType") == "StructureDefinition":
                yield Job(name=f"{suite}/{path.stem}", input=path, support=(source,))


def official(cases: Path, work: Path, java: list[str]) -> Iterator[Job]:
    """The inputs of the official tests that can be read as R4, with what they register or refer to."""
    for suite in ("r4b", "r5"):
        source, folder = cases / suite / "snapshot-generation", work / "json" / suite
        if not folder.is_dir():
            folder.mkdir(parents=True)
            subprocess.run([*java, "convert", str(source), str(folder)], check=True, stderr=subprocess.DEVNULL)
        bodies = {path: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
        known = {body["url"]: path for path, body in bodies.items() if "expected" not in path.stem and body.get("url")}
        for attributes in re.findall(r"<test ([^>]*)>", (source / "manifest.xml").read_text()):
            test = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
            path = folder / f"{test['id']}-input.json"
            if path in bodies:
                named = re.split(r"\s*,\s*", f"{test.get('register', '')},{test.get('include', '')}")
                registered = [folder / f"{name}{end}.json" for name in named if name for end in ("", "-input")]
                support = needed(path, [entry for entry in registered if entry in bodies], bodies, known)
                yield Job(name=f"{suite}/{test['id']}", input=path, support=tuple(support))


def needed(path: Path, registered: list[Path], bodies: dict[Path, Json], known: dict[str, Path]) -> list[Path]:
    """What is registered, and what these in turn build on, of which there is one file."""
    found, urls = list(registered), {bodies[entry]["url"] for entry in registered}
    for entry in (waiting := [path, *registered]):
        body = bodies[entry]
        types = [element.get("type") for element in body.get("differential", {}).get("element", [])]
        for url in re.findall(r'"([a-z]+:[^"|]+)', json.dumps([body.get("baseDefinition"), types])):
            other = known.get(url)
            if other is not None and other != path and url not in urls:
                urls.add(url)
                found.append(other)
                waiting.append(other)
    return found


def run_peer(java: list[str], core: Path, jobs: list[Job], work: Path) -> None:
    """Let the peer make all snapshots into ``work/out``."""
    for suite in SUITES:
        (work / "out" / suite).mkdir(parents=True, exist_ok=True)
    lines = ["\t".join((job.name, str(job.input), ",".join(map(str, job.support)))) for job in jobs]
    (work / "jobs.tsv").write_text("\n".join(lines) + "\n")
    command = [*java, "generate", str(core), str(work / "jobs.tsv"), str(work / "out")]
    with (work / "peer.log").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT)


def compare(jobs: list[Job], core: Package, out: Path) -> dict[str, Tally]:
    """Make ours and hold them against the peer's."""
    tallies = {suite: Tally() for suite in SUITES}
    support: tuple[Path, ...] | None = None
    definitions = Definitions()
    for job in jobs:
        if job.support != support:
            support = job.support
            definitions = Definitions(([supporting(support)], [core]))
        theirs = out / f"{job.name}.json"
        tally = tallies[job.suite]
        tally.structures += 1
        try:
            ours, _ = definitions.generator.generate(
                {key: value for key, value in json.loads(job.input.read_text()).items() if key != "snapshot"}
            )
        except PackageError as error:
            verdict = "both refuse" if not theirs.is_file() else "ours refuses"
            tally.refused.append(f"{job.name}: {verdict} ({error.code})")
            continue
        if not theirs.is_file():
            why = theirs.with_suffix(".error").read_text().splitlines()[0][:140]
            tally.refused.append(f"{job.name}: the peer refuses ({why})")
            continue
        add(tally, job, ours["snapshot"]["element"], json.loads(theirs.read_text())["snapshot"]["element"])
    return tallies


def supporting(support: tuple[Path, ...]) -> Package:
    """The structures of files and folders, as one package."""
    files = [path for entry in support for path in (sorted(entry.glob("*.json")) if entry.is_dir() else [entry])]
    bodies = [(path.name, json.loads(path.read_text())) for path in files]
    resources = [Resource(file=name, body=body) for name, body in bodies if body.get("resourceType")]
    return Package(name="support", resources=tuple(resources))


def add(tally: Tally, job: Job, ours: list[Json], theirs: list[Json]) -> None:
    """Add the differences of one structure."""
    mine, other = ({element["id"]: element for element in elements} for elements in (ours, theirs))
    found = [
        Difference(
            job=job.name,
            element=identity,
            field="element",
            ours=identity in mine or None,
            theirs=identity in other or None,
        )
        for identity in roots([*(mine.keys() - other.keys()), *(other.keys() - mine.keys())])
    ]
    if not found and list(mine) != list(other):
        found.append(Difference(job=job.name, element=ours[0]["id"], field="order", ours=None, theirs=None))
    for identity in mine.keys() & other.keys():
        first, second = mine[identity], other[identity]
        for name in sorted(first.keys() | second.keys()):
            if normal(name, first.get(name)) != normal(name, second.get(name)):
                values = {"ours": first.get(name), "theirs": second.get(name)}
                found.append(Difference(job=job.name, element=identity, field=name, **values))
    tally.elements += len(theirs)
    tally.equal += not found
    tally.differences += found


def roots(identities: list[str]) -> list[str]:
    """The topmost of some elements: one that lies below another is not said again."""
    kept: list[str] = []
    for identity in sorted(identities):
        if not any(identity.startswith((f"{root}.", f"{root}:")) for root in kept):
            kept.append(identity)
    return kept


def report(tallies: dict[str, Tally]) -> str:
    """The page."""
    version = re.findall(r"<v>(.+?)</v>", (PEER / "pom.xml").read_text())[0]
    every = [difference for tally in tallies.values() for difference in tally.differences]
    lines = [
        "# Our snapshots beside those of the HL7 reference implementation",
        "",
        "Made by `tools/compare_snapshots.py`; not to be edited. Every element and every field of it is compared.",
        f"The peer is `ProfileUtilities` of org.hl7.fhir.r5 {version}, over `hl7.fhir.r4.core` 4.0.1.",
        "",
        "| suite | structures | equal | refused by one or both | elements | differences | of them explained |",
        "|---|---|---|---|---|---|---|",
    ]
    for suite, tally in tallies.items():
        explained = sum(bool(reason(difference)) for difference in tally.differences)
        lines.append(
            f"| {SUITES[suite]} | {tally.structures} | {tally.equal} | {len(tally.refused)} | {tally.elements} "
            f"| {len(tally.differences)} | {explained} |"
        )
    lines += ["", "## Taken as equal", "", *(f"- {text}" for text in CONVENTIONS)]
    lines += ["", "## Differences, by reason", "", "| reason | " + " | ".join(SUITES.values()) + " |"]
    lines.append("|---" * (len(SUITES) + 1) + "|")
    counts = Counter((reason(difference), difference.job.partition("/")[0]) for difference in every)
    for text in (*(entry[0] for entry in REASONS), ""):
        row = [counts[text, suite] for suite in SUITES]
        if any(row):
            lines.append(f"| {text or '**not explained**'} | " + " | ".join(map(str, row)) + " |")
    lines += [
        "",
        "## Differences of nl-core and ours, one by one",
        "",
        *listed(every, ("nl", "ours"), all_of_them=True),
    ]
    lines += ["", "## What of the official tests is not explained by a reason above", ""]
    lines += listed(every, ("r4b", "r5"), all_of_them=False)
    lines += ["", "## Refused", ""]
    lines += [f"- {text}" for tally in tallies.values() for text in tally.refused]
    return "\n".join(lines) + "\n"


def listed(differences: list[Difference], suites: tuple[str, ...], *, all_of_them: bool) -> list[str]:
    """Rows of a table, the fields of one element together."""
    rows: dict[tuple[str, str], list[str]] = {}
    for difference in differences:
        chosen = difference.job.partition("/")[0] in suites
        if chosen and (all_of_them or not reason(difference)):
            rows.setdefault((difference.job, difference.element), []).append(difference.field)
    head = ["| structure | element | fields |", "|---|---|---|"]
    return head + [
        f"| {job} | `{element}` | {', '.join(sorted(found))} |" for (job, element), found in sorted(rows.items())
    ]


if __name__ == "__main__":
    main()
