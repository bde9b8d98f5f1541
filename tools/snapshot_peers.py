"""The snapshot generators that ours is compared with; used by compare_snapshots.py, driven by tools/snapshot_peer.

HL7: ``ProfileUtilities`` of org.hl7.fhir.r5, the reference implementation (Maven, Java 17).
npm: fhir-snapshot-generator, which merges by element id and asks for the id of every differential element (Node 20).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

DRIVERS = Path(__file__).resolve().parent / "snapshot_peer"


def versions() -> tuple[str, str]:
    """The versions of the two peers."""
    hl7 = re.findall(r"<v>(.+?)</v>", (DRIVERS / "pom.xml").read_text())[0]
    return hl7, json.loads((DRIVERS / "package.json").read_text())["dependencies"]["fhir-snapshot-generator"]


class Hl7:
    """The reference implementation, built once per work folder."""

    def __init__(self, work: Path) -> None:
        self._work = work
        libraries, classes = work / "lib", work / "classes"
        if not libraries.is_dir():
            copy = ["mvn", "-q", "-f", str(DRIVERS / "pom.xml"), "dependency:copy-dependencies"]
            subprocess.run([*copy, f"-DoutputDirectory={libraries}"], check=True)
        classes.mkdir(parents=True, exist_ok=True)
        source = str(DRIVERS / "Snapshots.java")
        subprocess.run(["javac", "-nowarn", "-cp", f"{libraries}/*", "-d", str(classes), source], check=True)
        self._command = ["java", "-Xmx3g", "-cp", f"{classes}:{libraries}/*", "Snapshots"]

    def convert(self, source: Path, folder: Path) -> None:
        """Write the R4 resources of a folder as JSON."""
        folder.mkdir(parents=True)
        command = [*self._command, "convert", str(source), str(folder)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)

    def snapshots(self, core: Path, jobs: Path, out: Path) -> None:
        """Make all snapshots."""
        with (self._work / "hl7.log").open("w") as log:
            command = [*self._command, "generate", str(core), str(jobs), str(out)]
            subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT)


def npm_snapshots(core: Path, jobs: Path, work: Path) -> None:
    """Make all snapshots into ``work/npm``."""
    folder = work / "node"
    if not folder.is_dir():
        folder.mkdir()
        shutil.copy(DRIVERS / "package.json", folder)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts"], cwd=folder, check=True)
    shutil.copy(DRIVERS / "snapshots.mjs", folder)
    if not (work / "core").is_dir():
        with tarfile.open(core) as archive:
            archive.extractall(work / "core", filter="data")
    command = ["node", "snapshots.mjs", str(work / "core" / "package"), str(jobs), str(work / "npm")]
    subprocess.run(command, cwd=folder, check=True)
