"""Fixtures: an embedded EHR with its synthetic clients, and an empty open FHIR server."""

from __future__ import annotations

import pytest
from sandbox_support import Ehr


@pytest.fixture
def ehr() -> Ehr:
    return Ehr()


@pytest.fixture
def store() -> Ehr:
    """An empty FHIR server that asks for no token."""
    return Ehr(seed=False, open_access=True)


@pytest.fixture
def make_ehr() -> type[Ehr]:
    """Makes sandboxes with settings of one's own."""
    return Ehr
