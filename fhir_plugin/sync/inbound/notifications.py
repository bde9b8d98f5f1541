"""What a notification says, whichever kind it is; it is only ever a reason to look.

Nothing in a notification is believed: not what changed, nor how. It may be lost, late, doubled, out of order or made
up; all it does is bring the next poll forward.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fhir_plugin.mapping.json import objects, text

__all__ = ["Notification", "NotificationKind", "read_notification"]

_BUNDLES = ("history", "subscription-notification")
"""R4 backport sends a history Bundle, R4B and R5 one of their own type."""


class NotificationKind(StrEnum):
    """http://hl7.org/fhir/subscription-notification-type, and R4's rest-hook without a body."""

    HANDSHAKE = "handshake"
    HEARTBEAT = "heartbeat"
    EVENT = "event-notification"
    QUERY_STATUS = "query-status"
    QUERY_EVENT = "query-event"
    REST_HOOK = "rest-hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One notification.

    Attributes:
        events: how many events the server has sent since the subscription began, this one included; 0 if not said.
    """

    kind: NotificationKind
    events: int = 0

    @property
    def means_change(self) -> bool:
        """Whether something may have changed."""
        return self.kind in (NotificationKind.EVENT, NotificationKind.REST_HOOK, NotificationKind.QUERY_EVENT)


def read_notification(body: Any) -> Notification:
    """A notification from the body of a request; whatever is no Bundle with a status is a plain R4 rest-hook.

    Sources: https://hl7.org/fhir/R4/subscription.html (rest-hook),
    http://hl7.org/fhir/uv/subscriptions-backport/ (notification Bundles; in R4 the status is a Parameters).
    """
    for status in _statuses(body):
        said = dict(_values(status))
        kind = said.get("type", "")
        if kind in set(NotificationKind) - {NotificationKind.REST_HOOK}:
            return Notification(kind=NotificationKind(kind), events=_count(said.get("events", "")))
    return Notification(kind=NotificationKind.REST_HOOK)


def _statuses(body: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle" or body.get("type") not in _BUNDLES:
        return
    for entry in objects(body, "entry")[:1]:
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") in ("Parameters", "SubscriptionStatus"):
            yield resource


def _values(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if status["resourceType"] == "SubscriptionStatus":
        yield "type", text(status, "type")
        yield "events", str(status.get("eventsSinceSubscriptionStart", ""))
        return
    for parameter in objects(status, "parameter"):
        if text(parameter, "name") == "type":
            yield "type", text(parameter, "valueCode")
        elif text(parameter, "name") == "events-since-subscription-start":
            yield "events", str(parameter.get("valueString", parameter.get("valueUnsignedInt", "")))


def _count(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0
