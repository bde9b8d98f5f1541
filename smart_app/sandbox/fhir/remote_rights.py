"""Whether a resource of another FHIR server lies within a guard's rights: judged on its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smart_app.sandbox.fhir.compartments import INDIRECT_TYPES, SHARED_TYPES, patients_of
from smart_app.sandbox.fhir.guard import Grant, Guard
from smart_app.sandbox.fhir.interaction import Params
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.parameters import parameters_of

__all__ = ["Fetch", "Rights"]

Fetch = Callable[[str, str], Json | None]
"""From (type, id) to the resource on the other server, or None."""


class Rights:
    """The rights behind one request; what it had to look up is remembered.

    Scopes with a query are not opened: the other server's idea of a search parameter is not ours to judge by.

    Args:
        pending: resources that the same transaction writes, by ``Type/id``.
    """

    def __init__(self, guard: Guard, base_url: str, fetch: Fetch, pending: Mapping[str, Json] | None = None) -> None:
        self._guard = guard
        self._base_url = base_url
        self._fetch = fetch
        self._pending = pending or {}
        self._known: dict[tuple[str, str], frozenset[str]] = {}

    def grants(self, kind: str, permission: str) -> list[Grant]:
        """The ways in that can be judged here.

        Raises:
            FhirError: 403, there is none.
        """
        found = [grant for grant in self._guard.grants(kind, permission) if not grant.query]
        if not found:
            raise FhirError(403, "forbidden", f"The token's scopes for {kind} cannot be judged on this server.")
        return found

    def sees(self, resource: Json, permission: str) -> bool:
        """Whether this resource may be read, or written with this content.

        Raises:
            FhirError: 403, no scope opens the type at all.
        """
        kind = str(resource.get("resourceType", ""))
        patients = {grant.patient for grant in self.grants(kind, permission)}
        if None in patients or (kind in SHARED_TYPES and permission in "rs"):
            return True
        owners = self.owners(resource)
        return len(owners) == 1 and owners <= patients

    def shows(self, resource: Json) -> bool:
        """As ``sees`` for an included resource: a type without a scope is left out, not refused."""
        try:
            return self.sees(resource, "r")
        except FhirError:
            return False

    def narrowing(self, kind: str, permission: str) -> Params:
        """A search parameter that keeps the other server from searching every record, where there is one.

        What is in a record through another resource (Provenance of a RelatedPerson) has none: R4 defines their
        ``patient`` as a direct reference only.
        """
        patients = {grant.patient for grant in self.grants(kind, permission)}
        patient = next(iter(patients)) if len(patients) == 1 else None
        if patient is None or kind in SHARED_TYPES | INDIRECT_TYPES:
            return ()
        if kind == "Patient":
            return (("_id", patient),)
        return (("patient", f"Patient/{patient}"),) if "patient" in parameters_of(kind) else ()

    def counts(self, kind: str) -> bool:
        """Whether the other server's total for this type counts nothing that may not be seen."""
        patients = {grant.patient for grant in self.grants(kind, "s")}
        return None in patients or kind in SHARED_TYPES or bool(self.narrowing(kind, "s"))

    def owners(self, resource: Json) -> frozenset[str]:
        """Ids of the Patients whose record the resource is in."""
        return patients_of(resource, self._base_url, self._of_target)

    def _of_target(self, kind: str, identity: str) -> frozenset[str]:
        place = (kind, identity)
        if place not in self._known:
            self._known[place] = frozenset()  # a circle of references ends here
            found = self._pending.get(f"{kind}/{identity}") or self._fetch(kind, identity)
            self._known[place] = self.owners(found) if found else frozenset()
        return self._known[place]
