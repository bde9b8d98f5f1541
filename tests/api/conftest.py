"""The validator by itself, answered in this process: its limits of time and memory have tests of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from fhir_plugin.validation import Validator
from smart_app.api.app import Standalone, create_validator_app
from smart_app.api.settings import ValidatorSettings
from smart_app.api.workers import InProcess, Runner

Clients = Callable[..., FlaskClient]


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator.load()


@pytest.fixture
def make_client(validator: Validator) -> Clients:
    """A client of a validator with the limits given."""

    def make(runner: Runner | None = None, **limits: object) -> FlaskClient:
        settings = ValidatorSettings(**limits)  # type: ignore[arg-type]  # a test's own words
        answers = runner or InProcess(validator, settings.max_issues)
        return create_validator_app(settings, Standalone(url="http://localhost:8402"), answers).test_client()

    return make


@pytest.fixture
def client(make_client: Clients) -> FlaskClient:
    return make_client()
