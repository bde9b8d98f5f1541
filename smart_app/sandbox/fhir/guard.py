"""What the bearer of a request may do, worked out from its scopes and its context."""

from __future__ import annotations

from dataclasses import dataclass

from smart_app.sandbox.auth.scopes import ResourceScope
from smart_app.sandbox.fhir.outcome import FhirError

__all__ = ["Grant", "Guard"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One way in: everything, or one patient's record, and only what meets the query.

    Attributes:
        patient: id of the only Patient whose record is open; None for all.
        query: search parameters the resource must meet besides.
    """

    patient: str | None
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The rights behind one access token.

    Attributes:
        identity: who asks, to bind search pages to; stable over refreshes of one authorization.
        scopes: resource scopes of the token; None for a server without authorization (tests of FHIR clients).
        patient: launch context of ``patient/`` scopes.
        own_record: the only record ``user/`` scopes open, for a user who is not a professional.
    """

    identity: str
    scopes: tuple[ResourceScope, ...] | None
    patient: str | None = None
    own_record: str | None = None

    @classmethod
    def everything(cls) -> Guard:
        """No limits: the EHR's own pages, and a server without authorization."""
        return cls(identity="", scopes=None)

    def grants(self, kind: str, permission: str) -> tuple[Grant, ...]:
        """The ways in for one interaction on one type.

        Raises:
            FhirError: 403, no scope opens it.
        """
        if self.scopes is None:
            return (Grant(None),)
        found = tuple(
            Grant(self._record(scope.level), scope.query)
            for scope in self.scopes
            if scope.covers(kind, permission) and not (scope.level == "patient" and not self.patient)
        )
        if not found:
            needed = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}[permission]
            raise FhirError(403, "forbidden", f"The token has no scope to {needed} {kind}.")
        return found

    def reaches(self, kind: str, permission: str, owners: frozenset[str]) -> bool:
        """Whether the rights reach something in exactly these records, apart from queries in scopes.

        Raises:
            FhirError: 403, no scope opens the type at all.
        """
        patients = {grant.patient for grant in self.grants(kind, permission)}
        return None in patients or (len(owners) == 1 and owners <= patients)

    def _record(self, level: str) -> str | None:
        if level == "patient":
            return self.patient
        return self.own_record if level == "user" else None
