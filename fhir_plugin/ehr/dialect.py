"""The version of FHIR an EHR speaks; inside the product everything is R4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fhir_plugin.errors import EhrRejected
from fhir_plugin.mapping.views.stu3 import (
    care_team_down,
    care_team_up,
    provenance_down,
    provenance_up,
    related_person_down,
    related_person_up,
)
from fhir_plugin.mapping.views.stu3_consent import consent_down, consent_up

__all__ = ["R4", "STU3", "Dialect"]

Json = dict[str, Any]


class Dialect(Protocol):
    """How resources are written in one version of FHIR."""

    def up(self, body: Json) -> Json:
        """A resource as the EHR gives it, as R4."""

    def down(self, body: Json) -> Json:
        """An R4 resource as the EHR takes it.

        Raises:
            EhrRejected: that version cannot say it.
        """


@dataclass(frozen=True, slots=True)
class _R4:
    def up(self, body: Json) -> Json:
        return body

    def down(self, body: Json) -> Json:
        return body


def _consent_up(body: Json) -> Json:
    """An STU3 consent whose meaning R4 would not keep stays as it is: what is not understood permits nothing."""
    return consent_up(body) or body


_UP: dict[str, Callable[[Json], Json]] = {
    "RelatedPerson": related_person_up,
    "CareTeam": care_team_up,
    "Provenance": provenance_up,
    "Consent": _consent_up,
}
_DOWN: dict[str, Callable[[Json], Json]] = {
    "RelatedPerson": related_person_down,
    "CareTeam": care_team_down,
    "Provenance": provenance_down,
}


@dataclass(frozen=True, slots=True)
class _Stu3:
    def up(self, body: Json) -> Json:
        convert = _UP.get(str(body.get("resourceType", "")))
        return convert(body) if convert else body

    def down(self, body: Json) -> Json:
        kind = str(body.get("resourceType", ""))
        if kind == "Consent":
            written = body if "except" in body else consent_down(body)
            if written is None:
                raise EhrRejected(
                    "STU3 has no way to say what this Consent says.",
                    code="stu3-cannot-carry",
                    where="Consent.provision",
                    remedy="Record this consent in the EHR by hand.",
                )
            return written
        convert = _DOWN.get(kind)
        return convert(body) if convert else body


R4: Dialect = _R4()
STU3: Dialect = _Stu3()
"""https://hl7.org/fhir/STU3/; zib2017 (http://fhir.nl/fhir/StructureDefinition/nl-core-relatedperson)."""
