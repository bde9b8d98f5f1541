"""The app opened by a professional on Noor's record."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from views_record import Room, open_room


@pytest.fixture
def room() -> Room:
    return open_room()
