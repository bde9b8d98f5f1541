"""What of a client's changes can be written in this EHR, and what waits for a person; pure.

What refers to somebody who is not in the record waits with that person; a team goes on without them. Nothing that
gives access goes before its consent: when a consent waits, whoever it would let in waits too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fhir_plugin.mapping.engagement import participants
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.sync.applying.ways.choosing import Route
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
        if task.type == "Consent" and missing & set(references(task.body)):
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
    held = participants(task.before) if task.before else []
    ended = {_member(item): item for item in participants(task.body) if item not in held and _ends(item)}
    known = {_member(item) for item in held if not _ends(item)} & set(ended)
    if task.type != "CareTeam" or not known or task.before is None:
        return None
    now = [ended[_member(item)] if _member(item) in known and not _ends(item) else item for item in held]
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
    kept = [item for item in participants(task.body) if item in held or _ends(item) or _member(item) not in barred]
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


def _ends(participant: object) -> bool:
    return isinstance(participant, dict) and bool(text(participant.get("period"), "end"))
