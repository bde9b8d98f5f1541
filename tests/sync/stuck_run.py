"""A run with a process that waits for ever; ``test_sync_hands`` kills it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fhir_plugin.sync.workers.hands import side_by_side


@dataclass(frozen=True)
class Stuck:
    """Work for a process that tells which it is, and never comes to an end."""

    @contextmanager
    def __call__(self) -> Iterator[Callable[[int], None]]:
        yield self.wait

    def wait(self, _: int) -> None:
        os.write(1, f"{os.getpid()}\n".encode())
        signal.pause()


def main() -> None:
    list(side_by_side(Stuck(), range(1), 1))
