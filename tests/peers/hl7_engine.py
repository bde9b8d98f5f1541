"""The HL7 validation engine (HAPI's ``FhirInstanceValidator``, offline) as a process that answers questions.

Built from Maven Central by ``hl7/pom.xml``; needs Java 17 and Maven. ``HL7_PEER`` names the folder it is built in.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["Engine", "build", "missing"]

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


class Engine:
    """One running engine that knows some folders of conformance resources."""

    def __init__(self, *folders: Path) -> None:
        home = build()
        classpath = f"{home / 'target' / 'classes'}{os.pathsep}{(home / 'classpath').read_text().strip()}"
        self._process = subprocess.Popen(
            ["java", "-Xmx2g", "-cp", classpath, "Peer", *map(str, folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def errors(self, resource: str, profiles: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Location and message of every error, without what comes from a profile the engine does not know."""
        question = {"id": 0, "resource": resource, "profiles": list(profiles)}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return [(place, text) for severity, place, text in answer["issues"] if severity in ("error", "fatal")]

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=30)
