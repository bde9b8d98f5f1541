"""Several processes on one machine do one run: nothing twice, nothing left, one pace; also after they were killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sync_site import no_doubles, site

from fhir_plugin.errors import EhrUnreachable
from fhir_plugin.sync.workers.hands import side_by_side
from fhir_plugin.sync.workers.pace import MachinePace

CLIENTS, FEW = 210, 105
"""More than are read at once, so that there is work for more than one process."""


@dataclass(frozen=True)
class Doubling:
    """Work for a process: doubles numbers, and fails at one."""

    failing: int = -1

    @contextmanager
    def __call__(self) -> Iterator[Callable[[int], tuple[int, int]]]:
        yield self.double

    def double(self, number: int) -> tuple[int, int]:
        if number == self.failing:
            raise EhrUnreachable("No answer.", where="POST", remedy="Later.")
        return number * 2, os.getpid()


def test_every_piece_is_done_once_by_another_process_and_none_is_taken_far_ahead() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(30):
            taken.append(number)
            yield number

    found = []
    for done, (doubled, process) in enumerate(side_by_side(Doubling(), numbers(), 2)):
        assert len(taken) <= done + 5
        assert process != os.getpid()
        found.append(doubled)
    assert sorted(found) == [number * 2 for number in range(30)]


@dataclass(frozen=True)
class Deaf:
    """Work for a process: whether Ctrl-C is kept from it."""

    @contextmanager
    def __call__(self) -> Iterator[Callable[[int], bool]]:
        yield lambda _: signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_ctrl_c_reaches_the_run_and_not_its_processes() -> None:
    assert list(side_by_side(Deaf(), range(4), 2)) == [True] * 4
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_run_that_is_killed_takes_its_processes_along() -> None:
    command = [sys.executable, "-c", "import stuck_run; stuck_run.main()"]
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as run:
        assert run.stdout is not None
        process = os.pidfd_open(int(run.stdout.readline()))
        run.kill()
        ended, _, _ = select.select([process], [], [], 20)
        if not ended:
            signal.pidfd_send_signal(process, signal.SIGKILL)
        os.close(process)
        assert ended


def test_an_error_in_a_process_is_the_error_of_the_run() -> None:
    with pytest.raises(EhrUnreachable) as caught:
        list(side_by_side(Doubling(failing=3), range(20), 2))
    assert (caught.value.where, caught.value.remedy) == ("POST", "Later.")


def test_processes_of_one_machine_keep_one_pace() -> None:
    now, waited = [100.0], list[float]()
    one = MachinePace(per_second=4, clock=lambda: now[0], sleep=waited.append)
    for _ in range(3):
        one.take()
    now[0] = 200.0
    one.take()
    assert waited == [0.25, 0.5]


def test_a_plan_is_applied_by_several_processes_and_a_second_run_writes_nothing(tmp_path: Path) -> None:
    with site(tmp_path, FEW) as made:
        assert made.plan()[0] == 0
        code, told = made.apply("--workers", "2")
        assert code == 0, told
        no_doubles(made)
        assert made.plan()[0] == 0
        assert made.apply("--workers", "2")[0] == 0
        assert {body["meta"]["versionId"] for body in made.all("CareTeam")} == {"1"}


@pytest.mark.nightly
def test_a_killed_run_takes_its_processes_along_and_is_resumed_without_a_double(tmp_path: Path) -> None:
    with site(tmp_path, CLIENTS) as made:
        assert made.plan()[0] == 0
        killed = made.start("sync", "apply", "sync-plan.json", "-q", "--workers", "2")
        deadline = time.monotonic() + 60
        while not made.all("Provenance") and time.monotonic() < deadline:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
        code, told = made.apply("--workers", "2")
        while code not in (0, 1) and time.monotonic() < deadline:
            time.sleep(0.5)
            code, told = made.apply("--workers", "2")
        assert code == 0, told
        no_doubles(made)
