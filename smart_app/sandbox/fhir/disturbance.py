"""Faults of the line and of the machine: slow, busy, broken, cut off. They surround the HTTP of the FHIR server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from flask import Response
from waitress.channel import ClientDisconnected

from smart_app.sandbox.faults import FaultSwitch
from smart_app.sandbox.fhir.outcome import FhirError

__all__ = ["Disturbance"]

SLOW_SECONDS = 3.0
GOOD_FOR = 2
"""FHIR requests an access token is good for under ``401-mid-session``."""


class Disturbance:
    """Counts requests, so that each fault hits in a way that can be repeated.

    Args:
        pause: waits so many seconds; a test gives one that does not.
    """

    def __init__(self, faults: FaultSwitch, pause: Callable[[float], None]) -> None:
        self._faults = faults
        self._pause = pause
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def before(self, authorization: str | None) -> Response | None:
        """What comes instead of the answer, or None.

        Raises:
            FhirError: 401 or 429.
        """
        if self._faults.active("slow"):
            self._pause(SLOW_SECONDS)
        if self._faults.active("500"):
            return Response("<!doctype html><title>500</title><h1>Internal Server Error</h1>", 500)
        if self._faults.active("429-retry-after") and self._count("429") % 2:
            raise FhirError(429, "throttled", "Too many requests.", headers={"Retry-After": "1"})
        if self._faults.active("401-mid-session") and self._count(f"token {authorization}") > GOOD_FOR:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise FhirError(401, "login", "The access token does not work any more.", headers=headers)
        return None

    def after(self, response: Response, *, wrote: bool) -> Response:
        """The answer, or a connection that drops instead of it, although the write was done."""
        if not (wrote and response.status_code < 300 and self._faults.active("lost-response-after-write")):
            return response
        if self._count("lost") % 2 == 0:
            return response
        return Response(_Dropped(), 200)

    def slow_token(self) -> None:
        """The pause of a slow server, at its token endpoint."""
        if self._faults.active("slow"):
            self._pause(SLOW_SECONDS)

    def _count(self, name: str) -> int:
        """How many times this has been counted, this time included."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + 1
            return self._counts[name]


class _Dropped:
    """A body that ends the connection before a byte was sent; waitress then closes it without an answer."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise ClientDisconnected
