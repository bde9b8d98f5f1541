"""The heart of a run, pure: what the source says × what the EHR holds × what was agreed last time → what to do.

Nothing here reads or writes anything. Planning and applying both call ``decide_client``: a plan that is applied must
come to the same decision again, or the record changed in the meantime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fhir_plugin.consent import Ask, access_permit
from fhir_plugin.model.dates import local_day
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.deciding.decided import Action, ClientPlan, ElementChange, FigurePlan, label_of, shown
from fhir_plugin.sync.deciding.elements import ELEMENTS
from fhir_plugin.sync.deciding.merging import Merged, agreed_at_first, merge_figure, taken_whole
from fhir_plugin.sync.deciding.questions import question_of
from fhir_plugin.sync.deciding.taking_part import is_open, share, share_no_longer
from fhir_plugin.sync.matching.linking import (
    Answers,
    Others,
    Remembered,
    identifiers_of,
    identity_of,
    known_parents,
    known_people,
    link_rows,
    new_figure,
)
from fhir_plugin.sync.matching.match import STRONG, Found, agreeing_keys, match
from fhir_plugin.sync.sources.wanted import Problem, Wanted

__all__ = ["Decided", "decide_client"]

_GONE = "gone:sync-figure-gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What to do for one client.

    Attributes:
        before: the network as it was read.
        after: the network as it will be.
        remember: what to remember once it is written.
        permits: to be demanded when the write is sent.
        problems: rows that turn out not to be usable here.
        figures: row of the plan → id of the figure it came to.
        unlisted: who was brought by an earlier run, takes part, and has no usable row any more.
    """

    plan: ClientPlan
    before: SupportNetwork
    after: SupportNetwork
    remember: tuple[Remembered, ...] = ()
    permits: tuple[Ask, ...] = ()
    problems: tuple[Problem, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    unlisted: tuple[SupportFigure, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class _Work:
    """The state while the rows of one client are worked in."""

    network: SupportNetwork
    free: list[SupportFigure]
    parents: list[SupportFigure]
    others: Others
    remember: list[Remembered] = field(default_factory=list)
    permits: list[Ask] = field(default_factory=list)
    plans: dict[str, FigurePlan] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)


def decide_client(
    network: SupportNetwork,
    rows: Sequence[Wanted],
    memory: Mapping[str, Remembered],
    context: Context,
    answers: Answers,
    others: Others | None = None,
) -> Decided:
    """Decide what to do for one client.

    Args:
        network: as the EHR holds it now.
        rows: what the source says of this client, in its order.
        memory: what was agreed last time, by identity.
        context: source, policy and moment.
        answers: what a person answered to questions and conflicts.
        others: what other lists agreed about the people of this client.
    """
    work = _Work(network=network, free=known_people(network), parents=known_parents(network), others=others or {})
    identities: dict[str, Wanted] = {}
    for wanted in rows:
        identity = identity_of(context.source, network.child.id, wanted)
        if identity in identities:
            work.problems.append(wanted.refused("sync-row-double"))
        else:
            identities[identity] = wanted
    targets = link_rows(work.free, identities, memory, answers)
    for identity, wanted in identities.items():
        _decide_figure(work, identity, wanted, targets.get(identity), memory, context, answers)
    left = _unlisted(work, memory)
    for figure, agreed in left:
        _end_lapsed(work, figure, agreed, context)
    order = [*(str(wanted.place) for wanted in rows), *(figure.ref.reference for figure, _ in left)]
    figures = tuple(work.plans[row] for row in order if row in work.plans)
    return Decided(
        plan=ClientPlan(patient=network.child.ref.reference, figures=figures),
        before=network,
        after=work.network,
        remember=tuple(work.remember),
        permits=_in_the_end(work, context),
        problems=tuple(work.problems),
        figures=work.figures,
        unlisted=tuple(each for each, _ in left if each.ref.reference not in work.plans and _stays(each, context.at)),
    )


def _stays(figure: SupportFigure, at: datetime) -> bool:
    """Whether somebody takes part in the team beyond today."""
    end = figure.engagement.period.end if figure.engagement else None
    return is_open(figure, at) and (end is None or end.last_day() > local_day(at))


def _unlisted(work: _Work, memory: Mapping[str, Remembered]) -> list[tuple[SupportFigure, list[Remembered]]]:
    """Whom an earlier run brought, under whatever key, and no row that can be used means now, nor may mean."""
    meant = set(work.figures.values())
    meant |= {item.target.removeprefix("RelatedPerson/") for plan in work.plans.values() for item in plan.candidates}
    brought: dict[str, list[Remembered]] = {}
    for agreed in memory.values():
        brought.setdefault(agreed.target, []).append(agreed)
    known = ((work.network.figure(target), agreed) for target, agreed in brought.items() if target not in meant)
    return [(figure, agreed) for figure, agreed in known if figure is not None]


def _end_lapsed(work: _Work, figure: SupportFigure, agreed: list[Remembered], context: Context) -> None:
    """End the place of somebody without a row whose consent is over; in a plan they go by their own reference."""
    shared = share_no_longer(work.network, figure, context.policy, context.at)
    changes = _changes(figure, shared.figure)
    if not changes:
        return
    row = figure.ref.reference
    work.network, work.figures[row] = shared.network, figure.id
    for each in agreed:
        known = frozenset(path for path in each.known if not path.startswith("engagement."))
        work.remember.append(replace(each, known=known).refreshed(shared.figure))
    work.plans[row] = FigurePlan(
        row=row,
        label=label_of(figure),
        action=Action.END,
        target=row,
        changes=changes,
        notes=("unlisted:sync-figure-unlisted", *shared.notes),
    )


def _in_the_end(work: _Work, context: Context) -> tuple[Ask, ...]:
    """The permits on the record as it will be: a later row must not take away what an earlier one was decided on."""
    figures = {figure.ref.key: figure for figure in work.network.figures}
    opened = (figures[ask.request.actor.key] for ask in work.permits)
    answers = (access_permit(work.network, figure, context.policy, context.at) for figure in opened)
    return tuple(answer for answer in answers if isinstance(answer, Ask))


def _decide_figure(
    work: _Work,
    identity: str,
    wanted: Wanted,
    target: SupportFigure | None,
    memory: Mapping[str, Remembered],
    context: Context,
    answers: Answers,
) -> None:
    row = str(wanted.place)
    if any(len(agreeing_keys(wanted.figure, parent)) >= STRONG for parent in work.parents):
        work.problems.append(wanted.refused("sync-is-parent"))
        return
    if target is None and answers.get(row) != "new":
        question = _question(work, identity, wanted, memory)
        if question is not None:
            work.plans[row] = question
            return
    theirs = target or new_figure(identity)
    if target is None:
        merged = taken_whole(wanted, theirs)
    else:
        others = work.others.get(theirs.id, ())
        merged = merge_figure(identity, wanted, theirs, memory.get(identity), others, answers)
    shared = share(
        work.network,
        merged.figure,
        theirs,
        wanted.consent,
        identity,
        context.policy,
        context.at,
        again=identity in memory,
        gone=_gone(work.network, memory.get(identity)),
    )
    work.network, final = shared.network, shared.figure
    work.permits += shared.permits
    work.figures[row] = final.id
    work.remember.append(_agreement(identity, wanted, merged, final, memory.get(identity)))
    changes = tuple(
        change for change in _changes(theirs, final) if target is not None or change.element != "identifiers"
    )
    work.plans[row] = FigurePlan(
        row=row,
        label=label_of(final),
        action=_action(target, theirs, final, bool(changes or shared.effect not in ("", "adopt"))),
        target=f"RelatedPerson/{target.id}" if target else "",
        changes=changes,
        edits=merged.edits,
        conflicts=merged.conflicts,
        consent=shared.effect,
        notes=shared.notes,
    )


def _question(work: _Work, identity: str, wanted: Wanted, memory: Mapping[str, Remembered]) -> FigurePlan | None:
    """What has to be asked before a row that means nobody in the record is a new figure; None when nothing has."""
    doubt = match(wanted.figure, identifiers_of(identity, wanted), work.free)
    if doubt.found is Found.DOUBTFUL:
        return question_of(wanted, doubt.candidates)
    if identity in memory and not memory[identity].target.startswith("urn:"):
        return replace(question_of(wanted, ()), notes=(_GONE,))
    return None


def _agreement(
    identity: str, wanted: Wanted, merged: Merged, final: SupportFigure, agreed: Remembered | None
) -> Remembered:
    """What is agreed once a figure is written; a place that waits is not."""
    known = merged.known
    if final.engagement != merged.figure.engagement:
        known = frozenset(path for path in known if not path.startswith("engagement."))
    return Remembered(
        identity=identity,
        target=final.id,
        said=merged.said,
        held=agreed.held if agreed else agreed_at_first(final, merged),
        known=known,
        disputed=merged.disputed,
        frozen=(wanted.frozen if merged.said is wanted.figure else None, None),
    ).refreshed(final)


def _gone(network: SupportNetwork, agreed: Remembered | None) -> Ref | None:
    """Whom a figure was in the record at the last run, where the record does not have them any more."""
    if agreed is None or agreed.target.startswith("urn:"):
        return None
    ref = Ref(reference=f"RelatedPerson/{agreed.target}")
    held = {figure.ref.key for figure in network.figures} | {person.ref.key for person in network.people}
    return None if ref.key in held else ref


def _changes(before: SupportFigure, after: SupportFigure) -> tuple[ElementChange, ...]:
    values = ((element, element.get(before), element.get(after)) for element in ELEMENTS)
    return tuple(
        ElementChange(element=element.path, before=shown(was), after=shown(now))
        for element, was, now in values
        if was != now
    )


def _action(target: SupportFigure | None, theirs: SupportFigure, final: SupportFigure, writes: bool) -> Action:
    if target is None:
        return Action.ADD
    ended = theirs.engagement and theirs.engagement.period.end is None and final.engagement
    if (ended and final.engagement and final.engagement.period.end) or (theirs.active and not final.active):
        return Action.END
    return Action.UPDATE if writes else Action.NONE
