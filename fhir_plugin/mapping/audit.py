"""Who saw or changed what of whom, when and why: an AuditEvent in the shape of IHE BALP, without record content.

Sources: IHE ITI *Basic Audit Log Patterns* (PatientRead, PatientCreate, PatientUpdate:
https://profiles.ihe.net/ITI/BALP/); NEN 7513 (what a log of access to a record holds). A resource is named by its type
and id, never by what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from fhir_plugin.consent import Permit
from fhir_plugin.mapping.json import Json
from fhir_plugin.model.terms import V3_ACT_REASON, V3_PARTICIPATION

__all__ = ["AuditedAct", "Outcome", "Purpose", "audit_event", "purpose_of"]

Action = Literal["R", "C", "U"]

_BALP = "https://profiles.ihe.net/ITI/BALP"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_EVENT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
_SOURCE = {"system": _DICOM, "code": "110153", "display": "Source Role ID"}
_DESTINATION = {"system": _DICOM, "code": "110152", "display": "Destination Role ID"}
_READER = {"system": V3_PARTICIPATION, "code": "IRCP", "display": "information recipient"}
_AUTHOR = {"system": V3_PARTICIPATION, "code": "AUT", "display": "author (originator)"}
_KINDS: dict[Action, tuple[str, str]] = {
    "R": ("read", "PatientRead"),
    "C": ("create", "PatientCreate"),
    "U": ("update", "PatientUpdate"),
}


class Outcome(StrEnum):
    """https://hl7.org/fhir/R4/valueset-audit-event-outcome.html."""

    SUCCESS = "0"
    REFUSED = "4"
    FAILED = "8"


class Purpose(StrEnum):
    """Why somebody looked: codes of v3-ActReason."""

    CARE = "TREAT"
    BREAK_GLASS = "BTG"
    OWN_REQUEST = "PATRQT"
    FAMILY_REQUEST = "FAMRQT"


_PURPOSES = {
    Purpose.CARE: "treatment",
    Purpose.BREAK_GLASS: "break the glass",
    Purpose.OWN_REQUEST: "patient requested",
    Purpose.FAMILY_REQUEST: "family requested",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedAct:
    """One look at, or one change of, one resource of a child's record; or an attempt at it.

    Attributes:
        action: read, create or update.
        outcome: whether it was done, refused, or failed.
        why_not: code of the refusal or failure; empty where it was done.
        patient_id: whose record.
        what: ``Type/id`` of the resource; the Patient where a page shows the whole network.
        user: reference of who did it; empty where the EHR does not say.
        role: in which capacity, a word of the app (``professional``, ``youth`` …).
        purpose: why.
        recorded: aware instant.
        client_id: the app as the EHR knows it.
        client_host: where the app is reached.
        server: FHIR base URL of the EHR.
        trace: reference number that also stands in the app's log.
    """

    action: Action
    outcome: Outcome = Outcome.SUCCESS
    why_not: str = ""
    patient_id: str
    what: str
    user: str = ""
    role: str
    purpose: Purpose | None = None
    recorded: datetime
    client_id: str
    client_host: str
    server: str
    trace: str


def purpose_of(permit: Permit) -> Purpose:
    """Why a permit gives access: break-glass always is written down as such (``Permit.must_audit``)."""
    return Purpose.BREAK_GLASS if permit.must_audit else Purpose.CARE


def audit_event(act: AuditedAct) -> Json:
    """The act as an AuditEvent; BALP's profile is claimed for what was done, for it has none for refusals."""
    interaction, profile = _KINDS[act.action]
    done = act.outcome is Outcome.SUCCESS
    instant = act.recorded.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "resourceType": "AuditEvent",
        **({"meta": {"profile": [f"{_BALP}/StructureDefinition/IHE.BasicAudit.{profile}"]}} if done else {}),
        "type": {"system": _EVENT_TYPE, "code": "rest", "display": "Restful Operation"},
        "subtype": [{"system": _INTERACTION, "code": interaction, "display": interaction}],
        "action": act.action,
        "recorded": instant,
        "outcome": act.outcome.value,
        **({"outcomeDesc": act.why_not} if act.why_not else {}),
        "agent": [_client(act), _server(act), _user(act)],
        "source": {
            "site": act.client_host,
            "observer": _named(act.client_id),
            "type": [{"system": _SOURCE_TYPE, "code": "4", "display": "Application Server"}],
        },
        "entity": [_data(act), _patient(act), _transaction(act)],
    }


def _client(act: AuditedAct) -> Json:
    role = _DESTINATION if act.action == "R" else _SOURCE
    network = {"address": act.client_host, "type": "1"}
    return {"type": {"coding": [role]}, "who": _named(act.client_id), "requestor": False, "network": network}


def _server(act: AuditedAct) -> Json:
    role = _SOURCE if act.action == "R" else _DESTINATION
    network = {"address": act.server, "type": "5"}
    return {"type": {"coding": [role]}, "who": _named(act.server), "requestor": False, "network": network}


def _user(act: AuditedAct) -> Json:
    coding = _READER if act.action == "R" else _AUTHOR
    who: Json = {"reference": act.user} if act.user else {"display": "not said by the record system"}
    agent: Json = {"type": {"coding": [coding]}, "role": [{"text": act.role}], "who": who, "requestor": True}
    if act.purpose is not None:
        reason = {"system": V3_ACT_REASON, "code": act.purpose.value, "display": _PURPOSES[act.purpose]}
        agent["purposeOfUse"] = [{"coding": [reason]}]
    return agent


def _data(act: AuditedAct) -> Json:
    return {
        "what": {"reference": act.what},
        "type": {"system": _ENTITY_TYPE, "code": "2", "display": "System Object"},
        "role": {"system": _OBJECT_ROLE, "code": "4", "display": "Domain Resource"},
    }


def _patient(act: AuditedAct) -> Json:
    return {
        "what": {"reference": f"Patient/{act.patient_id}"},
        "type": {"system": _ENTITY_TYPE, "code": "1", "display": "Person"},
        "role": {"system": _OBJECT_ROLE, "code": "1", "display": "Patient"},
    }


def _transaction(act: AuditedAct) -> Json:
    kind = {"system": f"{_BALP}/CodeSystem/BasicAuditEntityType", "code": "XrequestId"}
    return {"what": {"identifier": {"value": act.trace}}, "type": kind}


def _named(value: str) -> Json:
    return {"identifier": {"value": value}}
