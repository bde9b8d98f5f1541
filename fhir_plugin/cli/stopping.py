"""Ctrl-C and SIGTERM for what runs until it is stopped: it finishes what it is doing, and then ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["stopping"]


@contextmanager
def stopping(stop: Callable[[], object]) -> Iterator[None]:
    """Within the block the first Ctrl-C or SIGTERM calls ``stop``; the next one does what it did before.

    What is stopped belongs in the main thread: one that Ctrl-C interrupts in ``Thread.join`` takes the other thread for
    done (bpo-45274), and closes what that still uses.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stopped(_signal: int, _frame: FrameType | None) -> None:
        restore()
        stop()

    for number in before:
        signal.signal(number, stopped)
    try:
        yield
    finally:
        restore()
