"""The Subscription resources that ask an EHR for hints: R4 rest-hooks, or topics by the R5 Subscriptions Backport."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["WATCHED", "SubscriptionKind", "Wish", "subscription_body"]

WATCHED = ("RelatedPerson", "CareTeam", "Consent")
"""Types whose changes are brought back."""

_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"


class SubscriptionKind(StrEnum):
    """How the EHR notifies."""

    REST_HOOK = "rest-hook"
    TOPIC = "topic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of an EHR.

    Attributes:
        endpoint: https address of ours; its last part is a random name.
        secret: what the EHR must send back as bearer token, so that nobody else can.
        resource_type: for a rest-hook, the type to watch.
        topic: for a topic subscription, the canonical of the EHR's SubscriptionTopic.
    """

    kind: SubscriptionKind
    endpoint: str
    secret: str = field(repr=False)
    resource_type: str = ""
    topic: str = ""


def subscription_body(wish: Wish) -> dict[str, Any]:
    """The Subscription to create; its notifications carry nothing (rest-hook) or ids only (topic).

    Sources: https://hl7.org/fhir/R4/subscription.html,
    http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription.
    """
    channel: dict[str, Any] = {
        "type": "rest-hook",
        "endpoint": wish.endpoint,
        "header": [f"Authorization: Bearer {wish.secret}"],
    }
    body: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Bring edits of support figures back to their source",
    }
    if wish.kind is SubscriptionKind.REST_HOOK:
        return {**body, "criteria": f"{wish.resource_type}?", "channel": channel}
    content = {
        "extension": [{"url": f"{_BACKPORT}/backport-payload-content", "valueCode": "id-only"}],
    }
    channel |= {
        "payload": "application/fhir+json",
        "_payload": content,
        "extension": [{"url": f"{_BACKPORT}/backport-heartbeat-period", "valueUnsignedInt": 300}],
    }
    profile = {"meta": {"profile": [f"{_BACKPORT}/backport-subscription"]}}
    return {**body, **profile, "criteria": wish.topic, "channel": channel}
