"""Every error says what to do about it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from fhir_plugin import errors

ROOT = Path(errors.__file__).parents[1]
KINDS = {name for name, kind in vars(errors).items() if inspect.isclass(kind)}


def made() -> Iterator[tuple[str, set[str | None]]]:
    """Where an error of the tree is made, with the arguments it is given by name."""
    for folder in ("fhir_plugin", "smart_app"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                    place = f"{file.relative_to(ROOT)}:{node.lineno}"
                    yield place, {keyword.arg for keyword in node.keywords}


def test_every_error_that_is_made_gives_a_remedy() -> None:
    found = list(made())

    assert len(found) > 100
    assert [place for place, given in found if not given & {"remedy", None}] == []
