"""Search parameters as a table: type, name, kind, path (https://hl7.org/fhir/R4/searchparameter-registry.html).

A kind ``reference:Patient`` keeps only references to that type. ``*`` rows hold for every type.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from smart_app.sandbox.fhir.paths import Path, split_path

__all__ = ["KNOWN_TYPES", "Parameter", "elements_of", "parameters_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One search parameter of one type.

    Attributes:
        kind: token, reference, date, string or uri.
        target: the only type a reference may point to; empty for any.
        paths: where its values are: an element of the resource, and the path from its value on.
    """

    name: str
    kind: str
    target: str
    paths: tuple[tuple[str, Path], ...]


_TABLE = """
*                 _profile       uri                meta.profile
*                 _tag           token              meta.tag
*                 _security      token              meta.security
*                 identifier     token              identifier
Patient           active         token              active
Patient           name           string             name
Patient           family         string             name.family
Patient           given          string             name.given
Patient           birthdate      date               birthDate
Patient           gender         token              gender
Patient           telecom        token              telecom
Patient           phone          token              telecom[system=phone]
Patient           email          token              telecom[system=email]
Patient           address        string             address
Patient           organization   reference          managingOrganization
Patient           general-practitioner reference    generalPractitioner
Patient           link           reference          link.other
RelatedPerson     active         token              active
RelatedPerson     patient        reference:Patient  patient
RelatedPerson     name           string             name
RelatedPerson     relationship   token              relationship
RelatedPerson     gender         token              gender
RelatedPerson     birthdate      date               birthDate
RelatedPerson     telecom        token              telecom
RelatedPerson     phone          token              telecom[system=phone]
RelatedPerson     email          token              telecom[system=email]
RelatedPerson     address        string             address
Person            name           string             name
Person            link           reference          link.target
Person            patient        reference:Patient  link.target
Person            relatedperson  reference:RelatedPerson link.target
Practitioner      active         token              active
Practitioner      name           string             name
Practitioner      family         string             name.family
Practitioner      given          string             name.given
Practitioner      telecom        token              telecom
PractitionerRole  active         token              active
PractitionerRole  practitioner   reference          practitioner
PractitionerRole  organization   reference          organization
PractitionerRole  role           token              code
PractitionerRole  specialty      token              specialty
Organization      active         token              active
Organization      name           string             name
Organization      type           token              type
Organization      partof         reference          partOf
CareTeam          patient        reference:Patient  subject
CareTeam          subject        reference          subject
CareTeam          participant    reference          participant.member
CareTeam          status         token              status
CareTeam          category       token              category
CareTeam          date           date               period
CareTeam          encounter      reference          encounter
Consent           patient        reference:Patient  patient
Consent           status         token              status
Consent           scope          token              scope
Consent           category       token              category
Consent           date           date               dateTime
Consent           consentor      reference          performer
Consent           organization   reference          organization
Consent           actor          reference          provision.actor.reference
Consent           action         token              provision.action
Consent           purpose        token              provision.purpose
Consent           period         date               provision.period
Consent           security-label token              provision.securityLabel
Consent           data           reference          provision.data.reference
Consent           source-reference reference        sourceReference
Observation       patient        reference:Patient  subject
Observation       subject        reference          subject
Observation       focus          reference          focus
Observation       code           token              code
Observation       category       token              category
Observation       status         token              status
Observation       performer      reference          performer
Observation       date           date               effectiveDateTime | effectivePeriod | effectiveInstant
Observation       component-code token              component.code
Provenance        target         reference          target
Provenance        patient        reference:Patient  target
Provenance        agent          reference          agent.who
Provenance        agent-type     token              agent.type
Provenance        recorded       date               recorded
Provenance        entity         reference          entity.what
Provenance        when           date               occurredDateTime | occurredPeriod
AuditEvent        patient        reference:Patient  agent.who | entity.what
AuditEvent        agent          reference          agent.who
AuditEvent        entity         reference          entity.what
AuditEvent        date           date               recorded
AuditEvent        type           token              type
AuditEvent        subtype        token              subtype
AuditEvent        action         token              action
AuditEvent        outcome        token              outcome
AuditEvent        source         reference          source.observer
Subscription      status         token              status
Subscription      url            uri                channel.endpoint
Task              patient        reference:Patient  for
Task              subject        reference          for
Task              focus          reference          focus
Task              owner          reference          owner
Task              requester      reference          requester
Task              status         token              status
Task              intent         token              intent
Task              code           token              code
Task              authored-on    date               authoredOn
Task              modified       date               lastModified
Task              period         date               executionPeriod
Task              part-of        reference          partOf
Task              based-on       reference          basedOn
Task              group-identifier token            groupIdentifier
Condition         patient        reference:Patient  subject
Condition         subject        reference          subject
Condition         code           token              code
Condition         category       token              category
Condition         clinical-status token             clinicalStatus
Condition         verification-status token         verificationStatus
Condition         onset-date     date               onsetDateTime | onsetPeriod
Condition         recorded-date  date               recordedDate
DocumentReference patient        reference:Patient  subject
DocumentReference subject        reference          subject
DocumentReference type           token              type
DocumentReference category       token              category
DocumentReference status         token              status
DocumentReference date           date               date
CarePlan          patient        reference:Patient  subject
CarePlan          subject        reference          subject
CarePlan          care-team      reference          careTeam
CarePlan          status         token              status
CarePlan          category       token              category
CarePlan          date           date               period
Goal              patient        reference:Patient  subject
Goal              subject        reference          subject
Goal              lifecycle-status token            lifecycleStatus
Encounter         patient        reference:Patient  subject
Encounter         subject        reference          subject
Encounter         status         token              status
Encounter         date           date               period
EpisodeOfCare     patient        reference:Patient  patient
EpisodeOfCare     status         token              status
EpisodeOfCare     date           date               period
Flag              patient        reference:Patient  subject
Flag              subject        reference          subject
Flag              status         token              status
Communication     patient        reference:Patient  subject
Communication     subject        reference          subject
Communication     status         token              status
QuestionnaireResponse patient    reference:Patient  subject
QuestionnaireResponse subject    reference          subject
QuestionnaireResponse questionnaire uri             questionnaire
ServiceRequest    patient        reference:Patient  subject
ServiceRequest    subject        reference          subject
ServiceRequest    status         token              status
Procedure         patient        reference:Patient  subject
Procedure         subject        reference          subject
Procedure         code           token              code
AllergyIntolerance patient       reference:Patient  patient
Immunization      patient        reference:Patient  patient
ActivityDefinition url           uri                url
ActivityDefinition name          string             name
ActivityDefinition status        token              status
Endpoint          status         token              status
Subscription      status         token              status
Subscription      url            uri                channel.endpoint
"""

_OTHER_TYPES = "Binary Device Location HealthcareService Library List Medication MedicationStatement Questionnaire"

_ROWS = [line.split(None, 3) for line in _TABLE.strip().splitlines()]

KNOWN_TYPES = frozenset({row[0] for row in _ROWS if row[0] != "*"} | set(_OTHER_TYPES.split()))
"""Types this server knows search parameters for, and a few it only stores."""


@cache
def parameters_of(resource_type: str) -> dict[str, Parameter]:
    """The search parameters of a type by name; the rows that hold for every type included."""
    found = {}
    for owner, name, kind, expression in _ROWS:
        if owner in ("*", resource_type):
            base, _, target = kind.partition(":")
            found[name] = Parameter(name=name, kind=base, target=target, paths=split_path(expression))
    return found


@cache
def elements_of(resource_type: str) -> dict[str, tuple[tuple[Parameter, Path], ...]]:
    """The parameters that read an element of a type, each with its path from the element's value on, by element."""
    found: dict[str, list[tuple[Parameter, Path]]] = {}
    for parameter in parameters_of(resource_type).values():
        for element, path in parameter.paths:
            found.setdefault(element, []).append((parameter, path))
    return {element: tuple(readers) for element, readers in found.items()}
