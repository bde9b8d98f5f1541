"""What was agreed about a figure, as the journal keeps it."""

from __future__ import annotations

from typing import Any

from fhir_plugin.sync.matching.linking import Remembered
from fhir_plugin.sync.plans.codec import freeze, thaw

__all__ = ["agreed_from", "agreed_json"]


def agreed_json(item: Remembered) -> dict[str, Any]:
    """The part of it that is sealed."""
    said, held = item.frozen
    return {"said": said or freeze(item.said), "held": held or freeze(item.held), "known": sorted(item.known)}


def agreed_from(identity: str, target: str, body: dict[str, Any]) -> Remembered:
    """What ``agreed_json`` was made of."""
    return Remembered(
        identity=identity,
        target=target,
        said=thaw(body["said"]),
        held=thaw(body["held"]),
        known=frozenset(body["known"]),
    )
