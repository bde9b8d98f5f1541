"""Several processes that do one run's work side by side: mapping takes a processor, and an EHR has time to spare.

Work is given out a piece at a time and no further ahead than a few pieces, so that memory stays as it is however long
the run. Each process opens its own connections; nothing but the work and its outcome passes between them.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any, TypeVar

__all__ = ["few_collections", "side_by_side"]

Work = TypeVar("Work")
Outcome = TypeVar("Outcome")
Opening = Callable[[], AbstractContextManager[Callable[[Work], Outcome]]]
"""Opens what a process needs, and gives what does the work; it must be picklable."""

_AHEAD = 2
"""Pieces per process that are waiting or being done."""
_YOUNG = 200_000


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python look for cycles seldom: records are trees, and looking through them takes a third of a run."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def side_by_side(opening: Opening[Work, Outcome], work: Iterable[Work], processes: int) -> Iterator[Outcome]:
    """Do every piece of work in one of several processes.

    Args:
        opening: opens what a process needs, once per process; picklable.
        work: read as it is needed.
        processes: how many; at least one.

    Yields:
        What each piece came to, as they come.

    Raises:
        Exception: what the first failing piece raised; what is being done then is done, no more is begun.
    """
    waiting = iter(work)
    context = multiprocessing.get_context("forkserver")  # it has no connection that a process could inherit
    context.set_forkserver_preload([type(opening).__module__])
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(opening,)) as pool:
        running: deque[Future[Outcome]] = deque()
        with _undisturbed():
            running.extend(pool.submit(_do, piece) for piece in islice(waiting, processes * _AHEAD))
        try:
            while running:
                yield _next_done(running).result()
                running.extend(pool.submit(_do, piece) for piece in islice(waiting, 1))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: it stops the run, which lets them finish what they do."""
    resource_tracker.ensure_running()  # here, for it lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _next_done(running: deque[Future[Outcome]]) -> Future[Outcome]:
    """The oldest that is done; the oldest of all when none is."""
    found = next((each for each in running if each.done()), running[0])
    running.remove(found)
    return found


_doing: list[Callable[[Any], Any]] = []
"""What this process does; filled once, when it begins."""


def _begin(opening: Opening[Any, Any]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    calm, opened = few_collections(), opening()
    calm.__enter__()
    _doing.append(opened.__enter__())
    atexit.register(opened.__exit__, None, None, None)


def _end_with_parent() -> None:
    """A run that is killed takes its processes along: what they were doing is as after any crash, and resumed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(piece: Any) -> Any:
    return _doing[0](piece)
