"""Shared by the tests of the validator: one loaded validator for all of them, and where the given facts are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhir_plugin.validation import Validator

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
NL_CORE = SHARED / "data" / "nl-core" / "nictiz-zib2020-source.tgz"


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator.load()


@pytest.fixture(scope="session")
def nl_core_validator() -> Validator:
    if not NL_CORE.is_file():
        pytest.skip("the nl-core package is not beside the checkout")
    return Validator.load([NL_CORE])


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared facts are not beside the checkout")
    return SHARED


@pytest.fixture
def check(tmp_path):
    """Errors of a resource against the first of the given profiles."""

    def run(resource, *profiles, policy=None):
        for number, one in enumerate(profiles):
            (tmp_path / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
        report = Validator.load([tmp_path], policy=policy).validate(json.dumps(resource), [profiles[0]["url"]])
        return {(issue.code, issue.expression) for issue in report.of("error", "fatal")}

    return run
