"""The app opened by a professional on Noor's record."""

from __future__ import annotations

import pytest
from views_record import Room, open_room


@pytest.fixture
def room() -> Room:
    return open_room()
