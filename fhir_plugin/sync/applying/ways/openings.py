"""The last door before a write that gives access: each place in a team that opens needs its own fresh ``Permit``.

Taking part in the care team is what gives a figure access in an EHR. Looked at here is what is really sent, so that no
decision, undo or way of writing can forget to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from fhir_plugin.consent import Ask, demand
from fhir_plugin.errors import PermitRequired
from fhir_plugin.mapping.engagement import participants
from fhir_plugin.mapping.json import Json, period_of, text
from fhir_plugin.model.dates import PartialDate, local_day
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying.ways.tasks import Task

__all__ = ["demand_openings", "lasts_longer", "openings"]


def demand_openings(tasks: Iterable[Task], asks: Sequence[Ask], at: datetime) -> None:
    """Let tasks through only when everybody they give a place in a team has a permit for it, now.

    Raises:
        PermitRequired: somebody has none, or one that is out of date or about something else.
    """
    by_actor = {ask.request.actor.key: ask for ask in asks}
    for member in dict.fromkeys(who for task in tasks for who in openings(task, at)):
        ask = by_actor.get(Ref(reference=member).key)
        if ask is None:
            raise PermitRequired(
                "This would give a support figure a place in the team without a decision that permits it.",
                where="CareTeam.participant",
                remedy="Decide on the consents first.",
            )
        demand(ask.permit, replace(ask.request, at=at))


def openings(task: Task, at: datetime) -> Iterator[str]:
    """References of related persons whom a team gives a place they did not have, or for longer."""
    if task.type != "CareTeam" or text(task.body, "status") in ("inactive", "entered-in-error"):
        return
    held = {_member(item): item for item in _people(task.before or {}) if _is_open(item, at)}
    if text(task.before, "status") in ("inactive", "entered-in-error"):
        held = {}
    for item in _people(task.body):
        before = held.get(_member(item))
        if _is_open(item, at) and (before is None or lasts_longer(_end(before), _end(item))):
            yield _member(item)


def lasts_longer(before: PartialDate | None, after: PartialDate | None) -> bool:
    """Whether an end is moved away."""
    return before is not None and (after is None or after.last_day() > before.last_day())


def _people(team: Json) -> Iterator[Json]:
    for item in participants(team):
        if isinstance(item, dict) and (_member(item).startswith("urn:") or "RelatedPerson/" in _member(item)):
            yield item


def _member(item: Json) -> str:
    return text(item.get("member"), "reference")


def _end(item: Json) -> PartialDate | None:
    return period_of(item, "period").end


def _is_open(item: Json, at: datetime) -> bool:
    end = _end(item)
    return end is None or end.last_day() >= local_day(at)
