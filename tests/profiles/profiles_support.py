"""What the tests of profiles/ share: the package's source, the examples, and nl-core where it is at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fhir_plugin.packages import profiles_dir

ROOT = Path(__file__).resolve().parents[2]
VALID = ROOT / "examples" / "valid"
INVALID = ROOT / "examples" / "invalid"
NL_CORE = ROOT.parent / "shared" / "data" / "nl-core" / "nictiz-zib2020-source.tgz"
VALUE_SETS = ROOT.parent / "shared" / "data" / "valuesets.txt"


def source(kind: str) -> list[dict[str, Any]]:
    """All resources of one type in profiles/."""
    files = sorted(profiles_dir().glob(f"{kind}-*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def constraints() -> list[tuple[str, str, dict[str, Any]]]:
    """Every invariant of ours as (profile, element path, constraint)."""
    return [
        (structure["url"], element["path"], constraint)
        for structure in source("StructureDefinition")
        for element in structure["differential"]["element"]
        for constraint in element.get("constraint", ())
    ]


def expected() -> dict[str, Any]:
    """What each file in examples/invalid must be found guilty of."""
    body: dict[str, Any] = json.loads((INVALID / "expected.json").read_text(encoding="utf-8"))
    return body


def resources_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The resource itself, and those in it when it is a Bundle."""
    return [body, *(entry["resource"] for entry in body.get("entry", ()))]
