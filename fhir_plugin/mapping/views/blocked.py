"""No view of a network leaves while sharing is off (L11)."""

from __future__ import annotations

from fhir_plugin.mapping.json import Json
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.network import SupportNetwork

__all__ = ["refused", "untold"]


def refused(network: SupportNetwork) -> tuple[Json, Report] | None:
    """An empty bundle and why, where sharing is off; else None."""
    if not network.sharing_is_off:
        return None
    issue = Issue(severity=Severity.ERROR, code="consent-safety-block", expression="Flag")
    return {"resourceType": "Bundle", "type": "collection"}, Report(issues=(issue,))


def untold(network: SupportNetwork) -> tuple[Issue, ...]:
    """A block of the past is nobody else's business: a view leaves it out, and says so to whoever made the view."""
    return tuple(
        Issue(severity=Severity.INFORMATION, code="view-leaves-out-safety", expression=f"Flag/{block.id}")
        for block in network.safety_blocks
    )
