"""Writes ``docs/smart-conformance.md``: each client requirement of SMART App Launch 2.2 beside the test that shows it.

The numbers are those of Inferno's requirements list for the specification (``hl7.fhir.uv.smart-app-launch_2.2.0``,
actor Client); ``smart_requirements.tsv`` holds number, strength and place in the specification, and why one is not
tested here. ``smart_rules.tsv`` is our own list, by name. Tests say what they show with
``@pytest.mark.requirement("…")`` and ``@pytest.mark.rule("…")``. Run it as
``python tests/launch/smart_conformance.py``.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("smart_requirements.tsv")
RULES = Path(__file__).with_name("smart_rules.tsv")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of our own list."""

    name: str
    strength: str
    text: str


def requirements() -> list[Requirement]:
    return [
        Requirement(number=number, strength=strength, place=place, reason=reason)
        for number, strength, place, reason in _rows(LIST)
    ]


def rules() -> list[Rule]:
    return [Rule(name=name, strength=strength, text=text) for name, strength, text in _rows(RULES)]


def _rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


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
        shown = _names(tests.get(item.number, ()))
        counts["tested" if shown else "explained"] += 1
        lines.append(
            f"| {item.number} | {item.strength} | #{item.place.partition('#')[2]} | {shown or item.reason} |\n"
        )
    deprecated = sum(item.strength == "DEPRECATED" for item in requirements())
    total = (
        f"{counts['tested']} requirements are shown by tests; {counts['explained']} are explained. {deprecated} of\n"
        "them are deprecated in the list, which leaves its 164. Our own list is at the end.\n"
    )
    return lines[0] + total + "".join(lines[1:]) + _own_list()


def _own_list() -> str:
    tests = marked("rule")
    lines = [
        "\n## Our own list\n\nM, S, O: the specification's SHALL, SHOULD, MAY; D: our own decision.\n\n",
        "| rule | | what holds | shown by |\n|---|---|---|---|\n",
    ]
    lines += [f"| {one.name} | {one.strength} | {one.text} | {_names(tests[one.name])} |\n" for one in rules()]
    return "".join(lines)


def _names(tests: Iterable[str]) -> str:
    return "<br>".join(f"`{test}`" for test in tests)


def _marks(path: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{name}":
                    yield node.name, [ast.literal_eval(argument) for argument in decorator.args]


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
