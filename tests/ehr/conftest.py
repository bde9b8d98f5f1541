"""The contract suite's fixtures: each server in turn, a child in it, and figures of that child."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ehr_servers import SERVERS, Server

from fhir_plugin.ehr.client import FhirClient


@pytest.fixture(params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn."""
    return SERVERS[request.param]()


@pytest.fixture
def client(server: Server) -> FhirClient:
    """A client of the server under contract."""
    return server.client()


@pytest.fixture
def patient(client: FhirClient) -> str:
    """A synthetic child, new for this test; its reference."""
    body = {
        "resourceType": "Patient",
        "active": True,
        "name": [{"family": "de Vries", "given": ["Sanne"]}],
        "gender": "female",
        "birthDate": "2015-04-03",
    }
    return f"Patient/{client.create(body).id}"


@pytest.fixture
def figure_body(patient: str) -> Callable[..., dict[str, Any]]:
    """Makes a RelatedPerson of that child."""

    def make(value: str = "f-1", **more: Any) -> dict[str, Any]:
        return {
            "resourceType": "RelatedPerson",
            "identifier": [{"system": "https://example.nl/figuren", "value": f"{patient.split('/')[1]}-{value}"}],
            "active": True,
            "patient": {"reference": patient},
            "name": [{"text": "tante Sam"}],
            **more,
        }

    return make
