"""Who is measured beside the validator, and how: every contender is a process that makes a pass when asked.

Passes are taken in turn, so that whatever else the machine does weighs on all of them alike.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Contender", "Measured", "contenders", "measure"]

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("child.py")
PATIENCE = 240
"""Seconds for one pass, the start included."""

MEDPLUM = """
const fs = require('fs'), path = require('path'), core = require('@medplum/core');
const folder = path.join('node_modules', '@medplum', 'definitions', 'dist', 'fhir', 'r4');
for (const name of ['profiles-types.json', 'profiles-resources.json'])
  core.indexStructureDefinitionBundle(JSON.parse(fs.readFileSync(path.join(folder, name))));
const pass = (paths) => {
  let failed = 0;
  for (const one of paths) { try { core.validateResource(JSON.parse(fs.readFileSync(one))); } catch (_) { failed++; } }
  return failed;
};
let paths;
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  if (!paths) { paths = JSON.parse(line); console.log(JSON.stringify({ failed: pass(paths) })); return; }
  const cpu = process.cpuUsage(), start = process.hrtime.bigint();
  pass(paths);
  const wall = Number(process.hrtime.bigint() - start) / 1e9, used = process.cpuUsage(cpu);
  console.log(JSON.stringify({ wall, cpu: (used.user + used.system) / 1e6 }));
});
"""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One of those compared.

    Attributes:
        checks: what it looks at.
        skips: what it does not look at, or why it is left out.
        command: how it is started; empty where it is not here.
        folder: where.
        sampled: whether it is so slow that it gets a sample of the files.
        passes: at most so many.
    """

    name: str
    checks: str
    skips: str
    command: tuple[str, ...] = ()
    folder: Path | None = None
    sampled: bool = False
    passes: int = 100


@dataclass(kw_only=True)
class Measured:
    """What came of one contender."""

    contender: Contender
    count: int = 0
    failed: int = 0
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    problem: str = ""

    @property
    def wall(self) -> float:
        """Median seconds of a pass."""
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        """Median CPU seconds of a pass."""
        return statistics.median(self.cpus)


def contenders(peers: Path | None, nl_core: Path) -> list[Contender]:
    """All of them, also those that are not here."""
    child = (sys.executable, str(CHILD))
    core = peers / "hl7.fhir.r4.core.tgz" if peers else Path("none")
    python = peers / "venv" / "bin" / "python" if peers else Path("none")
    node = peers is not None and (peers / "node_modules" / "@medplum" / "core").is_dir()
    return [
        Contender(
            name="this validator, base R4", checks="all of R4 and our profiles", skips="", command=(*child, "ours")
        ),
        Contender(
            name="this validator, with nl-core",
            checks="the same, and nl-core",
            skips="",
            command=(*child, "ours", str(nl_core)),
        ),
        Contender(
            name="fhir.resources (R4B)", checks="parsing", skips="all the rest", command=(*child, "parsing")
        ),
        Contender(
            name="@medplum/core",
            checks="validateResource, base R4",
            skips="bindings, narrative, references, Bundles, places",
            command=("node", "-e", MEDPLUM) if node else (),
            folder=peers,
        ),
        Contender(
            name="pyrofile-validator",
            checks="base R4",
            skips="places",
            command=(str(python), str(CHILD), "pyrofile", str(core)) if python.exists() and core.is_file() else (),
            folder=peers,
            sampled=True,
            passes=1,
        ),
        Contender(
            name="this validator, on that sample",
            checks="all of R4 and our profiles",
            skips="",
            command=(*child, "ours"),
            sampled=True,
        ),
        Contender(
            name="HL7 engine (Java)", checks="base R4", skips="places", command=(*child, "hl7") if _java() else (),
            passes=1,
        ),
    ]  # fmt: skip


def _java() -> bool:
    sys.path.insert(0, str(ROOT / "tests" / "peers"))
    from hl7_engine import FOLDER, missing

    return not missing() and (FOLDER / "classpath").is_file()


def measure(found: list[Contender], paths: list[Path], sample: list[Path], passes: int) -> list[Measured]:
    """Warm all of them up, then let them make passes in turn; one that fails is left behind with the reason."""
    running = [_Running(one, sample if one.sampled else paths) for one in found]
    for number in range(passes):
        for one in running:
            if number < one.measured.contender.passes:
                one.take_a_pass()
    for one in running:
        one.close()
    return [one.measured for one in running]


class _Running:
    def __init__(self, contender: Contender, paths: list[Path]) -> None:
        self.measured = Measured(contender=contender, count=len(paths))
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process
        if not contender.command:
            self.measured.problem = "left out: not installed"
            return
        try:
            self._process = subprocess.Popen(
                contender.command,
                cwd=contender.folder,
                env={**os.environ, "NODE_PATH": ""},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        except OSError as error:
            self.measured.problem = f"failed: {error.strerror}"
            return
        self.measured.failed = int(self._asked(json.dumps([str(path) for path in paths])).get("failed", 0))

    def take_a_pass(self) -> None:
        """One pass, unless it failed before."""
        answer = {} if self.measured.problem else self._asked("go")
        if answer:
            self.measured.walls.append(answer["wall"])
            self.measured.cpus.append(answer["cpu"])

    def _asked(self, line: str) -> dict[str, float]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return {}
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer: dict[str, float] = json.loads(process.stdout.readline())
        except (OSError, ValueError):
            self._errors.seek(0)
            last = [one for one in self._errors.read().splitlines() if one.strip()][-1:]
            why = "".join(last)[-120:] if late.is_alive() else f"no answer in {PATIENCE} s"
            self.measured.problem = f"failed: {why}"
            return {}
        finally:
            late.cancel()
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with suppress(OSError):  # it may have ended by itself
                self._process.communicate(timeout=10)
            self._process.kill()
            self._process.wait()
        self._errors.close()
