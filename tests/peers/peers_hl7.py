"""The HL7 validation engine (Java, by HAPI) as a peer: built once into ``.cache``, then asked line by line."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

__all__ = ["Finding", "Hl7Peer"]

HERE = Path(__file__).resolve().parent / "hl7"
BUILT = HERE.parents[2] / ".cache" / "hl7-peer"


@dataclass(frozen=True, slots=True)
class Finding:
    """One issue of the engine: its own severity, location and English message."""

    severity: str
    location: str
    message: str


class Hl7Peer:
    """A running engine that knows R4 and the definitions given; use it as a context manager.

    Args:
        packages: folders with definitions as JSON, or ``.tgz`` packages of them.
    """

    def __init__(self, packages: Sequence[Path]) -> None:
        self._packages = packages
        self._unpacked = Path(tempfile.mkdtemp(prefix="hl7-peer-"))

    def __enter__(self) -> Hl7Peer:
        folders = [str(self._folder(package)) for package in self._packages]
        command = ["java", "-Xmx1500m", "-cp", f"{_build()}:{BUILT}/lib/*", "Peer", *folders]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
        shutil.rmtree(self._unpacked)

    def validate(self, resource: str, profiles: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What the engine finds in one resource, JSON or XML."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer has no pipe")
        question = {"id": "", "resource": resource, "profiles": list(profiles)}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return tuple(Finding(*issue) for issue in json.loads(self._process.stdout.readline())["issues"])

    def _folder(self, package: Path) -> Path:
        if package.is_dir():
            return package
        target = self._unpacked / package.stem
        with tarfile.open(package) as archive:
            archive.extractall(target, filter="data")
        return target


def _build() -> Path:
    """Fetch the engine through Maven and compile the pipe, unless that was done before."""
    source, classes = HERE / "src" / "Peer.java", BUILT / "classes"
    stamp = classes / "Peer.class"
    if stamp.is_file() and stamp.stat().st_mtime > max(source.stat().st_mtime, (HERE / "pom.xml").stat().st_mtime):
        return classes
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={BUILT / 'lib'}"]
    shutil.rmtree(BUILT, ignore_errors=True)
    subprocess.run(["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), *goal], check=True)
    subprocess.run(["javac", "-cp", f"{BUILT}/lib/*", "-d", str(classes), str(source)], check=True)
    return classes
