"""How far a long run is: on a terminal only, with how fast it goes and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import click

from fhir_plugin.validation.batch import Part

__all__ = ["Progress"]

_AFTER = 2.0
"""Seconds after which a run is a long one."""


class Progress:
    """Counts what comes out, beside what there was to read.

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

    def done(self, parts: Iterable[Part]) -> Iterator[Part]:
        """The parts, with a line every second once it takes long."""
        started = shown = self._clock()
        count = done = 0
        for part in parts:
            yield part
            count += part.summary.inputs
            done += part.size
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


def _on_one_line(text: str) -> None:
    click.echo(f"\r{text:<60}" if text else "", nl=not text, err=True)
