"""Create, update, patch and delete, with their conditions (https://hl7.org/fhir/R4/http.html#ops)."""

from __future__ import annotations

import re
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException

from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Interaction, Params
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.parameters import KNOWN_TYPES
from smart_app.sandbox.fhir.search import matching, names_nobody, sees
from smart_app.sandbox.fhir.store import Row, Session

__all__ = ["Writer", "answer", "checked", "checked_type", "patched"]

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_PERMISSION = {"POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}


def answer(row: Row, status: int) -> Answer:
    """The answer that gives a version back."""
    return Answer(
        status=status,
        body=row.json() if row.body is not None else None,
        etag=str(row.version),
        location=f"{row.type}/{row.id}/_history/{row.version}",
        last_modified=row.updated,
    )


def checked(body: Any, kind: str) -> Json:
    """The resource of a request, if it is one of this type.

    Raises:
        FhirError: 400 or 422, it is not.
    """
    if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
        raise FhirError(400, "structure", "The body is not a FHIR resource.")
    if body["resourceType"] != kind:
        raise FhirError(400, "invalid", f"The body is a {body['resourceType'][:40]}, the URL says {kind}.")
    if not isinstance(body.get("meta", {}), dict):
        raise FhirError(422, "structure", "'meta' is an object.")
    return body


def checked_type(kind: str) -> None:
    """Refuse a type this server does not keep.

    Raises:
        FhirError: 404, as https://hl7.org/fhir/R4/http.html#read says of unsupported types.
    """
    if kind not in KNOWN_TYPES:
        raise FhirError(404, "not-supported", "This server does not keep resources of that type.")


class Writer:
    """The writes of one request, in one session, within one guard's rights.

    ``verify`` must be called before the session ends: whether something is within the guard's rights depends on what
    else the request wrote, so it is judged when all is written.
    """

    def __init__(self, session: Session, guard: Guard) -> None:
        self._session = session
        self._guard = guard
        self._written: list[tuple[Row, str]] = []
        self._owners: dict[int, frozenset[str]] = {}

    def perform(self, interaction: Interaction) -> Answer:
        """One write.

        Raises:
            FhirError: the condition fails (409, 412), the body is not acceptable (400, 422) or no right (403, 404).
        """
        checked_type(interaction.type)
        self._guard.grants(interaction.type, _PERMISSION[interaction.method])
        if interaction.method == "POST":
            return self._create(interaction)
        before = self._target(interaction)
        _conditions(interaction, before)
        if interaction.method == "DELETE":
            return self._delete(before)
        return self._update(interaction, before)

    def verify(self) -> None:
        """Whether everything written lies within the guard's rights and stayed in the record it was in.

        Raises:
            FhirError: 403 or 422, something would end up in another record.
        """
        self._session.flush()
        for row, permission in self._written:
            if not sees(self._session, row, self._guard, permission):
                raise FhirError(403, "forbidden", f"The token does not allow this {row.type}: it is in another record.")
            was = self._owners.get(row.key)
            if was and was != self._session.patients_of(row.type, row.id):
                raise FhirError(422, "business-rule", f"A {row.type} cannot move to another patient's record.")

    def new_id(self) -> str:
        """An id for what will be created."""
        return self._session.new_id()

    def find(self, kind: str, params: Params, permission: str) -> Row | None:
        """The one resource a condition means, or None.

        Raises:
            FhirError: 412, it means several.
        """
        if not params:
            raise FhirError(412, "required", "A condition without search parameters would mean everything.")
        if names_nobody(self._session, kind, params, self._guard, permission):
            return None
        found = matching(self._session, kind, params, self._guard, permission)
        if len(found) > 1:
            raise FhirError(412, "multiple-matches", f"The condition means more than one {kind}.")
        return found[0] if found else None

    def _create(self, interaction: Interaction) -> Answer:
        body = checked(interaction.body, interaction.type)
        if interaction.if_none_exist is not None:
            existing = self.find(interaction.type, interaction.if_none_exist, "c")
            if existing:
                return answer(existing, 200)
        fresh = {name: value for name, value in body.items() if name != "id"}
        if interaction.assigned_id:
            fresh["id"] = interaction.assigned_id
        return self._store(fresh, "POST", None, 201)

    def _update(self, interaction: Interaction, before: Row | None) -> Answer:
        if interaction.method == "PATCH":
            if before is None or before.body is None:
                raise FhirError(404, "not-found", f"There is no such {interaction.type} to patch.")
            body = checked(patched(before.json(), interaction.body), interaction.type)
        else:
            body = checked(interaction.body, interaction.type)
        identity = interaction.id or (before.id if before else str(body.get("id") or interaction.assigned_id))
        if body.get("id", identity) != identity:
            raise FhirError(400, "invalid", "The id in the body is not the one in the URL.")
        if identity and not _ID.fullmatch(identity):
            raise FhirError(400, "value", "An id has 1 to 64 letters, digits, hyphens or points.")
        created = before is None or before.body is None
        return self._store({**body, "id": identity}, interaction.method, before, 201 if created else 200)

    def _delete(self, before: Row | None) -> Answer:
        if before is None:
            return Answer(status=204)
        if before.body is None:
            return Answer(status=204, etag=str(before.version))
        gone = self._session.delete(before)
        return Answer(status=204, etag=str(gone.version), last_modified=gone.updated)

    def _store(self, body: Json, method: str, before: Row | None, status: int) -> Answer:
        row = self._session.write(body, method, before)
        self._written.append((row, _PERMISSION[method]))
        return answer(row, status)

    def _target(self, interaction: Interaction) -> Row | None:
        """What is written over, if the guard may see it at all."""
        permission = _PERMISSION[interaction.method]
        if not interaction.id:
            before = self.find(interaction.type, interaction.params, permission)
            if before is None and interaction.method == "PUT" and isinstance(interaction.body, dict):
                before = self._session.current(interaction.type, str(interaction.body.get("id", "")))
                if before is not None:
                    raise FhirError(409, "conflict", "The condition means nothing, but the id in the body exists.")
        else:
            before = self._session.current(interaction.type, interaction.id)
        if before is not None:
            self._owners[before.key] = self._seen_owners(before, permission)
        return before

    def _seen_owners(self, before: Row, permission: str) -> frozenset[str]:
        """Whose record it is in; of something deleted, whose it was: an id is never taken over by another record.

        Raises:
            FhirError: 404, the guard does not reach it.
        """
        if before.body is not None:
            owners = self._session.patients_of(before.type, before.id)
            seen = sees(self._session, before, self._guard, permission)
        else:
            held = next((past for past in self._session.versions(before) if past.body is not None), before)
            owners = self._session.patients_then(held)
            seen = not owners or self._guard.reaches(before.type, permission, owners)
        if not seen:
            raise FhirError(404, "not-found", f"There is no such {before.type}.")
        return owners


def _conditions(interaction: Interaction, before: Row | None) -> None:
    exists = before is not None and before.body is not None
    if interaction.if_none_match == "*" and exists:
        raise FhirError(412, "conflict", f"This {interaction.type} exists already.")
    if interaction.if_match is None:
        return
    if before is None or interaction.if_match != str(before.version):
        raise FhirError(412, "conflict", f"This {interaction.type} was changed by somebody else first.")


def patched(resource: Json, operations: Any) -> Json:
    """The resource after a JSON Patch (RFC 6902).

    Raises:
        FhirError: 400, 409 or 422, it cannot be applied.
    """
    if not isinstance(operations, list):
        raise FhirError(400, "structure", "A JSON Patch is a list of operations.")
    try:
        result: Json = jsonpatch.JsonPatch(operations).apply(resource)
    except jsonpatch.JsonPatchTestFailed:
        raise FhirError(409, "conflict", "A test of the JSON Patch fails on the current version.") from None
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError):
        raise FhirError(422, "processing", "The JSON Patch cannot be applied.") from None
    return result
