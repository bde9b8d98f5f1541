"""From a story to FHIR resources, by the table of fhir-profiles.md and the docstrings of ``Extensions``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.model.dates import midnight
from fhir_plugin.model.identity import Coding
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
from smart_app.sandbox.seed.cast import Closeness, Figure, Relative, Sharing, Story
from smart_app.sandbox.seed.elements import address, bsn, complex_extension, concept, email, extension, mobile, name
from smart_app.sandbox.seed.professionals import ORGANIZATION, professional_name

__all__ = ["resources_of"]

POLICY = "https://wetten.overheid.nl/BWBR0034925"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
NL_CORE_PATIENT = "http://nictiz.nl/fhir/StructureDefinition/nl-core-Patient"


def resources_of(story: Story, index: int) -> Iterator[Json]:
    """The Patient, the people around, the team, the consents, the ties and who recorded it all."""
    yield _patient(story, index)
    for relative in story.relatives:
        yield _relative(story, relative)
    for figure in story.figures:
        yield _figure(story, figure)
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
        "identifier": [{"system": BSN, "value": bsn(index)}],
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


def _figure(story: Story, figure: Figure) -> Json:
    claims = [Profiles.FIGURE]
    if figure.relation or figure.role:
        claims.append(Profiles.NL_CORE_CONTACT_PERSON)
    found: Json = {
        "resourceType": "RelatedPerson",
        "id": f"{story.id}-{figure.id}",
        "meta": {"profile": claims},
        "extension": list(_figure_extensions(story, figure)),
        "active": True,
        "patient": {"reference": f"Patient/{story.id}"},
    }
    if concepts := _relationship(figure):
        found["relationship"] = concepts
    if figure.name:
        found["name"] = name(*figure.name)
    if telecom := [
        *([mobile(figure.phone)] if figure.phone else []),
        *([email(figure.mail)] if figure.mail else []),
    ]:
        found["telecom"] = telecom
    if figure.gender:
        found["gender"] = figure.gender
    if figure.bond_since:
        found["period"] = {"start": figure.bond_since}
    return found


def _relationship(figure: Figure) -> list[Json]:
    """Relation and role each a concept of their own; our kinds beside the role, or alone where there is none."""
    kinds = [_own(CodeSystems.KIND, kind) for kind in figure.kinds]
    concepts = [concept((V3_ROLE_CODE, *figure.relation))] if figure.relation else []
    if figure.role or kinds:
        role = concept(figure.role)["coding"] if figure.role else []
        concepts.append({"coding": [*role, *kinds]})
    return concepts


def _figure_extensions(story: Story, figure: Figure) -> Iterator[Json]:
    if figure.label:
        yield extension(Extensions.OWN_LABEL, valueString=figure.label)
    for named in figure.named:
        yield complex_extension(
            Extensions.DESIGNATION,
            by={"valueCode": named.by.value},
            who={"valueReference": {"reference": _who(story, named.who)}},
            on={"valueDate": named.on} if named.on else {},
        )
    on = {"valueDate": figure.trust} if figure.trust else {}
    yield complex_extension(Extensions.BOND_OF_TRUST, confirmed={"valueBoolean": bool(figure.trust)}, on=on)
    yield complex_extension(Extensions.MANDATE, kind={"valueCode": figure.mandate.value})
    for supported in figure.supports:
        yield extension(Extensions.SUPPORTS, valueCode=supported.value)
    for domain in figure.domains:
        yield extension(Extensions.LIFE_DOMAIN, valueCode=domain.value)
    yield extension(Extensions.ADULT, valueCode=figure.adult.value)
    if figure.accord:
        yield extension(Extensions.PARENT_ACCORD, valueCode=figure.accord.value)
    if figure.informed:
        yield complex_extension(
            Extensions.AGREEMENT,
            agreed={"valueBoolean": True},
            on={"valueDate": figure.informed},
            informedOn={"valueDate": figure.informed},
        )
    if figure.vog:
        yield complex_extension(Extensions.VOG_SEEN, seen={"valueBoolean": True}, on={"valueDate": figure.vog})
    if figure.programme:
        yield extension(Extensions.PROGRAMME, valueReference={"display": figure.programme})
    for remark in figure.remarks:
        yield complex_extension(
            Extensions.NOTE,
            kind={"valueCode": remark.kind},
            author={"valueReference": {"reference": _who(story, remark.by)}},
            on={"valueDateTime": remark.at},
            text={"valueString": remark.text},
        )


def _who(story: Story, part: str) -> str:
    """A reference: the child, one of its relatives, or a professional."""
    if not part:
        return f"Patient/{story.id}"
    if part in {relative.id for relative in story.relatives}:
        return f"RelatedPerson/{story.id}-{part}"
    return f"Practitioner/{part}"


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
        "category": [{"coding": [_own(CodeSystems.CONTEXT, context)]} for context in story.contexts],
        "name": f"Steunnetwerk van {story.call_name or story.name[0].split()[0]}",
        "subject": {"reference": f"Patient/{story.id}"},
        "period": {"start": story.since},
        "participant": participants,
        "managingOrganization": [_organization()],
    }


def _participant(story: Story, figure: Figure) -> Json:
    start, end = figure.engaged or ("", "")
    roles = [_own(CodeSystems.FUNCTION, item) for item in figure.functions]
    roles += [_own(CodeSystems.INVOLVEMENT, item) for item in figure.involvement]
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
        "ring": _own(CodeSystems.NETWORK_RING, tie.ring),
        "quality": _own(CodeSystems.TIE_QUALITY, tie.quality),
    }
    return {
        "resourceType": "Observation",
        "id": f"{story.id}-{figure.id}-band-{number}",
        "meta": {"profile": [Profiles.TIE]},
        "status": "final",
        "code": {"coding": [_own(CodeSystems.TIE, "tie")]},
        "subject": {"reference": f"Patient/{story.id}"},
        "focus": [{"reference": f"RelatedPerson/{story.id}-{figure.id}"}],
        "effectiveDateTime": tie.on,
        "performer": [{"reference": _who(story, tie.by)}],
        "component": [
            {
                "code": {"coding": [_own(CodeSystems.TIE, code)]},
                "valueCodeableConcept": {"coding": [value]},
            }
            for code, value in components.items()
        ],
    }


def _consent(story: Story, figure: Figure, sharing: Sharing, number: int) -> Json:
    recipient = concept((V3_PARTICIPATION, "IRCP", "information recipient"))
    categories = [_own(CodeSystems.INFORMATION_CATEGORY, item) for item in sharing.about]
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
        "performer": [{"reference": _who(story, part)} for part in sharing.signed_by],
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
            "role": [{"coding": [_own(CodeSystems.DESIGNATOR, named.by)]}],
            "who": {"reference": _who(story, named.who)},
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


def _own(system: str, code: str) -> Json:
    """A code of our own, plain text even where it came as an enum, with its display."""
    return coding_to_json(Coding(system=system, code=str(code)))


def _moment(day: date) -> str:
    """Ten in the morning of that day, in the Netherlands."""
    morning: datetime = midnight(day).replace(hour=10)
    return morning.isoformat()
