"""Taking apart what an EHR answered: one child's resources by kind, and a report of everything that does not belong.

Safety: a resource that says it is about another patient never enters the network, whatever asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.issues import Issue, Severity

__all__ = ["Resources", "collect"]

_SUBJECT = {
    "RelatedPerson": "patient",
    "CareTeam": "subject",
    "Consent": "patient",
    "Observation": "subject",
    "Condition": "subject",
    "Task": "for",
    "DocumentReference": "subject",
    "Flag": "subject",
}
_MAX_DEPTH = 4


@dataclass(slots=True, kw_only=True)
class Resources:
    """The resources of one child.

    Attributes:
        patient_id: logical id of the child; empty when it cannot be told for certain.
        child: the Patient, where it was among them.
        by_type: the child's own resources by type, in order.
        other: everything else, in order: other children's, other types, unreadable ones.
        urls: fullUrl of resources without an id.
        issues: what was noticed on the way.
    """

    patient_id: str = ""
    child: Json | None = None
    by_type: dict[str, list[Json]] = field(default_factory=dict)
    other: list[Json] = field(default_factory=list)
    urls: dict[int, str] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    def of(self, kind: str) -> list[Json]:
        """The child's resources of one type."""
        return self.by_type.get(kind, [])

    def key(self, body: Json) -> str:
        """Logical id, else the fullUrl it came under."""
        return text(body, "id") or self.urls.get(id(body), "")


def collect(source: Any, patient_id: str | None = None) -> Resources:
    """Sort what was read by type, for one child. Total: anything that is no resource becomes an issue.

    Args:
        source: a Bundle, a resource, or an iterable of either.
        patient_id: whose network is asked for; without it there must be exactly one patient among the resources.
    """
    found = Resources()
    entries = _latest(list(_walk(source, found, "", 0)), found.issues)
    found.patient_id = patient_id if patient_id is not None else _only_patient(entries, found)
    for position, body in enumerate(entries):
        kind = text(body, "resourceType")
        if kind == "Patient" and text(body, "id") == found.patient_id and found.patient_id:
            found.child = body
        elif kind in _SUBJECT and _is_about(body, _SUBJECT[kind], found.patient_id):
            found.by_type.setdefault(kind, []).append(body)
        else:
            if kind in _SUBJECT and found.patient_id:
                found.issues.append(_issue("other-patient", f"{kind}[{position}]", kind=kind))
            found.other.append(body)
    return found


def _is_about(body: Json, key: str, patient_id: str) -> bool:
    subject = Ref(reference=text(body.get(key), "reference"))
    return bool(patient_id) and subject.type == "Patient" and subject.id == patient_id


def _only_patient(entries: list[Json], found: Resources) -> str:
    ids = {text(body, "id") for body in entries if text(body, "resourceType") == "Patient"}
    for body in entries:
        key = _SUBJECT.get(text(body, "resourceType"))
        subject = Ref(reference=text(body.get(key), "reference")) if key else Ref()
        if subject.type == "Patient":
            ids.add(subject.id)
    ids.discard("")
    if len(ids) == 1:
        return ids.pop()
    found.issues.append(_issue("no-patient" if not ids else "several-patients", "Bundle"))
    return ""


def _walk(source: Any, found: Resources, url: str, depth: int) -> Iterator[Json]:
    if isinstance(source, dict) and source.get("resourceType") == "Bundle" and depth < _MAX_DEPTH:
        for entry in objects(source, "entry"):
            yield from _walk(entry.get("resource"), found, text(entry, "fullUrl"), depth + 1)
    elif isinstance(source, dict) and text(source, "resourceType"):
        if not text(source, "id") and url:
            found.urls[id(source)] = url
        yield source
    elif isinstance(source, Iterable) and not isinstance(source, str | bytes | dict) and depth < _MAX_DEPTH:
        for item in source:
            yield from _walk(item, found, "", depth + 1)
    elif source is not None:
        found.issues.append(_issue("not-a-resource", "Bundle.entry.resource"))


def _latest(entries: list[Json], issues: list[Issue]) -> list[Json]:
    """One body per resource: the newest version; two different bodies of one version are reported."""
    kept: dict[tuple[str, str], int] = {}
    result: list[Json] = []
    for body in entries:
        key = (text(body, "resourceType"), text(body, "id"))
        if not key[1] or key not in kept:
            kept[key] = len(result)
            result.append(body)
            continue
        held = result[kept[key]]
        if _version(body) > _version(held):
            result[kept[key]] = body
        elif _version(body) == _version(held) and body != held:
            issues.append(_issue("contradicting-copies", key[0], kind=key[0]))
    return result


def _version(body: Json) -> tuple[str, int]:
    version = text(body.get("meta"), "versionId")
    return text(body.get("meta"), "lastUpdated"), int(version) if version.isdecimal() else 0


def _issue(code: str, expression: str, **params: str) -> Issue:
    return Issue(severity=Severity.ERROR, code=code, expression=expression, params=tuple(params.items()))
