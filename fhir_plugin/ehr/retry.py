"""When to ask again, how long to wait, and how fast to ask at all. Clock, sleep and chance are injected."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Protocol

__all__ = ["Limit", "RateLimit", "Retry", "parse_retry_after"]

RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Answers that may be different a moment later (RFC 9110, RFC 6585)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Exponential backoff with full jitter.

    Attributes:
        attempts: how often to ask in all, the first time included.
        base: seconds; the n-th wait is a random part of ``base · 2ⁿ``, at least half of it.
        ceiling: longest wait of our own choosing, in seconds.
        retry_after_cap: longest ``Retry-After`` that is waited for; an EHR that asks for more is left alone (never
            asked earlier than it said) and the caller gets ``EhrBusy`` at once.
        sleep: waits a number of seconds.
        chance: a number in [0, 1).
    """

    attempts: int = 4
    base: float = 0.5
    ceiling: float = 30.0
    retry_after_cap: float = 300.0
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def wait(self, attempt: int, retry_after: float | None) -> float | None:
        """Seconds to wait after failed attempt number ``attempt`` (from 1), or None to give up."""
        if attempt >= self.attempts or (retry_after is not None and retry_after > self.retry_after_cap):
            return None
        backoff = min(self.ceiling, self.base * 2.0 ** (attempt - 1)) * (0.5 + self.chance() / 2)
        return max(backoff, retry_after or 0.0)


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds of a ``Retry-After`` header: delta-seconds or an HTTP date (RFC 9110 section 10.2.3); None if neither."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


class Limit(Protocol):
    """Keeps requests to one EHR apart."""

    def take(self) -> None:
        """Wait for the next free moment."""


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """At most so many requests per second to one EHR, shared by every thread that talks to it.

    Attributes:
        per_second: requests per second, evenly spaced.
        clock: seconds of a monotonic clock.
    """

    per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = field(default=0.0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def take(self) -> None:
        """Wait for the next free moment."""
        with self._lock:
            now = self.clock()
            due = max(self._next, now)
            self._next = due + 1.0 / self.per_second
        if due > now:
            self.sleep(due - now)
