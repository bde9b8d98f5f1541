"""What still has to go into the audit trail, on disk before the page is sent: a process that dies loses none of it.

One small file per answer, readable by its owner only, gone once its events are in the trail. What a process left behind
is found again by the next one, at its start or a few minutes later. It outlives the process, not a power cut: there is
no sync to disk, so that nobody waits for one.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

__all__ = ["Journal"]

Json = dict[str, Any]
STALE_SECONDS = 300.0
"""Longer than writing the events of one answer takes; whatever is older was left behind."""


class Journal:
    """Notes of events that are on their way; safe for several threads and processes.

    Args:
        folder: where the notes are; made with the first of them.
        clock: Unix time, compared with the times of files.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._looked_at = 0.0

    def note(self, issuer: str, events: Sequence[Json]) -> Path:
        """Keep events until ``done``.

        Raises:
            OSError: the disk does not take them.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{secrets.token_hex(16)}.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(orjson.dumps({"issuer": issuer, "events": events}))
        return path

    def done(self, note: Path) -> None:
        """The events are in the trail."""
        note.unlink(missing_ok=True)

    def left_behind(self) -> Iterator[tuple[Path, str, list[Json]]]:
        """Notes nobody works on any more, with their issuer and events; looks once in a few minutes.

        A note is taken by giving it another name, which only one process can; one that was cut short while it was
        written is thrown away, for its page was never sent.
        """
        if self._clock() < self._looked_at + STALE_SECONDS:
            return
        self._looked_at = self._clock()
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError):
                if path.stat().st_mtime > self._clock() - STALE_SECONDS:
                    continue
                taken = path.rename(path.with_name(f"{secrets.token_hex(16)}.json"))
                os.utime(taken)
                try:
                    held = orjson.loads(taken.read_bytes())
                except orjson.JSONDecodeError:
                    taken.unlink()
                    continue
                yield taken, held["issuer"], held["events"]
