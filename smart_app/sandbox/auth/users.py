"""Who can sign in to the EHR: synthetic professionals, a youth, a parent, a support figure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EhrUser"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EhrUser:
    """A person who can sign in by being chosen.

    Attributes:
        id: short name in URLs and sessions.
        fhir_user: reference to the resource that is this person (Practitioner, Patient or RelatedPerson).
        role: professional, youth, parent or figure.
        record: id of the only Patient whose record the user may open; empty for a professional.
        scope: widest scopes the user may give an app; empty for no limit.
    """

    id: str
    name: str
    fhir_user: str
    role: str
    record: str = ""
    scope: str = ""

    def get_user_id(self) -> str:
        """Subject of tokens (authlib's name)."""
        return self.id
