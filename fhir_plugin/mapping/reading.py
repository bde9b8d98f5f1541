"""Taking apart what an EHR answered: one child's resources by kind, and a report of everything that does not belong.

Safety: a resource that says it is about another patient never enters the network, whatever asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhir_plugin.mapping.json import Json, changed_at, text
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.model.tangle import oversize, same

__all__ = ["NO_SERVER", "Resources", "collect", "is_about", "is_elsewhere", "server_at"]

NO_SERVER = "https://ehr.invalid/fhir"
"""Base of fullUrls where no server is known (RFC 2606: ``.invalid`` never resolves)."""

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
_GUARDED = frozenset({"Consent", "Flag"})
"""Types of which no body is passed over, beyond reason or contradicted: a refusal or a block in it must still count."""
_MAX_DEPTH = 4
_VERSION_DIGITS = 18
_TYPE_LENGTH = 64


@dataclass(slots=True, kw_only=True)
class Resources:
    """The resources of one child.

    Attributes:
        patient_id: logical id of the child; empty when it cannot be told for certain.
        base: server of the child, as ``Ref.base`` gives it; empty where none is named.
        child: the Patient, where it was among them.
        by_type: the child's own resources by type, in order.
        other: everything else, in order: other children's, other types, unreadable ones.
        urls: fullUrl of resources that came under one, by ``id()``.
        tangled: resources that are nested or large beyond reason, or run in a circle, by ``id()``.
        issues: what was noticed on the way.
    """

    patient_id: str = ""
    base: str = ""
    child: Json | None = None
    by_type: dict[str, list[Json]] = field(default_factory=dict)
    other: list[Json] = field(default_factory=list)
    urls: dict[int, str] = field(default_factory=dict)
    tangled: dict[int, Json] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    def of(self, kind: str) -> list[Json]:
        """The child's resources of one type."""
        return self.by_type.get(kind, [])

    def key(self, body: Json) -> str:
        """Logical id, else the fullUrl it came under."""
        return text(body, "id") or self.urls.get(id(body), "")


def collect(source: Any, patient_id: str | None = None, base: str = "") -> Resources:
    """Sort what was read by type, for one child. Total: anything that is no resource becomes an issue.

    Args:
        source: a Bundle, a resource, or an iterable of either (dicts, or typed models with ``model_dump_json``).
        patient_id: whose network is asked for; without it there must be exactly one patient among the resources.
        base: FHIR base URL of the server all of it comes from. Without it the child is at the server
            in the fullUrl of its Patient, and what has none itself counts as from there. Where no Patient has one,
            ``Patient/x`` of two servers, or of one server and of nobody knows which, are two children.
    """
    found = Resources()
    entries = list(_Walk(found).read(source, "Bundle"))
    found.patient_id = patient_id if patient_id is not None else _only_patient(entries, found)
    found.base = server_at(base) or _only_server(entries, found)
    for position, body in enumerate(_latest(entries, found)):
        kind = text(body, "resourceType")
        readable = id(body) not in found.tangled
        if not readable:
            found.issues.append(_issue("resource-too-large", f"{_named(kind)}[{position}]"))
        if kind == "Patient" and readable and _is_child(body, found):
            found.child = body
        elif kind in _SUBJECT and _is_the_childs(body, found) and (readable or kind in _GUARDED):
            found.by_type.setdefault(kind, []).append(body)
        else:
            if kind in _SUBJECT and found.patient_id and not _is_the_childs(body, found):
                found.issues.append(_issue("other-patient", f"{kind}[{position}]", kind=kind))
            found.other.append(body)
    return found


def is_about(body: Json, patient_id: str) -> bool:
    """Whether a resource of a type that is about a patient names this id, of whatever server."""
    subject = _subject(body)
    return bool(patient_id) and subject.type == "Patient" and subject.id == patient_id


def is_elsewhere(body: Json, base: str) -> bool:
    """Whether a resource is about a patient of another server than the one at ``base``, whose id says nothing here.

    A safety block counts all the same: who is named by it is better passed over than shared.
    """
    return _subject(body).base not in ("", server_at(base)) and not _is_block(body)


def server_at(base: str) -> str:
    """A base URL as ``Ref.base`` gives it."""
    return base.partition("://")[2].rstrip("/")


def _subject(body: Json) -> Ref:
    return Ref(reference=text(body.get(_SUBJECT.get(text(body, "resourceType"), "")), "reference"))


def _is_block(body: Json) -> bool:
    """Whether a resource is of the type that may hold a safety block."""
    return text(body, "resourceType") == "Flag"


def _is_the_childs(body: Json, found: Resources) -> bool:
    if not is_about(body, found.patient_id):
        return False
    return _is_block(body) or _server(body, found) in ("", found.base)


def _is_child(body: Json, found: Resources) -> bool:
    is_asked = text(body, "id") == found.patient_id != ""
    return is_asked and _own_server(body, found) in ("", found.base)


def _server(body: Json, found: Resources) -> str:
    """Server of the patient a resource is about: a relative reference leads to where the resource itself is.

    https://hl7.org/fhir/R4/bundle.html#references
    """
    return _subject(body).base or _own_server(body, found)


