"""Fixtures of the sync tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sync_desk import Desk, make_desk

from fhir_plugin.ehr.memory import Behaviour


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with three children: of 14, of 8 and of 17."""
    return make_desk(tmp_path)


@pytest.fixture
def desk_with(tmp_path: Path) -> Callable[[Behaviour], Desk]:
    """A desk with an EHR of another behaviour."""
    return lambda behaviour: make_desk(tmp_path, behaviour)
