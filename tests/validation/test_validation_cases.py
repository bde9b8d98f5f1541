"""Every file in ``cases/`` is a test: its errors are exactly those it expects, at the places it expects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhir_plugin.model.issues import Severity

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_has_exactly_the_errors_it_expects(path, request):
    case = json.loads(path.read_text(encoding="utf-8"))
    fixture = "nl_core_validator" if case.get("package") == "nl-core" else "validator"
    report = request.getfixturevalue(fixture).validate(json.dumps(case["resource"]), case.get("profiles", ()))
    errors = {(issue.code, issue.expression) for issue in report.of(Severity.FATAL, Severity.ERROR)}
    assert errors == {(one["code"], one["expression"]) for one in case["expect"]}


def test_there_are_a_hundred_cases_and_more():
    assert len(CASES) >= 100
