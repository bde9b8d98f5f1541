"""Polling on time, and sooner on a hint: many hints close together are one poll."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from fhir_plugin.errors import EhrError
from fhir_plugin.sync.inbound.polling import Poller, PollResult

__all__ = ["Follower"]


@dataclass(slots=True, kw_only=True)
class Follower:
    """Polls one EHR until it is stopped.

    Attributes:
        interval: seconds between polls without a hint.
        quiet: seconds to wait after a hint, so that what belongs together comes together.
        told: gets the result of each poll, or the error that made it fail; the next one is tried all the same.
        wait: waits until the event is set, or so many seconds; the answer is whether it is set.
    """

    poller: Poller
    interval: float
    told: Callable[[PollResult | EhrError], None]
    quiet: float = 1.0
    wait: Callable[[threading.Event, float], bool] = lambda event, seconds: event.wait(seconds)
    _hinted: threading.Event = field(default_factory=threading.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def hint(self, _ehr: str = "") -> None:
        """Something may have changed."""
        self._hinted.set()

    def stop(self) -> None:
        """Stop after the poll that goes on."""
        self._stopped.set()
        self._hinted.set()

    def run(self) -> None:
        """Poll now, and go on."""
        while not self._stopped.is_set():
            self._hinted.clear()
            try:
                self.told(self.poller.poll())
            except EhrError as error:
                self.told(error)
            if self.wait(self._hinted, self.interval) and not self._stopped.is_set():
                self.wait(self._stopped, self.quiet)
