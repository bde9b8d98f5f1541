"""The nl-core examples beside this checkout, where they are."""

from __future__ import annotations

import json
from pathlib import Path

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "nl-core" / "examples"
KINDS = ("RelatedPerson", "CareTeam", "Patient", "Consent")


def nl_core_examples() -> list[dict]:
    found = (json.loads(file.read_text(encoding="utf-8")) for file in sorted(SHARED.glob("*.json")))
    return [body for body in found if body["resourceType"] in KINDS]