def _own_server(body: Json, found: Resources) -> str:
    url = found.urls.get(id(body), "")
    return "" if url.startswith(f"{NO_SERVER}/") else Ref(reference=url).base


def _only_server(entries: list[Json], found: Resources) -> str:
    """The server the child is at: the one its Patient came from, else the only one that the resources name."""
    if not found.patient_id:
        return ""
    servers = {
        _own_server(body, found)
        for body in entries
        if text(body, "resourceType") == "Patient" and text(body, "id") == found.patient_id
    } - {""}
    servers = servers or {
        _server(body, found)
        for body in entries
        if text(body, "resourceType") in _SUBJECT and is_about(body, found.patient_id) and not _is_block(body)
    }
    if len(servers) > 1:
        found.issues.append(_issue("several-servers", "Bundle"))
        found.patient_id = ""
        return ""
    return next(iter(servers), "")


def _only_patient(entries: list[Json], found: Resources) -> str:
    ids = {text(body, "id") for body in entries if text(body, "resourceType") == "Patient"}
    for body in entries:
        subject = _subject(body)
        if subject.type == "Patient":
            ids.add(subject.id)
    ids.discard("")
    if len(ids) == 1:
        return ids.pop()
    found.issues.append(_issue("no-patient" if not ids else "several-patients", "Bundle"))
    return ""


class _Walk:
    """Finds the resources in whatever was given; every Bundle and list is entered once."""

    def __init__(self, found: Resources) -> None:
        self.found = found
        self.entered: dict[int, Any] = {}

    def read(self, source: Any, path: str, url: str = "", depth: int = 0) -> Iterator[Json]:
        """The resources, in order."""
        dump = getattr(source, "model_dump_json", None)
        if callable(dump):
            source = json.loads(dump(exclude_none=True))
        may_enter = depth < _MAX_DEPTH
        if isinstance(source, dict) and source.get("resourceType") == "Bundle" and may_enter:
            yield from self._entries(source, path, depth)
        elif isinstance(source, dict) and text(source, "resourceType"):
            yield self._resource(source, url)
        elif isinstance(source, Iterable) and not isinstance(source, str | bytes | dict) and may_enter:
            if self._is_new(source, path):
                for item in source:
                    yield from self.read(item, path, "", depth + 1)
        elif source is not None:
            self.found.issues.append(_issue("not-a-resource", path))

    def _resource(self, body: Json, url: str) -> Json:
        if url:
            self.found.urls[id(body)] = url
        if oversize(body):
            self.found.tangled[id(body)] = body
        return body

    def _entries(self, bundle: Json, path: str, depth: int) -> Iterator[Json]:
        if not self._is_new(bundle, path):
            return
        entries = bundle.get("entry")
        if entries is not None and not isinstance(entries, list):
            self.found.issues.append(_issue("not-a-resource", f"{path}.entry"))
            return
        for position, entry in enumerate(entries or ()):
            place = f"{path}.entry[{position}]"
            if isinstance(entry, dict):
                yield from self.read(entry.get("resource"), f"{place}.resource", text(entry, "fullUrl"), depth + 1)
            else:
                self.found.issues.append(_issue("not-a-resource", place))

    def _is_new(self, source: Any, path: str) -> bool:
        if id(source) in self.entered:
            self.found.issues.append(_issue("bundle-circular", path))
            return False
        self.entered[id(source)] = source
        return True


def _latest(entries: list[Json], found: Resources) -> list[Json]:
    """One body per resource: the newest version. Of two different bodies of one version the first is used, and said so.

    Of a consent or a block both stay: nobody can tell which one holds, and a refusal in either must count.
    """
    kept: dict[tuple[str, str, str], int] = {}
    result: list[Json] = []
    for body in entries:
        key = (text(body, "resourceType"), text(body, "id"), _own_server(body, found) or found.base)
        if not key[1] or key not in kept:
            kept[key] = len(result)
            result.append(body)
            continue
        held = result[kept[key]]
        if _version(body) > _version(held):
            result[kept[key]] = body
        elif _version(body) == _version(held) and not _are_same(body, held, found):
            found.issues.append(_issue("contradicting-copies", _named(key[0]), kind=_named(key[0])))
            if key[0] in _GUARDED:
                result.append(body)
    return result


def _are_same(one: Json, other: Json, found: Resources) -> bool:
    tangled = id(one) in found.tangled or id(other) in found.tangled
    return same(one, other) if tangled else one == other


def _version(body: Json) -> tuple[datetime, int]:
    version = text(body.get("meta"), "versionId")
    is_number = version.isdecimal() and len(version) <= _VERSION_DIGITS
    return changed_at(body), int(version) if is_number else 0


def _named(kind: str) -> str:
    """A type as it may stand in a report: what is no name of a type could be anything."""
    return kind if kind.isascii() and kind.isalpha() and len(kind) <= _TYPE_LENGTH else "Resource"


def _issue(code: str, expression: str, **params: str) -> Issue:
    return Issue(severity=Severity.ERROR, code=code, expression=expression, params=tuple(params.items()))
