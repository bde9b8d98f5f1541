"""Resources as an EHR that speaks STU3 writes them, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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

__all__ = ["down", "up"]

Json = dict[str, Any]


def up(body: Json) -> Json:
    """See ``dialect.Dialect.up``."""
    convert = _UP.get(str(body.get("resourceType", "")))
    return convert(body) if convert else body


def down(body: Json) -> Json:
    """See ``dialect.Dialect.down``."""
    convert = _DOWN.get(str(body.get("resourceType", "")))
    return convert(body) if convert else body


def _consent_up(body: Json) -> Json:
    """A consent whose meaning R4 would not keep stays as it is: what is not understood permits nothing."""
    return consent_up(body) or body


def _consent_down(body: Json) -> Json:
    written = body if "except" in body else consent_down(body)
    if written is None:
        raise EhrRejected(
            "STU3 has no way to say what this Consent says.",
            code="stu3-cannot-carry",
            where="Consent.provision",
            remedy="Record this consent in the EHR by hand.",
        )
    return written


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
    "Consent": _consent_down,
}
