"""From a story to FHIR resources, by the table of fhir-profiles.md and the docstrings of ``Extensions``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from fhir_plugin.model.dates import midnight
from fhir_plugin.model.terms import (
    CONSENT_ACTION,
    CONSENT_SCOPE,
    DATA_OPERATION,
    LOINC,
    NETWORK_IDENTIFIER,
    PROVENANCE_PARTICIPANT,
    ROL_VEKTIS,
    V3_ACT_CODE,
    V3_ACT_REASON,
    V3_CONFIDENTIALITY,
    V3_PARTICIPATION,
    V3_ROLE_CODE,
    CodeSystems,
    Extensions,
    Profiles,
)
from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.seed.build_figure import figure_resource, own, who
from smart_app.sandbox.seed.cast import Closeness, Figure, Relative, Sharing, Story
from smart_app.sandbox.seed.elements import address, bsn, concept, extension, mobile, name
from smart_app.sandbox.seed.professionals import ORGANIZATION, professional_name

__all__ = ["resources_of"]

POLICY = "https://wetten.overheid.nl/BWBR0034925"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
CLIENT_NUMBER = "https://zandkasteel.example/clientnummer"
NL_CORE_PATIENT = "http://nictiz.nl/fhir/StructureDefinition/nl-core-Patient"


def resources_of(story: Story, index: int) -> Iterator[Json]:
    """The Patient, the people around, the team, the consents, the ties and who recorded it all."""
    yield _patient(story, index)
    for relative in story.relatives:
        yield _relative(story, relative)
    for figure in story.figures:
        yield figure_resource(story, figure)
        yield _provenance(story, figure)
        for number, tie in enumerate(figure.ties, start=1):
            yield _tie(story, figure, tie, number)
        for number, sharing in enumerate(figure.sharing, start=1):
            yield _consent(story, figure, sharing, number)
    yield _team(story)


def _patient(story: Story, index: int) -> Json:
    return {
        "resourceType": "Patient",
        "id": story.id,
        "meta": {"profile": [NL_CORE_PATIENT]},
        "identifier": [
            {"system": BSN, "value": bsn(index)},
            {"system": CLIENT_NUMBER, "value": str(1001 + index)},
        ],
        "active": True,
        "name": name(*story.name, story.call_name),
        "gender": story.gender,
        "birthDate": story.born.isoformat(),
        "address": [address(*story.home)],
        "managingOrganization": _organization(),
    }


def _organization() -> Json:
    return {"reference": f"Organization/{ORGANIZATION}", "display": "Jeugdhulp Het Zandkasteel"}


def _relative(story: Story, relative: Relative) -> Json:
    concepts = []
    if relative.relation:
        concepts.append(concept((V3_ROLE_CODE, *relative.relation)))
    if relative.role:
        concepts.append(concept((ROL_VEKTIS, *relative.role)))
    found: Json = {
        "resourceType": "RelatedPerson",
        "id": f"{story.id}-{relative.id}",
        "meta": {"profile": [Profiles.NL_CORE_CONTACT_PERSON]},
        "active": True,
        "patient": {"reference": f"Patient/{story.id}"},
        "relationship": concepts,
        "name": name(*relative.name),
    }
    if relative.phone:
        found["telecom"] = [mobile(relative.phone)]
    if relative.gender:
        found["gender"] = relative.gender
    return found


def _team(story: Story) -> Json:
    participants = [
        {
            "member": {"reference": f"PractitionerRole/{identity}", "display": professional_name(identity)},
            "period": {"start": story.since},
        }
        for identity in story.professionals
    ]
    participants += [_participant(story, figure) for figure in story.figures if figure.engaged]
    return {
        "resourceType": "CareTeam",
        "id": f"{story.id}-netwerk",
        "meta": {"profile": [Profiles.NETWORK]},
        "identifier": [{"system": NETWORK_IDENTIFIER, "value": story.id}],
        "status": "active",
        "category": [{"coding": [own(CodeSystems.CONTEXT, context)]} for context in story.contexts],
        "name": f"Steunnetwerk van {story.call_name or story.name[0].split()[0]}",
        "subject": {"reference": f"Patient/{story.id}"},
        "period": {"start": story.since},
        "participant": participants,
        "managingOrganization": [_organization()],
    }


def _participant(story: Story, figure: Figure) -> Json:
    start, end = figure.engaged or ("", "")
    roles = [own(CodeSystems.FUNCTION, item) for item in figure.functions]
    roles += [own(CodeSystems.INVOLVEMENT, item) for item in figure.involvement]
    found: Json = {
        "role": [{"coding": [role]} for role in roles],
        "member": {"reference": f"RelatedPerson/{story.id}-{figure.id}"},
        "period": {"start": start, **({"end": end} if end else {})},
    }
    if figure.contexts:
        found["extension"] = [extension(Extensions.CONTEXT, valueCode=item.value) for item in figure.contexts]
    return found


def _tie(story: Story, figure: Figure, tie: Closeness, number: int) -> Json:
    components = {
        "ring": own(CodeSystems.NETWORK_RING, tie.ring),
        "quality": own(CodeSystems.TIE_QUALITY, tie.quality),
    }
    return {
        "resourceType": "Observation",
        "id": f"{story.id}-{figure.id}-band-{number}",
        "meta": {"profile": [Profiles.TIE]},
        "status": "final",
        "code": {"coding": [own(CodeSystems.TIE, "tie")]},
        "subject": {"reference": f"Patient/{story.id}"},
        "focus": [{"reference": f"RelatedPerson/{story.id}-{figure.id}"}],
        "effectiveDateTime": tie.on,
        "performer": [{"reference": who(story, tie.by)}],
        "component": [
            {
                "code": {"coding": [own(CodeSystems.TIE, code)]},
                "valueCodeableConcept": {"coding": [value]},
            }
            for code, value in components.items()
        ],
    }


def _consent(story: Story, figure: Figure, sharing: Sharing, number: int) -> Json:
    recipient = concept((V3_PARTICIPATION, "IRCP", "information recipient"))
    categories = [own(CodeSystems.INFORMATION_CATEGORY, item) for item in sharing.about]
    return {
        "resourceType": "Consent",
        "id": f"{story.id}-{figure.id}-toestemming-{number}",
        "meta": {"profile": [Profiles.CONSENT]},
        "extension": [extension(Extensions.AGE_BASIS, valueCode=sharing.basis.value)],
        "status": sharing.status,
        "scope": concept((CONSENT_SCOPE, "patient-privacy", "Privacy Consent")),
        "category": [
            concept((LOINC, "59284-0", "Consent Document")),
            concept((V3_ACT_CODE, "IDSCL", "information disclosure")),
        ],
        "patient": {"reference": f"Patient/{story.id}"},
        "dateTime": _moment(sharing.start),
        "performer": [{"reference": who(story, part)} for part in sharing.signed_by],
        "organization": [_organization()],
        "policy": [{"uri": POLICY}],
        "provision": {
            "type": "permit",
            "period": {"start": sharing.start.isoformat(), "end": sharing.end.isoformat()},
            "actor": [{"role": recipient, "reference": {"reference": f"RelatedPerson/{story.id}-{figure.id}"}}],
            "action": [concept((CONSENT_ACTION, "access", "Access"))],
            "securityLabel": [{"system": V3_CONFIDENTIALITY, "code": "N", "display": "normal"}],
            "purpose": [{"system": V3_ACT_REASON, "code": "FAMRQT", "display": "family requested"}],
            "code": [{"coding": [item]} for item in categories],
        },
    }


def _provenance(story: Story, figure: Figure) -> Json:
    targets = [f"RelatedPerson/{story.id}-{figure.id}"]
    targets += [f"Consent/{story.id}-{figure.id}-toestemming-{item}" for item in range(1, len(figure.sharing) + 1)]
    designators = [
        {
            "type": concept((PROVENANCE_PARTICIPANT, "author", "Author")),
            "role": [{"coding": [own(CodeSystems.DESIGNATOR, named.by)]}],
            "who": {"reference": who(story, named.who)},
        }
        for named in figure.named
    ]
    enterer = {
        "type": concept((PROVENANCE_PARTICIPANT, "enterer", "Enterer")),
        "who": {"reference": f"Practitioner/{story.professionals[0]}"},
        "onBehalfOf": {"reference": f"Organization/{ORGANIZATION}"},
    }
    return {
        "resourceType": "Provenance",
        "id": f"{story.id}-{figure.id}-herkomst",
        "meta": {"profile": [Profiles.DESIGNATION]},
        "target": [{"reference": target} for target in targets],
        "recorded": _moment(date.fromisoformat(story.since)),
        "activity": concept((DATA_OPERATION, "CREATE", "create")),
        "agent": [*designators, enterer],
    }


def _moment(day: date) -> str:
    """Ten in the morning of that day, in the Netherlands."""
    morning: datetime = midnight(day).replace(hour=10)
    return morning.isoformat()
