"""Validators over our package, alone and beside nl-core."""

from __future__ import annotations

import pytest
from profiles_support import NL_CORE

from fhir_plugin.validation import Policy, Validator


@pytest.fixture(scope="session")
def validator() -> Validator:
    """Base R4 and our package alone; nl-core's extensions are then unknown, which is not what is tested."""
    return Validator.load(policy=Policy(unknown_extensions="ignore", best_practice=False))


@pytest.fixture(scope="session")
def validator_with_nl_core() -> Validator:
    if not NL_CORE.is_file():
        pytest.skip("nl-core is not beside the checkout")
    return Validator.load([NL_CORE], policy=Policy(best_practice=False))
