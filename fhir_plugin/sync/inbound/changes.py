"""What changed in a client's network between two readings, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fhir_plugin.model.consent import ConsentRecord
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.deciding.decided import label_of, shown
from fhir_plugin.sync.deciding.elements import ELEMENTS

__all__ = ["ChangeKind", "InboundChange", "changes_between"]


class ChangeKind(StrEnum):
    """What happened in the EHR."""

    ADDED = "added"
    EDITED = "edited"
    GONE = "gone"
    CONSENT = "consent"
    SHARING = "sharing"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundChange:
    """One change.

    Attributes:
        patient: ``Patient/…``.
        resource: the RelatedPerson or the Consent; the Patient where sharing was stopped or may go on.
        element: path of the element of a figure, ``status`` of a consent, or ``sharing`` (``on`` or ``off``, never
            why); empty for what was added or is gone.
    """

    kind: ChangeKind
    patient: str
    resource: str
    label: str = field(default="", repr=False)
    element: str = ""
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)


def changes_between(before: SupportNetwork, after: SupportNetwork) -> Iterator[InboundChange]:
    """The changes of one client: whether sharing is off (L11), then figure by figure, then its consents."""
    patient = after.child.ref.reference
    if before.sharing_is_off != after.sharing_is_off:
        yield InboundChange(
            kind=ChangeKind.SHARING,
            patient=patient,
            resource=patient,
            element="sharing",
            before=_sharing(before),
            after=_sharing(after),
        )
    old = {figure.id: figure for figure in before.figures}
    for figure in after.figures:
        if figure.id in old:
            yield from _edits(patient, old.pop(figure.id), figure)
        else:
            added = _whole(ChangeKind.ADDED, patient, figure)
            yield added if figure.active else replace(added, element="active", after="false")
    yield from (_whole(ChangeKind.GONE, patient, figure) for figure in old.values())
    consents = {record.id: record for record in before.consents}
    for record in after.consents:
        yield from _consent(patient, consents.pop(record.id, None), record)
    for record in consents.values():
        yield _said(patient, record, str(record.status), "")


def _sharing(network: SupportNetwork) -> str:
    return "off" if network.sharing_is_off else "on"


def _edits(patient: str, before: SupportFigure, after: SupportFigure) -> Iterator[InboundChange]:
    for element in ELEMENTS:
        was, now = element.get(before), element.get(after)
        if was != now:
            yield InboundChange(
                kind=ChangeKind.EDITED,
                patient=patient,
                resource=after.ref.reference,
                label=label_of(after),
                element=element.path,
                before=shown(was),
                after=shown(now),
            )
    if before.active != after.active:
        yield InboundChange(
            kind=ChangeKind.EDITED,
            patient=patient,
            resource=after.ref.reference,
            label=label_of(after),
            element="active",
            before=str(before.active).lower(),
            after=str(after.active).lower(),
        )


def _whole(kind: ChangeKind, patient: str, figure: SupportFigure) -> InboundChange:
    return InboundChange(kind=kind, patient=patient, resource=figure.ref.reference, label=label_of(figure))


def _consent(patient: str, before: ConsentRecord | None, after: ConsentRecord) -> Iterator[InboundChange]:
    was = str(before.status) if before else ""
    if was != str(after.status) or (before and before.root != after.root):
        yield _said(patient, after, was, str(after.status))


def _said(patient: str, record: ConsentRecord, was: str, now: str) -> InboundChange:
    return InboundChange(
        kind=ChangeKind.CONSENT,
        patient=patient,
        resource=f"Consent/{record.id}",
        element="status",
        before=was,
        after=now,
    )
