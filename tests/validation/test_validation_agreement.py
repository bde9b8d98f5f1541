"""The reference validator's own cases: how often we agree, with nothing hidden."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import validate_agreement


@pytest.mark.nightly
def test_agreement_with_the_reference_validator_stays_where_it_is(shared):
    outcome = validate_agreement.measure(shared / "data" / "validator-cases")
    assert outcome.crashes == []
    assert outcome.share("A") >= 0.98
    assert outcome.share("A", "base") >= 0.96
    assert outcome.share("A", "profile") >= 0.96
    assert outcome.share("B") >= 0.90
    assert outcome.expressions() >= 0.90


def test_profile_cases_of_the_reference_validator_agree(shared):
    outcome = validate_agreement.measure(shared / "data" / "validator-cases", only=("A", "profile"))
    assert outcome.share("A", "profile") >= 0.96


def test_nl_core_examples_hold_to_nl_core(shared, nl_core_validator):
    paths = sorted((shared / "data" / "nl-core" / "examples").glob("*.json"))
    refused = [path.name for path in paths if nl_core_validator.validate(path.read_bytes()).has_errors]
    assert len(paths) == 271
    assert refused == []
