"""What the write probe found, kept from one command to the next: one JSON file beside the journal, nothing personal.

Findings hold for the version of the software they were made on; after an update of the EHR they count for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fhir_plugin.errors import StoreError

__all__ = ["Findings", "findings_path", "load_findings", "store_findings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The outcome of one probe.

    Attributes:
        software: name and version of the EHR's software.
        at: instant of the probe, ISO 8601.
        checks: check → ``passed``, ``failed`` or ``refused``.
    """

    software: str
    at: str
    checks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Findings:
        """Of an EHR that was never probed."""
        return cls(software="", at="")

    def hold_for(self, software: str) -> bool:
        """Whether they say anything about this version of the software."""
        return bool(software) and self.software == software


def findings_path(journal: Path) -> Path:
    """Where the findings of a journal's EHRs are."""
    return journal.with_name(f"{journal.stem}.probes.json")


def load_findings(path: Path, ehr: str) -> Findings | None:
    """What was found about an EHR; None when it was never probed.

    Raises:
        StoreError: the file cannot be read.
    """
    found = _read(path).get(ehr)
    if not isinstance(found, dict) or not isinstance(found.get("checks"), dict):
        return None
    checks = {str(name): str(outcome) for name, outcome in found["checks"].items()}
    return Findings(software=str(found.get("software", "")), at=str(found.get("at", "")), checks=checks)


def store_findings(path: Path, ehr: str, software: str, checks: Mapping[str, str], at: datetime) -> None:
    """Keep the outcome of a probe.

    Raises:
        StoreError: the file that is there cannot be read.
    """
    held = _read(path)
    held[ehr] = {"software": software, "at": at.isoformat(timespec="seconds"), "checks": dict(checks)}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(held, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(path)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        body = None
    if not isinstance(body, dict):
        raise StoreError(
            "The findings of the write probe cannot be read.",
            code="sync-findings",
            where=path.name,
            remedy="Remove the file and run `steunfiguren conformance URL --probe-client ID` again.",
        )
    return body
