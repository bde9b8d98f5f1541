"""The HL7 validation engine (HAPI's ``FhirInstanceValidator``, offline) as a process that answers questions.

Built from Maven Central by ``hl7/pom.xml``; needs Java 17 and Maven. ``HL7_PEER`` names the folder it is built in.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["Engine", "Finding", "build", "missing"]

SOURCE = Path(__file__).parent / "hl7"
FOLDER = Path(os.environ.get("HL7_PEER") or Path.home() / ".cache" / "steunfiguren" / "hl7-peer")


def missing() -> str:
    """Why the engine cannot be had here; empty when it can."""
    return "" if shutil.which("java") and shutil.which("mvn") else "Java 17 and Maven are not here"


def build() -> Path:
    """Compile the driver and fetch the engine once; the folder it is in."""
    driver = Path("src") / "Peer.java"
    known = FOLDER / driver
    if not (FOLDER / "classpath").is_file() or known.read_bytes() != (SOURCE / driver).read_bytes():
        shutil.copytree(SOURCE, FOLDER, dirs_exist_ok=True)
        goals = ["compile", "dependency:build-classpath", "-Dmdep.outputFile=classpath"]
        subprocess.run(["mvn", "-q", "-B", *goals], cwd=FOLDER, check=True, timeout=1800)
    return FOLDER


@dataclass(frozen=True, slots=True)
class Finding:
    """One issue of the engine: its own severity, location and English message."""

    severity: str
    location: str
    message: str


class Engine:
    """One running engine that knows R4 and the definitions given; a context manager, or closed by :meth:`close`.

    Args:
        packages: folders with definitions as JSON, or ``.tgz`` packages of them.
    """

    def __init__(self, *packages: Path) -> None:
        self._unpacked = TemporaryDirectory(prefix="hl7-peer-")
        home = build()
        classpath = f"{home / 'target' / 'classes'}{os.pathsep}{(home / 'classpath').read_text().strip()}"
        self._process = subprocess.Popen(
            ["java", "-Xmx2g", "-cp", classpath, "Peer", *(str(self._folder(one)) for one in packages)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def findings(self, resource: str, profiles: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What the engine finds in one resource, JSON or XML."""
        question = {"id": 0, "resource": resource, "profiles": list(profiles)}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return tuple(Finding(*issue) for issue in json.loads(self._process.stdout.readline())["issues"])

    def errors(self, resource: str, profiles: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Location and message of every error."""
        found = self.findings(resource, profiles)
        return [(one.location, one.message) for one in found if one.severity in ("error", "fatal")]

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._unpacked.cleanup()

    def _folder(self, package: Path) -> Path:
        if package.is_dir():
            return package
        target = Path(self._unpacked.name) / package.stem
        with tarfile.open(package) as archive:
            archive.extractall(target, filter="data")
        return target
