"""There is one door: nothing in the product but decide() can give a permit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import fhir_plugin
import smart_app

PACKAGES = [Path(str(files(package))) for package in (fhir_plugin, smart_app)]
DOOR = {"consent/permit.py", "consent/decide.py"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for file in sorted(package.rglob("*.py")):
            yield file.relative_to(package).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def names(tree: ast.Module) -> set[str]:
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found | {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_only_decide_takes_the_right_to_issue() -> None:
    assert {name for name, tree in sources() if "claim_issuer" in names(tree)} == DOOR


def test_nobody_calls_the_permit_class_or_makes_one_behind_its_back() -> None:
    makers = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "Permit")
            or (
                isinstance(node.func, ast.Attribute)
                and node.func.attr == "__new__"
                and any(isinstance(argument, ast.Name) and argument.id == "Permit" for argument in node.args)
            )
        )
    }

    assert makers == {"consent/permit.py"}


def test_the_issuer_is_used_in_one_place_after_all_questions() -> None:
    (tree,) = [tree for name, tree in sources() if name == "consent/decide.py"]
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_issue"
    ]
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "decide"]

    assert len(calls) == 1
    assert isinstance(function.body[-1], ast.Return)
    assert function.body[-1].value is calls[0]
