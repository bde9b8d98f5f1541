"""What of a client's changes can be written in this EHR, and what waits for a person; pure.

What refers to somebody who is not in the record waits with that person; a team goes on without them. Nothing that
gives access goes before its consent: when a consent waits, whoever it would let in waits too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fhir_plugin.mapping.engagement import participants
from fhir_plugin.mapping.json import Json, period_of, text
from fhir_plugin.sync.applying.ways.choosing import Route
from fhir_plugin.sync.applying.ways.openings import lasts_longer
from fhir_plugin.sync.applying.ways.tasks import Task, references

__all__ = ["Divided", "divide", "ends_only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """The tasks of one client.

    Attributes:
        send: to be written, in the order given.
        left: for a person to enter.
        together: whether ``send`` can go in one transaction.
    """

    send: tuple[Task, ...] = field(default=(), repr=False)
    left: tuple[Task, ...] = field(default=(), repr=False)
    together: bool = False


def divide(tasks: Sequence[Task], route: Route) -> Divided:
    """Divide the tasks of one client by what the EHR takes."""
    left: list[Task] = [task for task in tasks if _way_of(task, route) is None]
    missing = {task.full_url for task in left if task.full_url}
    send: list[Task] = []
    for task in tasks:
        if task in left:
            continue
        if missing and task.type == "Consent" and missing & set(references(task.body)):
            left.append(task)
            continue
        send.append(task)
    barred = missing | {who for task in left if _permits(task) for who in _actors(task.body)}
    result: list[Task] = []
    for task in send:
        bare = _without(task, barred) if task.type == "CareTeam" and barred else task
        if bare is not task:
            left.append(task)
        if bare is not None:
            result.append(bare)
    plain = [route.way(task.type).is_plain and bool(task.is_new or task.version) for task in result]
    together = route.together and all(plain) and route.way("Provenance").is_plain
    return Divided(send=tuple(result), left=tuple(left), together=together)


def ends_only(task: Task) -> Task | None:
    """A team task that does nothing but end what it ends; None when it ends nothing."""
    if task.type != "CareTeam" or task.before is None:
        return None
    held = participants(task.before)
    shorter = {_member(item): item for item in participants(task.body) if item not in held and _shortens(item, held)}
    if not shorter:
        return None
    now = [shorter[_member(item)] if _member(item) in shorter and _outlasts(item, shorter) else item for item in held]
    return replace(task, body={**task.before, "participant": now})


def _way_of(task: Task, route: Route) -> object | None:
    way = route.way(task.type)
    return way.create if task.is_new else way.update


def _permits(task: Task) -> bool:
    return task.type == "Consent" and text(task.body, "status") == "active"


def _actors(consent: Json) -> list[str]:
    provision = consent.get("provision")
    return list(references(provision.get("actor"))) if isinstance(provision, dict) else []


def _without(task: Task, barred: set[str]) -> Task | None:
    """A team task without what it newly opens for people; None when nothing is left. An end is never held back."""
    held = participants(task.before) if task.before else []
    kept = [
        item for item in participants(task.body) if item in held or _shortens(item, held) or _member(item) not in barred
    ]
    members = {_member(item) for item in kept}
    kept += [item for item in held if _member(item) in barred and _member(item) not in members]
    if kept == participants(task.body):
        return task
    if task.before is None and not kept:
        return None
    body = {**task.body, "participant": kept}
    return None if body == task.before else replace(task, body=body)


def _member(participant: object) -> str:
    return text(participant.get("member"), "reference") if isinstance(participant, dict) else ""


def _shortens(participant: object, held: Sequence[object]) -> bool:
    """Whether a participant gives somebody a place that ends sooner than the one they hold, and so opens nothing."""
    return any(_outlasts(item, {_member(participant): participant}) for item in held)


def _outlasts(item: object, shorter: Mapping[str, object]) -> bool:
    """Whether a place lasts longer than the one its member is to have."""
    found = shorter.get(_member(item))
    if not isinstance(item, dict) or not isinstance(found, dict):
        return False
    return lasts_longer(period_of(found, "period").end, period_of(item, "period").end)
