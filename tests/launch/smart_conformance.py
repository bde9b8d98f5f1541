"""Writes ``docs/smart-conformance.md``: each client requirement of SMART App Launch 2.2 beside the test that shows it.

The numbers are those of Inferno's requirements list for the specification (``hl7.fhir.uv.smart-app-launch_2.2.0``,
actor Client); ``smart_requirements.tsv`` holds number, strength and place in the specification, and why one is not
tested here. Tests name the numbers they show with ``@pytest.mark.requirement("…")``. Run it as
``python tests/launch/smart_conformance.py``.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("smart_requirements.tsv")
DOCUMENT = ROOT / "docs" / "smart-conformance.md"
SPECIFICATION = "https://hl7.org/fhir/smart-app-launch/STU2.2/"

HEAD = f"""# SMART App Launch 2.2: what the app does, and which test shows it

Generated from the tests by `python tests/launch/smart_conformance.py`; a test keeps it in step. Numbers are those of
the client requirements of `hl7.fhir.uv.smart-app-launch_2.2.0` in Inferno's SMART App Launch test kit; the text of each
is in the specification, at the place named ({SPECIFICATION}). All tests are under `tests/`.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One line of the list."""

    number: str
    strength: str
    place: str
    reason: str


def requirements() -> list[Requirement]:
    rows = [line.split("\t") for line in LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [Requirement(number=row[0], strength=row[1], place=row[2], reason=row[3]) for row in rows]


def marked(name: str) -> dict[str, list[str]]:
    """For each argument of a marker: the tests that carry it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for test, values in _marks(path, name):
            for value in values:
                found[value].append(f"{path.stem}::{test}")
    return found


def document() -> str:
    tests = marked("requirement")
    lines = [HEAD]
    place = ""
    counts = {"tested": 0, "explained": 0}
    for item in requirements():
        page = item.place.partition("#")[0]
        if page != place:
            lines.append(
                f"\n## {page.removesuffix('.html')}\n\n| no. | strength | place | shown by |\n|---|---|---|---|\n"
            )
            place = page
        shown = "<br>".join(f"`{test}`" for test in tests.get(item.number, ()))
        counts["tested" if shown else "explained"] += 1
        lines.append(
            f"| {item.number} | {item.strength} | #{item.place.partition('#')[2]} | {shown or item.reason} |\n"
        )
    total = f"{counts['tested']} requirements are shown by tests; {counts['explained']} are explained.\n"
    return lines[0] + total + "".join(lines[1:])


def _marks(path: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{name}":
                    yield node.name, [ast.literal_eval(argument) for argument in decorator.args]


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
