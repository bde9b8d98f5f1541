"""Validation in processes of its own, which can be ended: a hostile resource costs at most its time and its memory.

A thread cannot be stopped, and it holds the interpreter; a deadline inside the engine would miss what hangs below it (a
regular expression, one huge value). So what came over the network is parsed and checked in a process with a memory
limit; one that takes too long is killed and replaced.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing import Pipe
from queue import Empty, LifoQueue
from typing import Any, Protocol

from fhir_plugin.model.issues import Report
from fhir_plugin.validation import Validator
from smart_app.api.operation import Job, perform
from smart_app.api.refusals import Refused
from smart_app.api.settings import ValidatorSettings

__all__ = ["READY", "InProcess", "Runner", "Workers"]

_MODULE = "smart_app.api.worker"
READY = "ready"
"""What a process says once its definitions are loaded."""
_START_SECONDS = 120
"""Loading a large package for the first time takes a while."""
_JOBS_EACH = 2000
"""After so many a process is replaced, for what it compiled along the way is never given back."""
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "XDG_CACHE_HOME")
"""What a process gets of the environment: it holds our keys, and whoever reads hostile input has no use for them."""


class Runner(Protocol):
    """Who answers jobs."""

    def run(self, job: Job) -> Report:
        """The report on one job.

        Raises:
            Refused: no verdict can be given.
        """


class InProcess:
    """Answers in this process, without limits of time or memory: for tests of what is around it."""

    def __init__(self, validator: Validator, max_issues: int) -> None:
        self._validator = validator
        self._max_issues = max_issues

    def run(self, job: Job) -> Report:
        """The report on one job."""
        return perform(self._validator, job, self._max_issues)


class Workers:
    """A fixed number of processes, each started when first needed.

    Args:
        settings: limits and definitions.
        module: what a process runs; another one to test what happens when one misbehaves.
    """

    def __init__(self, settings: ValidatorSettings, module: str = _MODULE) -> None:
        self._seconds = settings.seconds
        self._idle: LifoQueue[_Worker] = LifoQueue()
        for _ in range(settings.workers):
            self._idle.put(_Worker(settings, module))
        self._admitted = threading.BoundedSemaphore(settings.workers * 2)

    def run(self, job: Job) -> Report:
        """The report on one job, within the time limit.

        Raises:
            Refused: ``operation-busy``, ``operation-too-costly``, ``operation-failed``, or what the job itself is
                refused for.
        """
        if not self._admitted.acquire(blocking=False):
            raise Refused("operation-busy")
        try:
            worker = self._take()
            try:
                return worker.run(job)
            finally:
                self._idle.put(worker)
        finally:
            self._admitted.release()

    def _take(self) -> _Worker:
        try:
            return self._idle.get(timeout=self._seconds)
        except Empty:
            raise Refused("operation-busy") from None

    def start(self) -> None:
        """Start every process now, so that the first request does not wait for it.

        Raises:
            Refused: a process cannot start.
        """
        taken = [self._idle.get() for _ in range(self._idle.qsize())]
        try:
            for worker in taken:
                worker.ready()
        finally:
            for worker in taken:
                self._idle.put(worker)

    def close(self) -> None:
        """End every process that is idle; busy ones end with this process."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().stop()


class _Worker:
    """One process, seen from this side of its pipe."""

    def __init__(self, settings: ValidatorSettings, module: str) -> None:
        self._settings = settings
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Any = None
        self._done = 0

    def run(self, job: Job) -> Report:
        answer = self._ask(job)
        self._done += 1
        if self._done >= _JOBS_EACH:
            self.stop()
        if isinstance(answer, Report):
            return answer
        code, params = answer
        raise Refused(code, **dict(params))

    def _ask(self, job: Job) -> Any:
        try:
            self.ready().send(job)
        except OSError:  # it died while idle: a new one is as good
            self.stop()
            self.ready().send(job)
        try:
            if self._pipe.poll(self._settings.seconds):
                return self._pipe.recv()
        except (EOFError, OSError):  # the kernel ended it, for the memory it took
            pass
        self.stop()
        raise Refused("operation-too-costly", seconds=f"{self._settings.seconds:g}")

    def ready(self) -> Any:
        """The pipe to a process that waits for work.

        Raises:
            Refused: the process cannot start.
        """
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._start()
            if not self._says_ready():
                self.stop()
                raise Refused("operation-failed")
        return self._pipe

    def _start(self) -> None:
        """Start a fresh interpreter.

        A fork would copy the locks of this one's threads; multiprocessing's spawn runs the main module of whoever
        serves the app once more.
        """
        self._pipe, other = Pipe()
        kept = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter, our own module
            [sys.executable, "-P", "-m", self._module, str(other.fileno())],
            env={**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a traceback may quote what was sent
            pass_fds=(other.fileno(),),
            start_new_session=True,  # Ctrl-C is for the process that started this one
        )
        other.close()
        self._done = 0

    def _says_ready(self) -> bool:
        try:
            self._pipe.send(self._settings)
            return bool(self._pipe.poll(_START_SECONDS) and self._pipe.recv() == READY)
        except (EOFError, OSError):
            return False

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._pipe.close()
        self._process = self._pipe = None
