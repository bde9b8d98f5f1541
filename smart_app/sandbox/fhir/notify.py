"""Subscriptions as an EHR would serve them: R4 rest-hooks, and topics of the R5 Subscriptions Backport.

Notifications go out after the write, in a thread of their own, and only to this machine.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

import orjson
import requests

from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Backend, Interaction
from smart_app.sandbox.fhir.outcome import Json

__all__ = ["TOPIC", "Notifier"]

TOPIC = "https://sandbox.invalid/SubscriptionTopic/record-changed"
"""The one topic this server has: anything in a record changed."""
_LOCAL = ("localhost", "127.0.0.1", "::1")
_SUBSCRIPTION = "Subscription"


def _post(url: str, headers: dict[str, str], body: bytes) -> None:
    try:
        requests.post(url, data=body, headers=headers, timeout=5, allow_redirects=False)
    except requests.RequestException:
        return  # a hint that is lost; the listener polls


class Notifier:
    """Sends notifications of one server.

    Args:
        backend: where subscriptions are kept.
        post: sends one notification.
    """

    def __init__(self, backend: Backend, post: Callable[[str, dict[str, str], bytes], None] = _post) -> None:
        self._backend = backend
        self._post = post
        self._events: Counter[str] = Counter()
        self._queue: queue.Queue[tuple[str, ...]] = queue.Queue()
        self._worker: threading.Thread | None = None
        self._lock = threading.Lock()

    def wrote(self, interactions: Iterable[Interaction]) -> None:
        """Something was written; nothing happens as long as nobody ever subscribed."""
        places = tuple(f"{item.type}/{item.id}" if item.id else item.type for item in interactions if item.writes)
        kinds = {place.partition("/")[0] for place in places}
        if _SUBSCRIPTION in kinds:
            with self._lock:
                if self._worker is None:
                    self._worker = threading.Thread(target=self._run, name="notifications", daemon=True)
                    self._worker.start()
        if self._worker is not None and places:
            self._queue.put(places)

    def wait(self) -> None:
        """Until everything was sent, for tests."""
        self._queue.join()

    def _run(self) -> None:
        while True:
            places = self._queue.get()
            try:
                for subscription in self._subscriptions():
                    self._notify(subscription, places)
            finally:
                self._queue.task_done()

    def _subscriptions(self) -> Iterator[Json]:
        search = Interaction(method="GET", type=_SUBSCRIPTION, params=(("status", "requested,active"),))
        found = self._backend.perform(search, Guard.everything()).body or {}
        for entry in found.get("entry", []):
            body = entry["resource"]
            if body.get("status") == "requested":
                body = {**body, "status": "active"}
                put = Interaction(method="PUT", type=_SUBSCRIPTION, id=body["id"], body=body)
                self._backend.perform(put, Guard.everything())
                if body.get("criteria") == TOPIC:
                    self._send(body, _notification(body, "handshake", 0, ()))
            else:
                yield body

    def _notify(self, subscription: Json, places: tuple[str, ...]) -> None:
        watched = [place for place in places if not place.startswith(_SUBSCRIPTION)]
        if subscription.get("criteria") == TOPIC and watched:
            self._events[subscription["id"]] += 1
            count = self._events[subscription["id"]]
            self._send(subscription, _notification(subscription, "event-notification", count, watched))
        elif any(place.split("/")[0] == str(subscription.get("criteria", "")).partition("?")[0] for place in watched):
            self._send(subscription, None)

    def _send(self, subscription: Json, body: Json | None) -> None:
        channel = subscription.get("channel", {})
        endpoint = str(channel.get("endpoint", ""))
        if urlsplit(endpoint).hostname not in _LOCAL:
            return
        headers = dict(_header(line) for line in channel.get("header", []))
        if body is not None:
            headers["Content-Type"] = "application/fhir+json"
        self._post(endpoint, headers, orjson.dumps(body) if body is not None else b"")


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _notification(subscription: Json, kind: str, events: int, focus: Iterable[str]) -> Json:
    """A notification Bundle of R4: a history whose first entry is the status, as Parameters."""
    status: list[Json] = [
        {"name": "subscription", "valueReference": {"reference": f"Subscription/{subscription['id']}"}},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(events)},
    ]
    for place in focus:
        parts: list[Json] = [
            {"name": "event-number", "valueString": str(events)},
            {"name": "focus", "valueReference": {"reference": place}},
        ]
        status.append({"name": "notification-event", "part": parts})
    entry = {"resource": {"resourceType": "Parameters", "parameter": status}}
    return {"resourceType": "Bundle", "type": "history", "entry": [entry]}
