"""Ways to change a resource without losing what somebody else changed in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrConflict
from fhir_plugin.mapping.json import Json
from fhir_plugin.sync.applying.ways.finding import written_as
from fhir_plugin.sync.applying.ways.tasks import Task, content_of

__all__ = ["ComparedPut", "MatchedPut", "TestedPatch", "patch_of"]


@dataclass(frozen=True, slots=True)
class MatchedPut:
    """PUT with If-Match: the EHR refuses it when somebody was first. What has no version is compared instead."""

    client: FhirClient

    def __call__(self, task: Task) -> Written:
        """See ``tasks.Update``."""
        if not task.version:
            return ComparedPut(self.client)(task)
        return self.client.update(task.body, if_match=task.version)


@dataclass(frozen=True, slots=True)
class TestedPatch:
    """JSON Patch (RFC 6902) of the elements that differ, each with a ``test`` of its value before, and If-Match.

    No ``test`` can say that an element is not there: where the EHR looks at no versions, what is to be added is looked
    for first, as in ``ComparedPut``.
    """

    client: FhirClient
    matched: bool = True

    def __call__(self, task: Task) -> Written:
        """See ``tasks.Update``."""
        if not (self.matched and task.version):
            _demand_unchanged(self.client, task)
        operations = patch_of(self.client.stored(task.before or {}), self.client.stored(task.body))
        return self.client.patch(task.type, task.id, operations, if_match=task.version or None)


@dataclass(frozen=True, slots=True)
class ComparedPut:
    """GET, compare, PUT, GET: for an EHR that looks at no versions. Between GET and PUT an edit can still be lost."""

    client: FhirClient

    def __call__(self, task: Task) -> Written:
        """See ``tasks.Update``.

        Raises:
            EhrConflict: code ``lost-update-seen`` when what is there afterwards is not what was written.
        """
        _demand_unchanged(self.client, task)
        self.client.update(task.body)
        after = self.client.read(task.type, task.id)
        if not _holds(after, task.body):
            raise EhrConflict(
                f"Somebody wrote the same {task.type} in the same moment, or the EHR keeps it otherwise.",
                code="lost-update-seen",
                where=f"GET {task.type}",
                remedy="Look at the record and its history; this EHR does not protect edits.",
            )
        return written_as(after)


def _demand_unchanged(client: FhirClient, task: Task) -> None:
    """Refuse to write over what is not as it was read."""
    held = client.read(task.type, task.id)
    if content_of(held) != content_of(task.before or {}) or _differ(held, task.before or {}):
        raise EhrConflict(
            "The record was changed in the meantime.", where=f"GET {task.type}", remedy="Make the plan again."
        )


def patch_of(before: Json, after: Json) -> list[Json]:
    """The JSON Patch that makes ``before`` into ``after``, element by element, with a ``test`` before each."""
    operations: list[Json] = []
    for key in sorted({*before, *after} - {"id", "resourceType"}):
        path = f"/{key.replace('~', '~0').replace('/', '~1')}"
        if key == "meta":
            operations += _meta_patch(before.get("meta"), after.get("meta"))
        elif key not in before:
            operations.append({"op": "add", "path": path, "value": after[key]})
        elif before[key] != after.get(key):
            operations.append({"op": "test", "path": path, "value": before[key]})
            change = {"op": "replace", "path": path, "value": after[key]} if key in after else None
            operations.append(change or {"op": "remove", "path": path})
    return operations


def _meta_patch(before: Any, after: Any) -> list[Json]:
    """Only the profiles that are claimed are ours to change; a version in a patch would be out of date at once."""
    held = before.get("profile") if isinstance(before, dict) else None
    wanted = after.get("profile") if isinstance(after, dict) else None
    if held == wanted:
        return []
    if held is None:
        return [{"op": "add", "path": "/meta/profile", "value": wanted}]
    test = {"op": "test", "path": "/meta/profile", "value": held}
    change = {"op": "replace", "path": "/meta/profile", "value": wanted}
    return [test, change if wanted is not None else {"op": "remove", "path": "/meta/profile"}]


def _differ(held: Json, before: Json) -> bool:
    """Whether versions, where both tell one, say that it was changed."""
    found = [(body.get("meta") or {}).get("versionId") for body in (held, before)]
    return bool(found[0] and found[1] and found[0] != found[1])


def _holds(after: Json, body: Json) -> bool:
    """Whether every element that was sent is there as it was sent."""
    held = content_of(after)
    return all(held.get(key) == value for key, value in content_of(body).items())
