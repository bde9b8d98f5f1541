"""Organisations, professionals and the one Person who stands for a figure of two siblings."""

from __future__ import annotations

from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.seed.cast import Professional
from smart_app.sandbox.seed.elements import name

__all__ = ["ORGANIZATION", "professional_name", "professional_resources", "shared_person"]

ORGANIZATION = "zandkasteel"
_NL_CORE = "http://nictiz.nl/fhir/StructureDefinition/nl-core-HealthProfessional-"
_ORGANIZATIONS = {ORGANIZATION: "Jeugdhulp Het Zandkasteel", "gi-midden": "Jeugdbescherming Midden (GI)"}
_PROFESSIONALS = (
    Professional(
        id="joke-de-vries",
        name=("Joke", "de", "Vries"),
        organization=ORGANIZATION,
        role="Jeugdprofessional",
        gender="female",
    ),
    Professional(
        id="mourad-el-amrani",
        name=("Mourad", "el", "Amrani"),
        organization=ORGANIZATION,
        role="Gedragswetenschapper",
        gender="male",
    ),
    Professional(
        id="petra-groen",
        name=("Petra", "", "Groen"),
        organization="gi-midden",
        role="Voogd namens de gecertificeerde instelling",
        gender="female",
    ),
)


def professional_name(identity: str) -> str:
    """What a professional is called, for the display of a reference."""
    found = next(person for person in _PROFESSIONALS if person.id == identity)
    return " ".join(part for part in found.name if part)


def professional_resources() -> list[Json]:
    """Organization, Practitioner and PractitionerRole of each; a role has the id of its person."""
    found: list[Json] = [
        {"resourceType": "Organization", "id": identity, "active": True, "name": title}
        for identity, title in _ORGANIZATIONS.items()
    ]
    for person in _PROFESSIONALS:
        full_name = name(*person.name)
        found.append(
            {
                "resourceType": "Practitioner",
                "id": person.id,
                "meta": {"profile": [f"{_NL_CORE}Practitioner"]},
                "active": True,
                "name": full_name,
                "gender": person.gender,
            }
        )
        found.append(
            {
                "resourceType": "PractitionerRole",
                "id": person.id,
                "meta": {"profile": [f"{_NL_CORE}PractitionerRole"]},
                "active": True,
                "practitioner": {"reference": f"Practitioner/{person.id}", "display": full_name[0]["text"]},
                "organization": {
                    "reference": f"Organization/{person.organization}",
                    "display": _ORGANIZATIONS[person.organization],
                },
                "code": [{"text": person.role}],
            }
        )
    return found


def shared_person() -> Json:
    """Anja de Wit is in Mila's and in Finn's record; only who may see both may see this."""
    return {
        "resourceType": "Person",
        "id": "anja-de-wit",
        "active": True,
        "name": name("Anja", "de", "Wit"),
        "link": [{"target": {"reference": f"RelatedPerson/{child}-steungezin"}} for child in ("mila", "finn")],
    }
