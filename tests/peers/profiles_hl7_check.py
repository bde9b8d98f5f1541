"""What the HL7 engine says of every example of ours, as a table; run it to regenerate docs/profiles-hl7-check.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hl7_engine import SOURCE, Engine, Finding

from fhir_plugin.packages.build import build_package

__all__ = ["Row", "page", "rows"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "profiles-hl7-check.md"
NL_CORE = ROOT.parent / "shared" / "data" / "nl-core" / "nictiz-zib2020-source.tgz"
SEVERE = ("fatal", "error")
OFFLINE = re.compile(r"CodeSystem is unknown and can't be validated|Found multiple matching profiles for")
"""Remarks about what the engine has at hand (no LOINC offline, two profiles that both fit), not about the example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One example: what we say is wrong with it, and what the engine says."""

    name: str
    rule: str
    severity: str
    where: str
    findings: tuple[Finding, ...]

    @property
    def agrees(self) -> bool:
        """A valid example has no error; an invalid one a finding as severe, at the same place, by the key if any."""
        if not self.rule:
            return not any(finding.severity in SEVERE for finding in self.findings)
        wanted = SEVERE if self.severity in SEVERE else (self.severity,)
        told = [one.message for one in self.findings if one.severity in wanted and self._is_here(one.location)]
        is_key = re.fullmatch(r"[a-z]{2}-\d+", self.rule)
        return any(f": {self.rule}: " in message for message in told) if is_key else bool(told)

    def _is_here(self, location: str) -> bool:
        """Whether a place is ours or the element that holds it: what is missing is reported at either."""
        return self.where == location or self.where.startswith(f"{location}.")


def rows() -> list[Row]:
    """Every example judged by the engine with our built package and nl-core, valid ones first."""
    with TemporaryDirectory() as folder:
        package = Path(folder) / "package.tgz"
        package.write_bytes(build_package())
        with Engine(package, NL_CORE) as peer:
            return [*_judged(peer, "valid", {}), *_judged(peer, "invalid", _expected())]


def _expected() -> dict[str, dict[str, str]]:
    """The finding each invalid example is about, by file name."""
    body = json.loads((ROOT / "examples" / "invalid" / "expected.json").read_text(encoding="utf-8"))
    return {name: entry["findings"][0] for name, entry in body.items()}


def _judged(peer: Engine, folder: str, expected: dict[str, dict[str, str]]) -> Iterator[Row]:
    for file in sorted((ROOT / "examples" / folder).iterdir()):
        if file.name == "expected.json":
            continue
        said = [one for one in peer.findings(file.read_text(encoding="utf-8")) if is_about_the_example(one)]
        code, where, severity = (expected.get(file.name, {}).get(key, "") for key in ("code", "expression", "severity"))
        yield Row(name=file.name, rule=code, severity=severity, where=where, findings=tuple(said))


def is_about_the_example(finding: Finding) -> bool:
    """Errors and warnings, without remarks about what the engine has at hand."""
    return finding.severity in (*SEVERE, "warning") and not OFFLINE.search(finding.message)


def page(judged: list[Row]) -> str:
    """The table as Markdown."""
    version = re.search(r"<hapi.version>(.*?)<", (SOURCE / "pom.xml").read_text(encoding="utf-8"))
    valid = [row for row in judged if not row.rule]
    invalid = [row for row in judged if row.rule]
    lines = [
        "# Our examples judged by the HL7 engine",
        "",
        f"Judge: the HL7 validation engine as HAPI FHIR {version.group(1) if version else '?'} ships it "
        "(`FhirInstanceValidator`, no terminology server), with our package as `steunfiguren package build` makes it "
        "(our snapshots) and Nictiz zib2020/nl-core (its own snapshots of those) loaded. Regenerate with "
        "`python tests/peers/profiles_hl7_check.py` (needs Java 17 and Maven).",
        "",
        f"Valid examples without an error: **{sum(row.agrees for row in valid)} of {len(valid)}**. "
        f"Invalid examples refused for our reason: **{sum(row.agrees for row in invalid)} of {len(invalid)}**.",
        "",
        "## Valid",
        "| example | agrees | what else it remarks |",
        "|---|---|---|",
        *(f"| {row.name} | {_mark(row)} | {_told(row)} |" for row in valid),
        "",
        "## Invalid",
        "| example | our rule | agrees | what it says |",
        "|---|---|---|---|",
        *(f"| {row.name} | `{row.rule}` ({row.severity}) | {_mark(row)} | {_told(row)} |" for row in invalid),
    ]
    return "\n".join(lines) + "\n"


def _mark(row: Row) -> str:
    return "yes" if row.agrees else "**no**"


def _told(row: Row) -> str:
    return "<br>".join(dict.fromkeys(f"{one.severity}: {_short(one.message)}" for one in row.findings))


def _short(message: str) -> str:
    first = re.sub(r"https://w3id\.org/steunfiguren/fhir/", "", " ".join(message.split())).replace("|", "\\|")
    return first if len(first) <= 160 else f"{first[:157]}…"


if __name__ == "__main__":
    PAGE.write_text(page(rows()), encoding="utf-8")
