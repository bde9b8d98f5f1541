"""Person.link: that several RelatedPersons are the same human being (https://hl7.org/fhir/R4/person.html).

Only a back end that may see all the children involved reads or writes it; the app, which is about one child, does not.
"""

from __future__ import annotations

from collections.abc import Iterable

from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.mapping.names import NAME
from fhir_plugin.model.identity import PersonName, Ref

__all__ = ["linked", "person_of"]


def person_of(name: PersonName, figures: Iterable[Ref]) -> Json:
    """A Person that links the given RelatedPersons; it holds nothing else than the name."""
    body: Json = {"resourceType": "Person", "active": True}
    NAME.put(body, name)
    body["link"] = [{"target": {"reference": figure.reference}, "assurance": "level3"} for figure in figures]
    return body


def linked(person: Json) -> tuple[Ref, ...]:
    """The RelatedPersons a Person links, in order."""
    refs = (Ref(reference=text(item.get("target"), "reference")) for item in objects(person, "link"))
    return tuple(ref for ref in refs if ref.type == "RelatedPerson")
