"""How often one address may launch, and how often one launch may ask.

A count per minute in a dictionary, because that is all it takes: the library that was tried starts a timer thread at
each request, which was a fifth of the app's own time of a launch. The counts are of one process.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

from flask import Flask, request
from werkzeug.exceptions import TooManyRequests

from smart_app.settings import Exposure

__all__ = ["MinuteCounter", "install"]

SECONDS = 60
BY_ADDRESS = frozenset({"launch.launch", "launch.start", "launch.proceed", "launch.new_tab", "launch.callback"})
FREE = frozenset({"static", "launch.jwks"})


class MinuteCounter:
    """Counts by name in whole minutes; the counts of a minute that is over are forgotten.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minute = 0
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def allows(self, name: str, most: int) -> bool:
        """Count one more, and say whether that is still within the limit."""
        minute = int(self._clock() // SECONDS)
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, Counter()
            self._counts[name] += 1
            return self._counts[name] <= most


def install(app: Flask, settings: Exposure, clock: Callable[[], float] = time.monotonic) -> None:
    """Count before anything else is done; raises ``TooManyRequests`` (429)."""
    counter = MinuteCounter(clock)

    @app.before_request
    def count() -> None:
        if request.endpoint in FREE:
            return
        address = request.remote_addr or ""
        if request.endpoint in BY_ADDRESS:
            allowed = counter.allows(f"launches {address}", settings.limits.launches_per_minute)
        else:
            allowed = counter.allows(_caller(address), settings.limits.requests_per_minute)
        if not allowed:
            raise TooManyRequests(retry_after=SECONDS)


def _caller(address: str) -> str:
    """A launch whose cookie came along, for a whole organisation often shares one address; else the address."""
    launch_id = (request.view_args or {}).get("launch_id")
    own = launch_id and any(name.endswith(f"-{launch_id}") for name in request.cookies)
    return f"launch {launch_id}" if own else f"pages {address}"
