"""Fixtures of the sync tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sync_desk import KEY, Desk, make_desk, new_database, row
from sync_matrix import Played

from fhir_plugin.ehr.memory import Behaviour
from fhir_plugin.sync.inbound.polling import Poller
from fhir_plugin.sync.inbound.store import InboundStore, open_inbound_store
from fhir_plugin.sync.journals.vault import KEY_VARIABLE
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.faults import PROFILES
from smart_app.sandbox.testing import RunningSandbox, running_sandbox


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


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(open_access=True, seed=False)) as running:
        yield running


@pytest.fixture(params=["file", pytest.param("postgresql", marks=pytest.mark.peer)])
def play(
    request: pytest.FixtureRequest, sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The sandbox as one row of the matrix; the journal and the own store in files, or in a database."""
    database = ""
    if request.param == "postgresql":
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        database = new_database(request.getfixturevalue("postgres"))

    def make(profile: str) -> Played:
        return Played(sandbox=sandbox, faults=PROFILES[profile], folder=tmp_path, database=database)

    yield make
    for fault in sandbox.parts.faults.names():
        sandbox.parts.faults.turn(fault, on=False)
