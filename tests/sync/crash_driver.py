"""Killing a real process at the n-th step it takes: every commit of a journal or own store, and every request."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fhir_plugin.cli.sync import sync_command
from fhir_plugin.ehr.transport import Transport
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.records.own_store import OwnStore

_DURABLE = {
    Journal: ("begin", "finish"),
    OwnStore: ("keep", "leave", "seen", "begin_saga", "step_done", "end_saga"),
    Transport: ("send",),
}
COMMAND = ["--journal", "journal.sqlite", "--group", "1", "--workers", "1", "-q"]


def run(folder: Path, command: str, at: int = 0) -> tuple[int, int]:
    """Run ``sync COMMAND plan.json`` in a process of its own, killed at its n-th step (0: never).

    Returns:
        Exit code (negative: the signal), and how many steps it took.
    """
    context = multiprocessing.get_context("fork")
    counted = context.Value("i", 0)
    process = context.Process(target=_child, args=(folder, command, at, counted))
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode, counted.value


def _child(folder: Path, command: str, at: int, counted: Any) -> None:
    os.chdir(folder)
    silent = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(silent, 1)
    os.dup2(silent, 2)

    def step() -> None:
        counted.value += 1
        if counted.value == at:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, names in _DURABLE.items():
        for name in names:
            setattr(owner, name, _around(getattr(owner, name), step))
    Journal.together = _around_commit(Journal.together, step)  # type: ignore[method-assign]
    code = 0
    try:
        sync_command([*command.split(), "plan.json", *COMMAND], standalone_mode=False)
    except SystemExit as stop:
        code = int(stop.code or 0)
    except Exception as error:  # noqa: BLE001  the exit code is what the test looks at
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        code = 3
    os._exit(code)


def _around(original: Callable[..., Any], step: Callable[[], None]) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        step()
        result = original(*given, **named)
        step()
        return result

    return wrapped


def _around_commit(original: Callable[..., Any], step: Callable[[], None]) -> Any:
    @contextmanager
    def wrapped(self: Journal) -> Iterator[None]:
        step()
        with original(self):
            yield
        step()

    return wrapped
