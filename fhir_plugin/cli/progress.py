"""How far a long run is: on a terminal only, with how fast it goes and how long it still takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import click

from fhir_plugin.validation.batch import Source

__all__ = ["Progress"]

T = TypeVar("T")
_AFTER = 2.0
"""Seconds after which a run is a long one."""


class Progress:
    """Counts what goes in and what comes out; results must come in the order of their sources.

    Args:
        total: bytes of everything there is to read; 0 where that is not known, as for standard input.
        say: writes one line over the one before.
        clock: seconds.
    """

    def __init__(
        self, total: int, say: Callable[[str], object] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._say = say or _on_one_line
        self._clock = clock
        self._sizes: deque[int] = deque()

    def reading(self, found: Iterable[Source]) -> Iterator[Source]:
        """The sources, with their sizes noted."""
        for source in found:
            data = source.data
            self._sizes.append(len(data) if data is not None else _size(source.name))
            yield source

    def done(self, results: Iterable[T]) -> Iterator[T]:
        """The results, with a line every second once it takes long."""
        started = shown = self._clock()
        done = 0
        for count, result in enumerate(results, 1):
            yield result
            done += self._sizes.popleft() if self._sizes else 0
            now = self._clock()
            if now - started > _AFTER and now - shown >= 1:
                shown = now
                self._say(self._line(count, done, now - started))
        if shown != started:
            self._say("")

    def _line(self, count: int, done: int, seconds: float) -> str:
        line = f"{count} ({count / seconds:.0f}/s)"
        if not self._total or not done:
            return line
        left = max(0.0, seconds * (self._total - done) / done)
        return f"{line}, {min(100, 100 * done // self._total)} %, {int(left // 60)}:{int(left % 60):02d} left"


def _size(name: str) -> int:
    try:
        return Path(name).stat().st_size
    except OSError:
        return 0


def _on_one_line(text: str) -> None:
    click.echo(f"\r{text:<60}" if text else "", nl=not text, err=True)
