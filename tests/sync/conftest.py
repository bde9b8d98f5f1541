"""Fixtures of the sync tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sync_desk import Desk, make_desk, row

from fhir_plugin.ehr.memory import Behaviour
from fhir_plugin.sync.inbound.polling import Poller
from fhir_plugin.sync.inbound.store import InboundStore, open_inbound_store


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with three children: of 14, of 8 and of 17."""
    return make_desk(tmp_path)


@pytest.fixture
def desk_with(tmp_path: Path) -> Callable[[Behaviour], Desk]:
    """A desk with an EHR of another behaviour."""
    return lambda behaviour: make_desk(tmp_path, behaviour)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InboundStore]:
    """What an EHR held as last seen; empty."""
    with open_inbound_store(tmp_path / "inbound.sqlite") as opened:
        yield opened


@pytest.fixture
def poller(desk: Desk, store: InboundStore) -> Poller:
    """A poller of the desk's EHR, which holds one figure."""
    desk.sync([row()])
    return Poller(client=desk.client, store=store)
