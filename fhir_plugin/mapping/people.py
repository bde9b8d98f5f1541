"""The people in a record who are not support figures: parents, legal representatives, professionals and candidates.

A plain contact (nl-core-ContactPerson, KT2_RelatedPerson, Patient.contact) is a *candidate*: it becomes a support
figure only when the child, the youth or a parent names that person and someone records it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fhir_plugin.mapping import concepts
from fhir_plugin.mapping.contact import TELECOMS
from fhir_plugin.mapping.engagement import participants
from fhir_plugin.mapping.figure import is_marked_as_figure
from fhir_plugin.mapping.json import Json, objects, period_of, reference_of, text
from fhir_plugin.mapping.names import NAME, read_name
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.identity import Coding, PersonName, Ref
from fhir_plugin.model.network import Person, Standing
from fhir_plugin.model.terms import (
    AUTHORITY_CODES,
    BIOLOGICAL_PARENT_CODES,
    LEGAL_ROLE_CODES,
    PROFESSIONAL_ROLE_CODES,
    ROL_NICTIZ,
    ROL_VEKTIS,
    SNOMED,
    V3_ROLE_CODE,
)

__all__ = ["is_biological_parent", "is_figure", "people_from"]

_LEGAL_PARENT_CODES = (
    BIOLOGICAL_PARENT_CODES
    | {(V3_ROLE_CODE, code) for code in ("PRN", "ADOPTF", "ADOPTM", "ADOPTP")}
    | {(SNOMED, code) for code in ("609005", "21464003", "41953004", "40683002")}
)
_RELATED = "http://hl7.org/fhir/StructureDefinition/patient-relatedPerson"


def is_biological_parent(body: Json) -> bool:
    """Whether a RelatedPerson is a biological parent, who is never a support figure (sf-2)."""
    return any(coding.key in BIOLOGICAL_PARENT_CODES for coding in concepts.all_codings(body, "relationship"))


def is_figure(body: Json) -> bool:
    """Whether a RelatedPerson is recorded as a support figure and may be one."""
    return is_marked_as_figure(body) and not is_biological_parent(body)


def people_from(
    child: Json | None, related: Iterable[Json], teams: Iterable[Json], known: Iterable[Json]
) -> list[Person]:
    """Everybody who is not a figure, each once: RelatedPersons, Patient.contact, then team members.

    Args:
        child: the Patient, or None.
        related: RelatedPersons of the child that are not figures.
        teams: CareTeams of the child.
        known: further resources that may hold the members' names.
    """
    found = [_related_person(body) for body in related]
    found += _contacts(child or {}, {person.ref.reference for person in found})
    seen: set[str] = set()
    names = {f"{text(body, 'resourceType')}/{text(body, 'id')}": body for body in known}
    for member in _members(teams):
        key = f"{member.type}/{member.id}"
        if member.type in ("Practitioner", "PractitionerRole", "Organization") and key not in seen:
            seen.add(key)
            found.append(_professional(member, names.get(key)))
    return found


def _related_person(body: Json) -> Person:
    codes = concepts.all_codings(body, "relationship")
    carried = Carried(body)
    return Person(
        ref=Ref(reference=carried.reference),
        standing=_standing(codes),
        name=NAME.get(body),
        relations=tuple(coding for coding in codes if not _is_role(coding)),
        roles=tuple(coding for coding in codes if _is_role(coding)),
        telecoms=TELECOMS.get(body),
        holds_authority=any(coding.key in AUTHORITY_CODES for coding in codes),
        authority=period_of(body, "period"),
        active=body.get("active") is not False,
        carried=carried,
    )


def _standing(codes: list[Coding]) -> Standing:
    keys = {coding.key for coding in codes}
    if keys & _LEGAL_PARENT_CODES:
        return Standing.PARENT
    if keys & PROFESSIONAL_ROLE_CODES:
        return Standing.PROFESSIONAL
    if keys & (LEGAL_ROLE_CODES | AUTHORITY_CODES):
        return Standing.LEGAL
    return Standing.CANDIDATE


def _is_role(coding: Coding) -> bool:
    return coding.system in (ROL_VEKTIS, ROL_NICTIZ) or coding.key in AUTHORITY_CODES


def _contacts(child: Json, related: set[str]) -> Iterator[Person]:
    for index, contact in enumerate(objects(child, "contact")):
        links = (
            reference_of(item.get("valueReference"))
            for item in objects(contact, "extension")
            if item.get("url") == _RELATED
        )
        if any(link and link.reference in related for link in links):
            continue
        name = contact.get("name")
        codes = concepts.all_codings(contact, "relationship")
        yield Person(
            ref=Ref(reference=f"Patient/{text(child, 'id')}#contact-{index}"),
            standing=_standing(codes),
            name=read_name({"name": [name]}) if isinstance(name, dict) else PersonName(),
            relations=tuple(coding for coding in codes if not _is_role(coding)),
            roles=tuple(coding for coding in codes if _is_role(coding)),
            telecoms=TELECOMS.get(contact),
            authority=period_of(contact, "period"),
        )


def _members(teams: Iterable[Json]) -> Iterator[Ref]:
    for team in teams:
        for participant in participants(team):
            if isinstance(participant, dict) and period_of(participant, "period").end is None:
                member = reference_of(participant.get("member"))
                if member:
                    yield member


def _professional(member: Ref, body: Json | None) -> Person:
    name = NAME.get(body) if body and body.get("resourceType") == "Practitioner" else PersonName()
    if name.is_empty:
        name = PersonName(text=member.display)
    return Person(ref=member, standing=Standing.PROFESSIONAL, name=name)
