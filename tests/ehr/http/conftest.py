"""An EHR that answers as a test says, and a client of it that never sleeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses
from http_answers import BASE

from fhir_plugin.ehr import FhirClient, Retry


@pytest.fixture
def ehr() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits: list[float]) -> FhirClient:
    return FhirClient(BASE, retry=Retry(sleep=waits.append, chance=lambda: 1.0))
