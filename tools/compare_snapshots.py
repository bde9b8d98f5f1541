"""Compare our snapshots, element by element, with those of two generators that no one here wrote.

    python tools/compare_snapshots.py --core hl7.fhir.r4.core.tgz --cases FHIR-TEST-CASES [--nl-core SOURCE.tgz]

``--core`` is the package that tools/build_definitions.py reads; ``--cases`` a folder with ``r4b/snapshot-generation``
and ``r5/snapshot-generation`` of the public FHIR test cases (nothing of it is kept). Java 17, Maven and Node 20 are
needed; the peers are driven by tools/snapshot_peer. Writes docs/snapshot-comparison.md.
"""

from __future__ import annotations

import argparse
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from snapshot_peers import Hl7, npm_snapshots
from snapshot_reasons import Difference, Json, Verdict, normal
from snapshot_report import Tally, report

from fhir_plugin.errors import PackageError
from fhir_plugin.packages import Definitions, Package, profiles_dir, read_package
from fhir_plugin.packages.source import Resource

ROOT = Path(__file__).resolve().parents[1]
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
        hl7 = Hl7(work)
        jobs = [*packages(options.nl_core, work), *official(options.cases, work, hl7)]
        listed = jobs_file(jobs, work)
        hl7.snapshots(options.core, listed, work / "hl7")
        npm_snapshots(options.core, listed, work)
        tallies = compare(jobs, read_package(options.core), work)
    REPORT.write_text(report({SUITES[suite]: tally for suite, tally in tallies.items()}))
    print(f"{REPORT}: {sum(len(tally.differences) for tally in tallies.values())} differences")


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


def jobs_file(jobs: list[Job], work: Path) -> Path:
    """What the peers are to do, and folders for what they make."""
    for folder in ("hl7", "npm"):
        for suite in SUITES:
            (work / folder / suite).mkdir(parents=True, exist_ok=True)
    lines = ["\t".join((job.name, str(job.input), ",".join(map(str, job.support)))) for job in jobs]
    path = work / "jobs.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def official(cases: Path, work: Path, hl7: Hl7) -> Iterator[Job]:
    """The inputs of the official tests that can be read as R4, with what they register or refer to."""
    for suite in ("r4b", "r5"):
        source, folder = cases / suite / "snapshot-generation", work / "json" / suite
        if not folder.is_dir():
            hl7.convert(source, folder)
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


def compare(jobs: list[Job], core: Package, work: Path) -> dict[str, Tally]:
    """Make ours and hold them against the peers'."""
    tallies = {suite: Tally() for suite in SUITES}
    support: tuple[Path, ...] | None = None
    definitions = Definitions()
    for job in jobs:
        if job.support != support:
            support = job.support
            definitions = Definitions(([supporting(support)], [core]))
        theirs, second = (work / folder / f"{job.name}.json" for folder in ("hl7", "npm"))
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
        add(tally, job, by_id(ours), by_id(json.loads(theirs.read_text())))
        if second.is_file():
            consult(tally, job, by_id(ours), by_id(json.loads(second.read_text())))
    return tallies


def by_id(structure: Json) -> dict[str, Json]:
    """The elements of a snapshot by id, in order."""
    return {element["id"]: element for element in structure["snapshot"]["element"]}


def supporting(support: tuple[Path, ...]) -> Package:
    """The structures of files and folders, as one package."""
    files = [path for entry in support for path in (sorted(entry.glob("*.json")) if entry.is_dir() else [entry])]
    bodies = [(path.name, json.loads(path.read_text())) for path in files]
    resources = [Resource(file=name, body=body) for name, body in bodies if body.get("resourceType")]
    return Package(name="support", resources=tuple(resources))


def add(tally: Tally, job: Job, mine: dict[str, Json], other: dict[str, Json]) -> None:
    """Add the differences of one structure with the first peer."""
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
        found.append(Difference(job=job.name, element=next(iter(mine)), field="order", ours=None, theirs=None))
    for identity in mine.keys() & other.keys():
        first, second = mine[identity], other[identity]
        for name in sorted(first.keys() | second.keys()):
            if normal(name, first.get(name)) != normal(name, second.get(name)):
                values = {"ours": first.get(name), "theirs": second.get(name)}
                found.append(Difference(job=job.name, element=identity, field=name, **values))
    tally.elements += len(other)
    tally.equal += not found
    tally.differences += found


def consult(tally: Tally, job: Job, mine: dict[str, Json], second: dict[str, Json]) -> None:
    """Ask the second peer about the differences with the first, and count where it alone differs."""
    disputed = {}
    for difference in [entry for entry in tally.differences if entry.job == job.name and entry.field != "order"]:
        element, name = difference.element, difference.field
        said = (element in second or None) if name == "element" else normal(name, second.get(element, {}).get(name))
        sides = {
            Verdict.OURS: difference.ours if name == "element" else normal(name, difference.ours),
            Verdict.HL7: difference.theirs if name == "element" else normal(name, difference.theirs),
        }
        difference.second = next((side for side, value in sides.items() if value == said), Verdict.NEITHER)
        disputed[element, name] = difference
    tally.second_alone += sum(
        (identity, name) not in disputed and normal(name, element.get(name)) != normal(name, other.get(name))
        for identity, element in mine.items()
        if (other := second.get(identity)) is not None
        for name in element.keys() | other.keys()
    )


def roots(identities: list[str]) -> list[str]:
    """The topmost of some elements: one that lies below another is not said again."""
    kept: list[str] = []
    for identity in sorted(identities):
        if not any(identity.startswith((f"{root}.", f"{root}:")) for root in kept):
            kept.append(identity)
    return kept


if __name__ == "__main__":
    main()
