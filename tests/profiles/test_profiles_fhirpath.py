"""The invariants judged by an engine no one here wrote (fhirpathpy): right on its own, without our validator."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhirpathpy import compile as compile_fhirpath
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from profiles_support import INVALID, VALID, constraints, resources_in

CONSTRAINTS = constraints()
KEYS = [constraint["key"] for _, _, constraint in CONSTRAINTS]


@cache
def load(file: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return body


def holders(body: dict[str, Any], profile: str) -> list[dict[str, Any]]:
    """Where a profile applies: resources that claim it, or the extensions with its url."""
    found = [one for one in resources_in(body) if profile in one.get("meta", {}).get("profile", ())]
    return found + [one for one in objects_in(body) if one.get("url") == profile and "resourceType" not in one]


def objects_in(node: Any) -> list[dict[str, Any]]:
    children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    below = [found for child in children for found in objects_in(child)]
    return [node, *below] if isinstance(node, dict) else below


def resolve(references: list[Any]) -> list[Any]:
    """Within a Bundle, by fullUrl or by type and id; everywhere else nothing resolves."""
    return [
        ResourceNode.create_node(RESOLVABLE[url]) for one in references if (url := one.get("reference")) in RESOLVABLE
    ]


RESOLVABLE: dict[str, dict[str, Any]] = {}
OPTIONS = {"userInvocationTable": {"resolve": {"fn": resolve, "arity": {0: []}}}}


@cache
def compiled(expression: str) -> Any:
    return compile_fhirpath(expression, models["r4"], OPTIONS)


def verdicts(body: dict[str, Any], profile: str, path: str, expression: str) -> list[Any]:
    """The engine's answer at every node the invariant applies to."""
    RESOLVABLE.clear()
    for entry in body.get("entry", ()):
        resource = entry["resource"]
        RESOLVABLE[entry["fullUrl"]] = RESOLVABLE[f"{resource['resourceType']}/{resource.get('id')}"] = resource
    answers = []
    for holder in holders(body, profile):
        nodes: list[Any] = [holder]
        for step in path.split(".")[1:]:
            nodes = [item for node in nodes for item in listed(node.get(step))]
        answers += [compiled(expression)(ResourceNode.create_node(node, path), {"resource": holder}) for node in nodes]
    return answers


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


@pytest.mark.parametrize(("profile", "path", "constraint"), CONSTRAINTS, ids=KEYS)
def test_an_invariant_holds_on_every_valid_example(profile: str, path: str, constraint: dict[str, Any]) -> None:
    answers = [
        answer
        for file in sorted(VALID.glob("*.json"))
        for answer in verdicts(load(file), profile, path, constraint["expression"])
    ]
    assert answers
    assert all(answer == [True] for answer in answers)


@pytest.mark.parametrize(("profile", "path", "constraint"), CONSTRAINTS, ids=KEYS)
def test_an_invariant_says_no_to_each_example_made_to_fail_it(
    profile: str, path: str, constraint: dict[str, Any]
) -> None:
    files = sorted(INVALID.glob(f"{constraint['key']}-*.json"))
    assert files
    for file in files:
        answers = verdicts(load(file), profile, path, constraint["expression"])
        assert [False] in answers, file.name
        assert all(answer in ([True], [False]) for answer in answers), file.name
