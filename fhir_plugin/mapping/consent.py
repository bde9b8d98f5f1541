"""FHIR R4 Consent ↔ ConsentRecord (https://hl7.org/fhir/R4/consent.html; our profile: SupportConsent).

Reading never raises and never ignores: an element that could change a decision is either in the record or named in its
``not_understood``. Writing changes only what differs from what was read.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent_doubts import BACKBONE, Doubts, oversize
from fhir_plugin.mapping.consent_elements import LENSES, SUPPORT_CONSENT, read_base, read_scope, read_status
from fhir_plugin.mapping.consent_reading import read_rule
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.mapping.lens import apply_lenses
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.consent import ConsentRecord, Scope
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.issues import Issue, Report, Severity

__all__ = ["consent_to_fhir", "consents_from_fhir", "read_consents"]

_KNOWN = BACKBONE | {
    "resourceType",
    "meta",
    "language",
    "text",
    "contained",
    "identifier",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "policyRule",
    "verification",
    "provision",
}
"""Every element of R4 Consent but ``implicitRules``, which can change the meaning of all others."""
_MAX_BUNDLES = 4


def consents_from_fhir(resources: Iterable[Any]) -> list[ConsentRecord]:
    """The consents among FHIR R4 resources, in order; see :func:`read_consents` for what was noticed."""
    return read_consents(resources)[0]


def read_consents(
    resources: Iterable[Any] | Json, *, key: Callable[[Json], str] | None = None
) -> tuple[list[ConsentRecord], Report]:
    """Read every Consent among FHIR R4 resources. Never raises on what they hold.

    Args:
        resources: resources as parsed JSON, or Bundles of them; whatever is not a Consent is passed over.
        key: the id of a body that has none of its own yet (the ``urn:uuid:`` of a transaction entry).

    Returns:
        The records, and a report with the place of everything that was not understood. Two different bodies under
        one id contradict each other: neither of them permits.
    """
    issues: list[Issue] = []
    records = [
        _record(body, f"Consent[{position}]", issues, key)
        for position, body in enumerate(_consents(resources, issues, 0))
    ]
    return _without_contradictions(records, issues), Report(issues=tuple(issues))


def consent_to_fhir(record: ConsentRecord) -> Json:
    """The R4 Consent of a record: what was read, with what differs written into it.

    Raises:
        MappingError: the record would change provisions that were not understood, was too large to keep, or is new
            and has no scope that FHIR knows.
    """
    if record.carried is None:
        if record.not_understood:
            raise MappingError(
                "This consent was not understood and was too large to keep.",
                code="consent-not-kept",
                remedy="Change it in the record system itself.",
            )
        body = _new(record)
    else:
        body = record.carried.body()
        _guard(body, record)
    apply_lenses(LENSES, body, record)
    return body


def _new(record: ConsentRecord) -> Json:
    if record.scope is Scope.OTHER:
        raise MappingError(
            "A new consent needs a scope that FHIR knows.", code="consent-scope-unknown", remedy="Use patient-privacy."
        )
    known = {"id": record.id} if record.id and not record.id.startswith("urn:") else {}
    return {"resourceType": "Consent", **known, **copy.deepcopy(SUPPORT_CONSENT), "status": record.status.value}


def _guard(body: Json, record: ConsentRecord) -> None:
    held = Doubts("")
    root = read_rule(body["provision"], held) if "provision" in body else None
    if held.unclear and root != record.root:
        raise MappingError(
            "A provision that is not understood cannot be changed.",
            code="consent-provision-not-understood",
            where=held.unclear[0],
            remedy="Replace the consent by a new one.",
        )


def _consents(source: Any, issues: list[Issue], depth: int) -> Iterator[Json]:
    """The Consent bodies, out of Bundles too."""
    if isinstance(source, dict):
        if source.get("resourceType") == "Consent":
            yield source
        elif source.get("resourceType") == "Bundle" and depth < _MAX_BUNDLES:
            for entry in objects(source, "entry"):
                yield from _consents(entry.get("resource"), issues, depth + 1)
        return
    if isinstance(source, Iterable) and not isinstance(source, str | bytes) and depth < _MAX_BUNDLES:
        for item in source:
            yield from _consents(item, issues, depth + 1)
    else:
        issues.append(Issue(severity=Severity.ERROR, code="not-a-resource", expression="Consent"))


def _record(body: Json, place: str, issues: list[Issue], key: Callable[[Json], str] | None) -> ConsentRecord:
    doubts = Doubts(place)
    huge = oversize(body)
    if huge:
        doubts.doubt("Consent", "consent-too-large")
    doubts.unknown_members(body, _KNOWN, "Consent")
    patient = body.get("patient")
    subject = Ref(reference=text(patient, "reference"), display=text(patient, "display"))
    if not subject.reference:
        doubts.warn("Consent.patient", "consent-without-patient")
    root = read_rule(body["provision"], doubts) if "provision" in body else None
    bare = ConsentRecord(
        id=text(body, "id") or (key(body) if key else ""),
        status=read_status(body, doubts),
        scope=read_scope(body, doubts),
        subject=subject,
        base=read_base(body, doubts, needed=root is None or root.effect is None),
        root=root,
        carried=None if huge else Carried(body),
    )
    read = {
        lens.name: lens.get(body) for lens in LENSES if lens.name not in ("status", "scope", "subject", "base", "root")
    }
    record = replace(bare, **read, not_understood=tuple(doubts.unclear))
    doubts.moment(body, "dateTime", "Consent")
    if not record.grantors or len(record.grantors) != len(_listed(body, "performer")):
        doubts.warn("Consent.performer", "consent-grantor-unreadable" if record.grantors else "consent-without-grantor")
    issues.extend(doubts.issues)
    return record


def _listed(body: Json, key: str) -> list[Any]:
    value = body.get(key)
    return value if isinstance(value, list) else []


def _without_contradictions(records: list[ConsentRecord], issues: list[Issue]) -> list[ConsentRecord]:
    """Records with one id but different content all become untrusted: which one holds cannot be told."""
    by_id: dict[str, list[ConsentRecord]] = {}
    for record in records:
        by_id.setdefault(record.id, []).append(record)
    split = {key for key, group in by_id.items() if key and any(each.carried != group[0].carried for each in group)}
    issues.extend(
        Issue(severity=Severity.ERROR, code="consent-contradictory", expression="Consent.id", source=f"Consent/{key}")
        for key in sorted(split)
    )
    return [
        replace(record, not_understood=(*record.not_understood, "Consent.id")) if record.id in split else record
        for record in records
    ]
