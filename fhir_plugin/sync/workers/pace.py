"""One pace of requests to an EHR for every process of a run: on this machine, or wherever the database is reached."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import Engine, create_engine, text

from fhir_plugin.sync.journals.opening import database_url

__all__ = ["DatabasePace", "MachinePace"]


def _moment() -> Any:
    return multiprocessing.get_context("spawn").Value("d", 0.0)


@dataclass(slots=True, kw_only=True)
class MachinePace:
    """At most so many requests per second by all processes this one starts.

    Attributes:
        per_second: requests per second, evenly spaced.
        clock: seconds of a clock that all processes of the machine share.
    """

    per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: Any = field(default_factory=_moment, repr=False)

    def take(self) -> None:
        """Wait for the next free moment."""
        with self._next.get_lock():
            now = self.clock()
            due = max(self._next.value, now)
            self._next.value = due + 1.0 / self.per_second
        if due > now:
            self.sleep(due - now)


_TAKE = text(
    "INSERT INTO pace (ehr, next) VALUES (:ehr, extract(epoch FROM clock_timestamp()) + :step) "
    "ON CONFLICT (ehr) DO UPDATE SET next = greatest(pace.next, extract(epoch FROM clock_timestamp())) + :step "
    "RETURNING next - :step - extract(epoch FROM clock_timestamp())"
)


@dataclass(slots=True, kw_only=True)
class DatabasePace:
    """At most so many requests per second to one EHR by everyone who uses the database, by the database's clock.

    Attributes:
        url: of the PostgreSQL database, with the tables of the journal in it.
        ehr: base URL.
    """

    url: str
    ehr: str
    per_second: float
    sleep: Callable[[float], None] = time.sleep
    _engine: Engine | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def take(self) -> None:
        """Wait for the next free moment."""
        with self._lock:
            if self._engine is None:
                self._engine = create_engine(database_url(self.url), isolation_level="AUTOCOMMIT")
            with self._engine.connect() as connection:
                values = {"ehr": self.ehr, "step": 1.0 / self.per_second}
                wait = float(connection.execute(_TAKE, values).scalar_one())
        if wait > 0:
            self.sleep(wait)
