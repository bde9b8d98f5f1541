"""What leaves in a view: nothing while sharing is off, and never what is about someone else's child."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fhir_plugin.mapping.json import Json, text
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.network import SupportNetwork

__all__ = ["refused", "viewable"]

_SUBJECTS = ("patient", "subject", "for", "beneficiary")
"""Elements that say whom a resource is about, in whatever type has them."""
_ABOUT_MANY = frozenset({"AuditEvent", "Bundle", "Group", "Linkage", "List", "Person"})
"""Types that tie records together (a Person links those of siblings), or tell who saw them."""


def refused(network: SupportNetwork) -> tuple[Json, Report] | None:
    """An empty bundle and why, where sharing is off; else None."""
    if not network.sharing_is_off:
        return None
    issue = Issue(severity=Severity.ERROR, code="consent-safety-block", expression="Flag")
    return {"resourceType": "Bundle", "type": "collection"}, Report(issues=(issue,))


def viewable(network: SupportNetwork) -> tuple[SupportNetwork, tuple[Issue, ...]]:
    """The network without what no other system may get, and a finding for each resource left out.

    A block of the past is nobody else's business; a resource about another patient, or about several, is not this
    child's to send; what was too large to read cannot be told to be either.
    """
    issues = [_left_out("view-leaves-out-safety", f"Flag/{block.id}") for block in network.safety_blocks]
    kept: list[Carried] = []
    for carried in network.rest:
        if carried.is_tangled:
            issues.append(_left_out("view-leaves-out-unread", carried.reference or carried.resource_type))
        elif _concerns_others(carried.body(), network.child.id):
            # not even its id: it may be a sibling's
            issues.append(_left_out("view-leaves-out-others", "Bundle.entry"))
        else:
            kept.append(carried)
    return replace(network, safety_blocks=(), rest=tuple(kept)), tuple(issues)


def _concerns_others(body: Json, child_id: str) -> bool:
    kind = text(body, "resourceType")
    if kind in _ABOUT_MANY:
        return True
    if kind == "Patient":
        return text(body, "id") != child_id or not child_id
    subjects = [Ref(reference=text(body.get(key), "reference")) for key in _SUBJECTS if key in body]
    elsewhere = (ref for ref in _references(body) if ref.type == "Patient")
    return any((ref.type, ref.id) != ("Patient", child_id) for ref in (*subjects, *elsewhere))


def _references(value: Any) -> Iterator[Ref]:
    """Every literal reference in a resource, wherever it stands: an appointment names who takes part in a list."""
    if isinstance(value, dict):
        yield Ref(reference=text(value, "reference"))
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _left_out(code: str, where: str) -> Issue:
    return Issue(severity=Severity.INFORMATION, code=code, expression=where)
