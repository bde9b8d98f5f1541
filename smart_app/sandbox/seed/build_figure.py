"""A support figure as RelatedPerson: the lasting bond, element by element of the BGZJ definition."""

from __future__ import annotations

from collections.abc import Iterator

from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.terms import (
    V3_ROLE_CODE,
    CodeSystems,
    Extensions,
    Profiles,
)
from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.seed.cast import Figure, Story
from smart_app.sandbox.seed.elements import complex_extension, concept, email, extension, mobile, name

__all__ = ["figure_resource", "own", "who"]


def figure_resource(story: Story, figure: Figure) -> Json:
    """The RelatedPerson, with our extensions."""
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
    kinds = [own(CodeSystems.KIND, kind) for kind in figure.kinds]
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
            who={"valueReference": {"reference": who(story, named.who)}},
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
            author={"valueReference": {"reference": who(story, remark.by)}},
            on={"valueDateTime": remark.at},
            text={"valueString": remark.text},
        )


def who(story: Story, part: str) -> str:
    """A reference: the child, one of its relatives, or a professional."""
    if not part:
        return f"Patient/{story.id}"
    if part in {relative.id for relative in story.relatives}:
        return f"RelatedPerson/{story.id}-{part}"
    return f"Practitioner/{part}"


def own(system: str, code: str) -> Json:
    """A code of our own, plain text even where it came as an enum, with its display."""
    return coding_to_json(Coding(system=system, code=str(code)))
