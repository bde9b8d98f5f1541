"""Provenance of a change: who decided, who typed, when, and of which version of what.

Profile: https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportDesignation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from fhir_plugin.mapping.changes import ResourceChange
from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.mapping.json import Json, reference_to_json
from fhir_plugin.model.figure import Designation
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.terms import DATA_OPERATION, PROVENANCE_PARTICIPANT, CodeSystems, Profiles

__all__ = ["Author", "provenance_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who typed a change, and for whom.

    Attributes:
        enterer: the user (Practitioner, PractitionerRole, Patient or RelatedPerson).
        organization: on whose behalf, where known.
        designations: who decided: a Patient or RelatedPerson, never a professional (pv-1).
    """

    enterer: Ref
    organization: Ref | None = None
    designations: tuple[Designation, ...] = ()


def provenance_of(changes: Iterable[ResourceChange], author: Author, recorded: datetime) -> Json:
    """One Provenance for all resources of a transaction.

    Args:
        changes: what is written; at least one.
        author: who typed and who decided.
        recorded: aware instant of the change.
    """
    listed = list(changes)
    created = all(change.is_new for change in listed)
    deciding = [designation for designation in author.designations if designation.who and designation.who.reference]
    return {
        "resourceType": "Provenance",
        **({"meta": {"profile": [Profiles.DESIGNATION]}} if deciding else {}),
        "target": [{"reference": change.reference} for change in listed],
        "recorded": recorded.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "activity": {"coding": [{"system": DATA_OPERATION, "code": "CREATE" if created else "UPDATE"}]},
        "agent": [*(_designator(item) for item in deciding), _enterer(author)],
    }


def _designator(designation: Designation) -> Json:
    coding = Coding(system=CodeSystems.DESIGNATOR, code=designation.by.value)
    author = {"system": PROVENANCE_PARTICIPANT, "code": "author", "display": "Author"}
    who = designation.who or Ref()
    role = [{"coding": [coding_to_json(coding)]}]
    return {"type": {"coding": [author]}, "role": role, "who": reference_to_json(who)}


def _enterer(author: Author) -> Json:
    coding = {"system": PROVENANCE_PARTICIPANT, "code": "enterer", "display": "Enterer"}
    agent: Json = {"type": {"coding": [coding]}, "who": reference_to_json(author.enterer)}
    if author.organization and author.organization.reference:
        agent["onBehalfOf"] = reference_to_json(author.organization)
    return agent
