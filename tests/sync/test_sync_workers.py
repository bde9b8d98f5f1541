"""One plan, any number of workers: on a real PostgreSQL and a real HTTP server, one of them killed on the way."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sync_desk import KEY, new_database
from sync_site import Site, no_doubles, site

from fhir_plugin.sync.journals.opening import open_database
from fhir_plugin.sync.journals.vault import KEY_VARIABLE
from fhir_plugin.sync.workers.pace import DatabasePace

pytestmark = pytest.mark.peer

CLIENTS = 330
LACKING = [(), ("no-consent",), ("no-care-team-write", "transaction-refused", "no-if-match")]
"""Faults of the sandbox: an EHR with everything, and two of which a part is kept in our own store."""


@contextmanager
def with_database(folder: Path, postgres: str, *faults: str) -> Iterator[Site]:
    with site(folder, CLIENTS, new_database(postgres), faults) as made:
        yield made


@pytest.mark.parametrize("lacking", LACKING, ids=" ".join)
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_applies_one_plan_and_a_second_run_writes_nothing(
    tmp_path: Path, postgres: str, workers: int, lacking: tuple[str, ...]
) -> None:
    with with_database(tmp_path, postgres, *lacking) as made:
        code, told = made.plan()
        assert code == 0, told
        started = [made.worker() for _ in range(workers)]
        code, told = made.apply("--workers", "0")
        for worker in started:
            worker.terminate()
            worker.communicate(timeout=30)
        assert code == 0, told
        no_doubles(made)
        code, told = made.plan()
        assert code == 0, told
        assert made.apply()[0] == 0
        no_doubles(made)
        versions = {body["meta"]["versionId"] for body in [*made.all("CareTeam"), *made.kept("CareTeam")]}
        assert versions in ({"1"}, {"own-1"})


@pytest.mark.parametrize("lacking", LACKING, ids=" ".join)
def test_what_a_killed_worker_was_doing_is_done_by_another_and_nothing_is_doubled(
    tmp_path: Path, postgres: str, lacking: tuple[str, ...]
) -> None:
    with with_database(tmp_path, postgres, *lacking) as made:
        code, told = made.plan()
        assert code == 0, told
        first = made.worker()
        applying = made.start("sync", "apply", "sync-plan.json", "-q", "--workers", "0")
        deadline = time.monotonic() + 60
        while not made.all("Provenance") and time.monotonic() < deadline:
            time.sleep(0.05)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=30)
        written = len(made.all("Provenance"))
        assert 0 < written < CLIENTS
        second = made.worker()
        out, errors = applying.communicate(timeout=240)
        second.terminate()
        second.communicate(timeout=30)
        assert applying.returncode == 0, out + errors
        no_doubles(made)


def test_everyone_who_uses_the_database_keeps_one_pace(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    url = new_database(postgres)
    with open_database(url, "https://ehr", "jim"):
        pass
    waited: list[float] = []
    one, other = (DatabasePace(url=url, ehr="https://ehr", per_second=0.01, sleep=waited.append) for _ in range(2))
    elsewhere = DatabasePace(url=url, ehr="https://other", per_second=0.01, sleep=waited.append)
    for pace in (one, other, one, elsewhere):
        pace.take()
    assert [round(seconds, -1) for seconds in waited] == [100, 200]
