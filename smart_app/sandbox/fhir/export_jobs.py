"""The exports that are being fetched."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from smart_app.sandbox.fhir.outcome import FhirError

__all__ = ["ExportJobs", "Job"]

_KEPT = 8


@dataclass(slots=True, kw_only=True)
class Job:
    """One export: who asked it, what it gave, and how often it was asked after."""

    identity: str
    made: datetime
    asked: str
    files: dict[str, bytes]
    polls: int = 0


@dataclass(slots=True)
class ExportJobs:
    """The exports of one server; the oldest goes when there are many."""

    _held: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        return len(self._held)

    def add(self, job: Job) -> str:
        """Keep a job under a name nobody can guess."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._held[name] = job
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return name

    def get(self, name: str, identity: str) -> Job:
        """The job, for who began it.

        Raises:
            FhirError: 404, there is none of this name for this asker.
        """
        job = self._held.get(name)
        if job is None or job.identity != identity:
            raise FhirError(404, "not-found", "There is no such export.")
        return job

    def drop(self, name: str) -> None:
        """Forget a job and its files."""
        with self._lock:
            self._held.pop(name, None)
