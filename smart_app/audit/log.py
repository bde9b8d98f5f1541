"""An append-only log of AuditEvents on our own disk: a file per month, each line chained to the one before.

A line that is changed, left out or put in later breaks the chain; ``verify`` says where. What was cut off at the end is
found by a hash that was noted before (``head``). Files are removed when they are older than the retention, and nothing
else ever is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from fhir_plugin.errors import InputError

try:
    import fcntl
except ImportError:  # pragma: no cover  not on Windows: there one process writes the log
    fcntl = None  # type: ignore[assignment]

__all__ = ["AuditLog", "Entry", "Verified", "entries", "verify"]

Json = dict[str, Any]
FIRST = "0" * 64
"""What the very first line is chained to."""
TAIL = 64 * 1024
"""Bytes from the end of a file in which its last line is; an event takes about two thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line.

    Attributes:
        place: file and line.
        issuer: key of the EHR it is about.
        reason: why it is here and not in the EHR.
        event: the AuditEvent.
        hash: of this line and, by way of ``previous``, of all before it; empty where the line cannot be read.
    """

    place: str
    issuer: str = ""
    reason: str = ""
    event: Json
    previous: str = ""
    hash: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the line says what it said when it was written."""
        body = {"issuer": self.issuer, "reason": self.reason, "event": self.event}
        return bool(self.hash) and self.hash == _hash(self.previous, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check of the chain found.

    Attributes:
        count: lines.
        head: hash of the last one; to be noted elsewhere, for ``--holds``.
        faults: ``file:line`` with a word on what is wrong.
        hashes: of all lines.
    """

    count: int
    head: str
    faults: tuple[str, ...]
    hashes: frozenset[str]


class AuditLog:
    """Appends; safe for several threads and processes.

    Args:
        folder: where the files are; made when it does not exist, readable by its owner only.
        retention_years: files of months that are longer ago are removed.
        clock: aware current instant.
    """

    def __init__(self, folder: Path, *, retention_years: int, clock: Callable[[], datetime]) -> None:
        self.folder = folder
        self._years = retention_years
        self._clock = clock
        self._lock = Lock()

    def append(self, event: Json, *, issuer: str, reason: str) -> None:
        """Write one event, to the disk and not only to its cache.

        Raises:
            OSError: the disk does not take it.
        """
        now = self._clock().astimezone(UTC)
        body = {"issuer": issuer, "reason": reason, "event": event}
        with self._alone():
            file = self.folder / f"audit-{now:%Y-%m}.jsonl"
            if not file.exists():
                self._forget(now)
            previous, torn = _end(self.folder)
            line = orjson.dumps(body | {"previous": previous, "hash": _hash(previous, body)}) + b"\n"
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "ab") as stream:  # a bare write may take a part of the line, and say nothing
                stream.write((b"\n" if torn else b"") + line)
                stream.flush()
                os.fsync(descriptor)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, over all processes that share the folder."""
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (self.folder / ".lock").open("w") as held:
                if fcntl is not None:
                    fcntl.flock(held, fcntl.LOCK_EX)
                yield

    def _forget(self, now: datetime) -> None:
        """Remove the months that are past the retention; the first line that is left shows that there was more."""
        oldest = f"audit-{now.year - self._years:04}-{now:%m}.jsonl"
        for file in _files(self.folder):
            if file.name < oldest:
                file.unlink()


def entries(folder: Path) -> Iterator[Entry]:
    """All lines, oldest first; one that cannot be read is an entry without a hash.

    Raises:
        InputError: there is no log.
    """
    files = _files(folder)
    if not files:
        message = "There is no audit log here."
        raise InputError(message, where=str(folder), remedy="Give the folder 'audit' in the data_dir of the settings.")
    for file in files:
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            yield _entry(line, f"{file.name}:{number}")


def verify(folder: Path) -> Verified:
    """Follow the chain from the oldest line that is left.

    Raises:
        InputError: there is no log.
    """
    faults, hashes, count, previous = [], set(), 0, ""
    for entry in entries(folder):
        count += 1
        if not entry.is_whole:
            faults.append(f"{entry.place}: this line was changed or damaged")
        elif previous and entry.previous != previous:
            faults.append(f"{entry.place}: what stood before this line was changed, left out or put in")
        previous = entry.hash or previous
        hashes.add(entry.hash)
    return Verified(count=count, head=previous, faults=tuple(faults), hashes=frozenset(hashes))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit-????-??.jsonl"))


def _entry(line: bytes, place: str) -> Entry:
    try:
        held = orjson.loads(line)
        return Entry(place=place, **held)
    except (orjson.JSONDecodeError, TypeError):
        return Entry(place=place, event={})


def _end(folder: Path) -> tuple[str, bool]:
    """Hash of the last whole line, and whether something after it was cut off while it was being written."""
    for file in reversed(_files(folder)):
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - TAIL))
            tail = stream.read()
        for line in reversed(tail.splitlines()):
            found = _entry(line, "").hash
            if found:
                return found, not tail.endswith(b"\n")
    return FIRST, False


def _hash(previous: str, body: Json) -> str:
    return sha256(previous.encode() + orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
