"""``$validate`` under a scanner no one here wrote: Schemathesis, from the OpenAPI document the app publishes.

Over WSGI, with a fixed number of requests: right ones, wrong ones, and every check that Schemathesis has.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from fhir_plugin.validation import Validator
from smart_app.api.app import Standalone, create_validator_app
from smart_app.api.settings import ValidatorSettings
from smart_app.api.workers import InProcess
from smart_app.settings import RateLimits

pytestmark = pytest.mark.peer
EXAMPLES = 200
BY_DESIGN = {
    # That mode=profile needs a profile, and that the type of the body is that of the address, OpenAPI cannot say.
    ("positive", "$validate"): ["positive_data_acceptance"],
    # A body that is no FHIR, or no JSON, is what a validator is for: 200 with an issue that says so and where.
    ("negative", "$validate"): ["negative_data_rejection"],
}
"""Checks that do not hold, and why not."""
PATHS = ("/$validate", "/{type}/$validate", "/{type}/{id}/$validate", "/metadata")


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """The operations as Schemathesis read them, by path."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed; make peers installs it")
    many = 1_000_000
    limits = ValidatorSettings(requests_per_minute=many)
    reached = Standalone(url="http://localhost", limits=RateLimits(requests_per_minute=many))
    app = create_validator_app(limits, reached, InProcess(Validator.load(), limits.max_issues))
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    return {one.ok().path: one.ok() for one in schema.get_all_operations()}


def test_the_scanner_sees_every_operation(operations: dict[str, Any]) -> None:
    assert sorted(operations) == sorted(PATHS)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_one_the_document_promises(operations: dict[str, Any], path: str, mode: str) -> None:
    from schemathesis import GenerationMode
    from schemathesis.checks import CHECKS

    excluded = [CHECKS.get_one(name) for name in BY_DESIGN.get((mode, path.rpartition("/")[2]), ())]
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operations[path].as_strategy(generation_mode=GenerationMode(mode)))
    def scan(case: Any) -> None:
        statuses.add(case.call_and_validate(excluded_checks=excluded).status_code)

    scan()
    assert statuses
    assert 200 in statuses or "{type}" in path or mode == "negative"
    assert all(status < 500 for status in statuses)
