"""What became of a client's writes, by looking at the record: what was written, what was dropped, what to remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fhir_plugin.mapping.json import Json, text
from fhir_plugin.model.identity import Identifier
from fhir_plugin.model.network import SupportNetwork, Team
from fhir_plugin.model.terms import FIGURE_IDENTIFIER
from fhir_plugin.sync.applying.mending import find_sent
from fhir_plugin.sync.applying.undoing import digest_of
from fhir_plugin.sync.applying.worklist import Left
from fhir_plugin.sync.applying.writing import PUT_BACK, Unit, Wrote, body_before
from fhir_plugin.sync.deciding.elements import ELEMENTS
from fhir_plugin.sync.journals.journal import Step
from fhir_plugin.sync.matching.linking import Remembered
from fhir_plugin.sync.records.arrival import as_sent, frozen_in

__all__ = ["intent_of", "looked_up", "outcome_of", "undo_of"]

ReadNetwork = Callable[[list[Json], str], SupportNetwork]
_PLACE = frozenset(element.path for element in ELEMENTS if element.group == "engagement")
"""What a place in the team says; an EHR that drops it has not agreed to it, and is asked again in the next run."""


def outcome_of(result: Wrote, left: Left, bodies: list[Json], read: ReadNetwork) -> tuple[Step, tuple[Remembered, ...]]:
    """The step of a result and what to remember of it.

    Args:
        result: what the writer says.
        left: what waits for a person.
        bodies: the record as it was read back; empty when it was not.
        read: resources and the id of a client → its network.
    """
    if result.code == PUT_BACK:  # nothing is agreed: the next decision is made on what somebody wrote
        return Step(patient=result.unit.patient, state="changed", code=PUT_BACK, resources=result.resources), ()
    return _exact(result, bodies) or _by_element(result, left, bodies, read)


def intent_of(unit: Unit) -> dict[str, object]:
    """What is journalled before a unit is sent: how to take it back, and what to look for when no answer comes."""
    return {**undo_of(unit), "sent": [[change.full_url, change.body] for change in unit.changes]}


def looked_up(result: Wrote, bodies: list[Json]) -> Wrote:
    """A result nobody answered for, as the record shows it; the same when it is not there as it was sent."""
    if not result.uncertain or result.left or not bodies:
        return result
    sent = [(change.full_url, change.body) for change in result.unit.changes]
    found = find_sent(sent, bodies)
    if found is None:
        return result
    ids, versions = found
    return replace(result, ids=ids, versions=versions, error=None, uncertain=False, resources=len(sent) + 1)


def _exact(result: Wrote, bodies: list[Json]) -> tuple[Step, tuple[Remembered, ...]] | None:
    """The outcome where the record holds to the letter what was sent; None where that is not so."""
    unit = result.unit
    if result.error is not None or result.left or not as_sent(unit.changes, result.ids, bodies):
        return None
    items = []
    for item in unit.decided.remember:
        new = result.ids.get(item.target)
        held = frozen_in(f"RelatedPerson/{new}", bodies) if new else None
        items.append(replace(item, target=new or item.target, frozen=(item.frozen[0], held)))
    undo = _undo(result, bodies)
    code = result.code or unit.decided.plan.needs_person
    return Step(patient=unit.patient, state="done", code=code, resources=result.resources, undo=undo), tuple(items)


def _by_element(
    result: Wrote, left: Left, bodies: list[Json], read: ReadNetwork
) -> tuple[Step, tuple[Remembered, ...]]:
    unit = result.unit
    now = read(bodies, unit.patient) if bodies else None
    undo = _undo(result, bodies)
    decided = unit.decided
    planned = left.agreed(decided.remember)
    if result.uncertain and now is not None and not result.left and _arrived(result, now):
        result = replace(result, error=None, uncertain=False, resources=len(unit.changes) + 1)
    if result.error is not None:
        state = "unknown" if result.uncertain and now is None else "failed"
        return Step(patient=unit.patient, state=state, code=result.error.code, undo=undo), ()
    items = tuple(_held(item, result, now) for item in planned)
    dropped = [
        item
        for item, held in zip(planned, items, strict=True)
        if now and not (now.figure(held.target) and _kept(item, held))
    ]
    code = "sync-to-enter" if left.asks else decided.plan.needs_person
    code = result.code or ("sync-dropped" if dropped else code)
    state = "done" if result.resources or not left.asks else "to-enter"
    return Step(patient=unit.patient, state=state, code=code, resources=result.resources, undo=undo), items


def _undo(result: Wrote, bodies: list[Json]) -> dict[str, object]:
    """With the versions that were written; for what got none, what it says, so that an undo sees an edit since then."""
    bare = {reference for reference, version in result.versions.items() if not version}
    held = ((f"{text(body, 'resourceType')}/{text(body, 'id')}", body) for body in bodies) if bare else ()
    digests = {reference: digest_of(body) for reference, body in held if reference in bare}
    return {**undo_of(result.unit), "versions": result.versions, **({"digests": digests} if digests else {})}


def _held(item: Remembered, result: Wrote, now: SupportNetwork | None) -> Remembered:
    """What to remember: with the id the figure got, and as the EHR holds what was written.

    Our identifier says who it is, before the id does: some EHRs answer the entries of a transaction in another order.

    A version after ours is somebody's edit: what was agreed is what was written then, so that the edit is seen as one.
    """
    target = result.ids.get(item.target, item.target)
    named = Identifier(system=FIGURE_IDENTIFIER, value=item.identity)
    figures = now.figures if now else ()
    found = next((each for each in figures if named in each.identifiers), now.figure(target) if now else None)
    if found is None:
        found = next((each for each in figures if set(each.identifiers) & set(item.held.identifiers)), None)
    if found is None:
        return replace(item, target=target)
    looked_at = [found.carried, now.team.carried if now and now.team else None]
    is_ours = all(result.versions.get(body.reference) in (None, "", body.version) for body in looked_at if body)
    if not is_ours:
        return replace(item, target=found.id)
    held = item.refreshed(found)
    is_dropped = item.held.engagement and not found.engagement and now and _is_as_written(now.team, result)
    return replace(held, known=held.known - _PLACE) if is_dropped else held


def _is_as_written(team: Team | None, result: Wrote) -> bool:
    """Whether the team is in the version that was written, so that what it lacks is the EHR's doing and nobody's."""
    written = team.carried if team else None
    return written is not None and bool(written.version) and result.versions.get(written.reference) == written.version


def _kept(planned: Remembered, held: Remembered) -> bool:
    """Whether the EHR holds what was written, element by element."""
    return all(
        element.get(planned.held) == element.get(held.held) for element in ELEMENTS if element.path in planned.known
    )


def _arrived(result: Wrote, now: SupportNetwork) -> bool:
    """Whether a write that got no answer is in the record all the same."""
    decided = result.unit.decided
    held = [_held(item, result, now) for item in decided.remember]
    return all(now.figure(item.target) and _kept(plan, item) for plan, item in zip(decided.remember, held, strict=True))


def undo_of(unit: Unit) -> dict[str, object]:
    """What is needed to take a unit back: the bodies as they were, and what was new."""
    before = {}
    for change in unit.changes:
        if not change.is_new:
            before[change.reference] = body_before(unit.decided.before, change.reference)
    return {"before": before, "new": [f"{change.type}|{change.full_url}" for change in unit.changes if change.is_new]}
