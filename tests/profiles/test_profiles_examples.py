from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles_support import INVALID, VALID, expected, source

from fhir_plugin.cli.validate import validate_command
from fhir_plugin.model.issues import Report, Severity
from fhir_plugin.model.terms import CodeSystems, TaskStep
from fhir_plugin.validation import Validator

VALID_FILES = sorted(VALID.iterdir())
EXPECTED = expected()
INVALID_FILES = sorted(file for file in INVALID.iterdir() if file.name != "expected.json")


def findings(report: Report) -> list[dict[str, str]]:
    """Errors and warnings in no order, each once; a profile that is not loaded is no finding about the instance."""
    issues = report.of(Severity.FATAL, Severity.ERROR, Severity.WARNING)
    found = [
        {"code": issue.code, "expression": issue.expression, "severity": str(issue.severity)}
        for issue in issues
        if issue.code != "profile-unknown"
    ]
    return sorted({tuple(item.items()): item for item in found}.values(), key=str)


def wanted(name: str) -> list[dict[str, str]]:
    return sorted(EXPECTED[name]["findings"], key=str)


@pytest.mark.parametrize("file", VALID_FILES, ids=lambda file: file.name)
def test_a_valid_example_has_neither_error_nor_warning(file: Path, validator: Validator) -> None:
    assert findings(validator.validate(file.read_bytes())) == []


@pytest.mark.parametrize("file", VALID_FILES, ids=lambda file: file.name)
def test_a_valid_example_that_claims_nl_core_conforms_to_it(file: Path, validator_with_nl_core: Validator) -> None:
    report = validator_with_nl_core.validate(file.read_bytes())
    assert findings(report) == []
    assert not any(issue.code == "profile-unknown" for issue in report)


@pytest.mark.parametrize("file", INVALID_FILES, ids=lambda file: file.name)
def test_an_invalid_example_fails_only_the_rule_it_is_named_after(file: Path, validator: Validator) -> None:
    if EXPECTED[file.name].get("needs") == "nl-core":
        pytest.skip("judged with nl-core, below")
    assert findings(validator.validate(file.read_bytes())) == wanted(file.name)


@pytest.mark.parametrize("file", INVALID_FILES, ids=lambda file: file.name)
def test_an_invalid_example_fails_the_same_rule_beside_nl_core(file: Path, validator_with_nl_core: Validator) -> None:
    assert findings(validator_with_nl_core.validate(file.read_bytes())) == wanted(file.name)


def test_every_invalid_example_has_an_expectation_and_the_other_way_round() -> None:
    assert {file.name for file in INVALID_FILES} == set(EXPECTED)


def test_an_example_named_after_an_invariant_is_expected_to_fail_that_invariant() -> None:
    for name, entry in EXPECTED.items():
        key = "-".join(name.split("-")[:2])
        if key[:2] in ("sf", "ct", "co", "pv", "te", "ti", "sb") and key[3:].isdigit():
            assert [finding["code"] for finding in entry["findings"]] == [key], name


def required() -> set[tuple[str, str]]:
    """What our definitions require, as (canonical, element id or value set)."""
    found = set()
    for structure in source("StructureDefinition"):
        for element in structure["differential"]["element"]:
            binding = element.get("binding", {})
            if binding.get("strength") == "required":
                found.add((structure["url"], binding["valueSet"]))
            if element.get("min") and not is_given(element["id"]):
                # A finding names what is missing within a slice by its path.
                found.add((structure["url"], re.sub(r":\w+(?=\.)", "", element["id"])))
    return found


def is_given(element_id: str) -> bool:
    """What cannot be absent alone: the discriminator of a slice, or the value of an extension (ext-1)."""
    return element_id.endswith((".system", ".type")) or (
        element_id.startswith("Extension.") and element_id.endswith(".value[x]")
    )


def test_every_required_element_and_binding_has_an_example_that_fails_it(validator: Validator) -> None:
    failed = {
        (issue.source, issue.param("element") or issue.param("value-set"))
        for file in INVALID_FILES
        for issue in validator.validate(file.read_bytes())
    }
    assert required() - failed == set()


NOT_SHOWN = {("yes-no-unknown", "no"), *((CodeSystems.TASK_STEP.rsplit("/", 1)[-1], step.value) for step in TaskStep)}
"""A minor as a figure is a warning (sf-8), and Task has no profile of ours."""


def codes_in(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(codes_in, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    own = {value for key, value in node.items() if key in ("code", "valueCode") and isinstance(value, str)}
    return own.union(*map(codes_in, node.values()))


def test_every_code_of_ours_is_shown_in_a_valid_example() -> None:
    shown = codes_in([json.loads(file.read_text(encoding="utf-8")) for file in VALID.glob("*.json")])
    ours = {(body["id"], concept["code"]) for body in source("CodeSystem") for concept in body["concept"]}
    assert {(system, code) for system, code in ours - NOT_SHOWN if code not in shown} == set()


def weighed(digits: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=True))


def passing_number(start: int) -> str:
    """Eight digits and a ninth that makes the eleven-test come out, where one digit can."""
    digits = f"{start:08}"
    return f"{digits}{weighed(digits) % 11}"


@settings(deadline=None)  # a loaded machine is no finding
@given(st.from_regex(r"[0-9]{8,10}", fullmatch=True) | st.integers(0, 10**8 - 1).map(passing_number))
def test_a_number_is_taken_for_a_bsn_exactly_when_it_passes_the_eleven_test(validator: Validator, number: str) -> None:
    body = json.loads((VALID / "figure-jim.json").read_text(encoding="utf-8"))
    body["identifier"] = [{"system": "https://ecd.example/relatienummer", "value": number}]
    keys = {issue.code for issue in validator.validate(body)}
    assert ("sf-10" in keys) == (len(number) == 9 and weighed(number[:8]) % 11 == int(number[8]))


def test_the_examples_pass_the_command_where_no_package_of_others_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FHIR_PACKAGE_CACHE", str(tmp_path))
    result = CliRunner().invoke(validate_command, [str(VALID), "--format", "ndjson"])
    assert result.exit_code == 0
    said = {json.loads(line)["code"] for line in result.output.splitlines()}
    assert said <= {"dom-6", "profile-unknown", "extension-unknown", "code-system-unknown"}
