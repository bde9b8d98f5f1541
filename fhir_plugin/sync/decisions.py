"""The heart of a run, pure: what the source says × what the EHR holds × what was agreed last time → what to do.

Nothing here reads or writes anything. Planning and applying both call ``decide_client``: a plan that is applied must
come to the same decision again, or the record changed in the meantime.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fhir_plugin.consent import Policy
from fhir_plugin.mapping.figure import figure_from
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Identifier
from fhir_plugin.model.names import folded
from fhir_plugin.model.network import Standing, SupportNetwork
from fhir_plugin.model.terms import FIGURE_IDENTIFIER
from fhir_plugin.sync.decided import Action, ClientPlan, Conflict, ElementChange, FigurePlan, label_of, shown
from fhir_plugin.sync.elements import ELEMENTS, State, merge
from fhir_plugin.sync.matching import Candidate, Found, agreeing_keys, match
from fhir_plugin.sync.sharing import Ask
from fhir_plugin.sync.taking_part import share
from fhir_plugin.sync.wanted import Problem, Wanted

__all__ = ["Answers", "Context", "Decided", "Remembered", "decide_client", "identity_of"]

_NAMESPACE = uuid.UUID("9a5d3b0e-7f0c-5a52-9a3c-6c1d2e9b7a44")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What decisions depend on besides the record.

    Attributes:
        source: name of the source.
        at: aware moment of the run.
    """

    source: str
    policy: Policy
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What was agreed about one figure at the end of the last run.

    Attributes:
        identity: the figure's ``urn:uuid:``.
        target: logical id of the RelatedPerson; a ``urn:uuid:`` until it is written.
        said: what the source said.
        held: what the EHR held.
        known: paths of the elements this is about.
        disputed: paths in conflict: what was agreed about them stays as it was until a person answers.
    """

    identity: str
    target: str
    said: SupportFigure
    held: SupportFigure
    known: frozenset[str]
    disputed: frozenset[str] = frozenset()

    def refreshed(self, now: SupportFigure) -> Remembered:
        """The same agreement with what the EHR holds now, but for what is disputed."""
        held = now
        for element in ELEMENTS:
            if element.path in self.disputed:
                held = element.put(held, element.get(self.held))
        return replace(self, target=now.id, held=held)


Answers = Mapping[str, str]
"""What a person answered: ``row`` → reference or ``new``; ``row|element`` → ``source`` or ``ehr``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What to do for one client.

    Attributes:
        before: the network as it was read.
        after: the network as it will be.
        remember: what to remember once it is written.
        permits: to be demanded when the write is sent.
        problems: rows that turn out not to be usable here.
    """

    plan: ClientPlan
    before: SupportNetwork
    after: SupportNetwork
    remember: tuple[Remembered, ...] = ()
    permits: tuple[Ask, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Work:
    """The state while the rows of one client are worked in."""

    network: SupportNetwork
    free: list[SupportFigure]
    remember: list[Remembered] = field(default_factory=list)
    permits: list[Ask] = field(default_factory=list)
    plans: dict[str, FigurePlan] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def identity_of(source: str, patient_id: str, wanted: Wanted) -> str:
    """The ``urn:uuid:`` of a figure × client: the same each time the source names the same figure."""
    name = wanted.figure.name
    own = wanted.key or folded(
        "|".join([name.own_prefix, name.own_name, *name.given, *name.initials, name.text, wanted.figure.own_label])
    )
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{source}|{patient_id}|{own}')}"


def decide_client(
    network: SupportNetwork,
    rows: Sequence[Wanted],
    memory: Mapping[str, Remembered],
    context: Context,
    answers: Answers,
) -> Decided:
    """Decide what to do for one client.

    Args:
        network: as the EHR holds it now.
        rows: what the source says of this client, in its order.
        memory: what was agreed last time, by identity.
        context: source, policy and moment.
        answers: what a person answered to questions and conflicts.
    """
    work = _Work(network=network, free=_known_people(network))
    identities: dict[str, Wanted] = {}
    for wanted in rows:
        identity = identity_of(context.source, network.child.id, wanted)
        if identity in identities:
            work.problems.append(wanted.refused("sync-row-double"))
        else:
            identities[identity] = wanted
    targets = _certain(work, identities, memory, answers)
    for identity, wanted in identities.items():
        _decide_figure(work, identity, wanted, targets.get(identity), memory, context, answers)
    order = [str(wanted.place) for wanted in rows]
    figures = tuple(work.plans[row] for row in order if row in work.plans)
    return Decided(
        plan=ClientPlan(patient=network.child.ref.reference, figures=figures),
        before=network,
        after=work.network,
        remember=tuple(work.remember),
        permits=tuple(work.permits),
        problems=tuple(work.problems),
    )


def _known_people(network: SupportNetwork) -> list[SupportFigure]:
    """Everyone a row may mean: the figures, and contacts that are no figure yet."""
    candidates = [
        figure_from(person.carried.body())
        for person in network.people
        if person.standing is Standing.CANDIDATE and person.carried and person.carried.resource_type == "RelatedPerson"
    ]
    return [*network.figures, *candidates]


def _certain(
    work: _Work, identities: Mapping[str, Wanted], memory: Mapping[str, Remembered], answers: Answers
) -> dict[str, SupportFigure]:
    """Who is who without asking: by what was agreed before, by answer, by identifier; only then by strong keys."""
    found: dict[str, SupportFigure] = {}
    by_id = {figure.id: figure for figure in work.free}
    for identity, wanted in identities.items():
        answered = answers.get(str(wanted.place), "").removeprefix("RelatedPerson/")
        agreed = memory[identity].target if identity in memory else ""
        known = by_id.get(answered) or by_id.get(agreed)
        if known is not None and known in work.free:
            found[identity] = known
            work.free.remove(known)
    for only_identifier in (True, False):
        for identity, wanted in identities.items():
            if identity in found or answers.get(str(wanted.place)) == "new":
                continue
            outcome = match(wanted.figure, _identifiers(identity, wanted), work.free)
            sure = outcome.found is Found.CERTAIN and outcome.figure is not None
            if (
                sure
                and outcome.figure
                and (not only_identifier or _shares_identifier(identity, wanted, outcome.figure))
            ):
                found[identity] = outcome.figure
                work.free.remove(outcome.figure)
    return found


def _identifiers(identity: str, wanted: Wanted) -> tuple[Identifier, ...]:
    return (Identifier(system=FIGURE_IDENTIFIER, value=identity), *wanted.figure.identifiers)


def _shares_identifier(identity: str, wanted: Wanted, figure: SupportFigure) -> bool:
    return bool(set(figure.identifiers) & set(_identifiers(identity, wanted)))


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
    if _is_parent(work.network, wanted):
        work.problems.append(wanted.refused("sync-is-parent"))
        return
    if target is None and answers.get(row) != "new":
        doubt = match(wanted.figure, _identifiers(identity, wanted), work.free)
        if doubt.found is Found.DOUBTFUL:
            work.plans[row] = _question(wanted, doubt.candidates)
            return
    theirs = target or _new(identity)
    merged = _merge_figure(identity, wanted, theirs, memory.get(identity), answers)
    shared = share(work.network, merged.figure, theirs, wanted.consent, identity, context.policy, context.at)
    work.network, final = shared.network, shared.figure
    work.permits += shared.permits
    known, agreed = merged.known, memory.get(identity)
    if final.engagement != merged.figure.engagement:
        known = frozenset(path for path in known if not path.startswith("engagement."))
    disputed = frozenset(conflict.element for conflict in merged.conflicts)
    remembered = Remembered(
        identity=identity,
        target=final.id,
        said=merged.said,
        held=agreed.held if agreed else final,
        known=known,
        disputed=disputed,
    )
    work.remember.append(remembered.refreshed(final))
    changes = tuple(
        ElementChange(element=element.path, before=shown(element.get(theirs)), after=shown(element.get(final)))
        for element in ELEMENTS
        if element.get(theirs) != element.get(final) and not (target is None and element.path == "identifiers")
    )
    work.plans[row] = FigurePlan(
        row=row,
        label=label_of(final),
        action=_action(target, theirs, final, bool(changes or shared.effect)),
        target=f"RelatedPerson/{target.id}" if target else "",
        changes=changes,
        conflicts=merged.conflicts,
        consent=shared.effect,
        notes=shared.notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merged:
    figure: SupportFigure
    said: SupportFigure
    known: frozenset[str]
    conflicts: tuple[Conflict, ...]


def _merge_figure(
    identity: str, wanted: Wanted, theirs: SupportFigure, agreed: Remembered | None, answers: Answers
) -> _Merged:
    """Merge every element the source has a column for; what stays undecided is not remembered as agreed."""
    figure, known = theirs, set(agreed.known if agreed else ())
    said = agreed.said if agreed else SupportFigure()
    conflicts: list[Conflict] = []
    for element in ELEMENTS:
        if element.group not in wanted.provided:
            continue
        ours, held = element.get(wanted.figure), element.get(theirs)
        outcome = merge(
            element,
            known=agreed is not None and element.path in agreed.known,
            before=element.get(said),
            ours=ours,
            acknowledged=element.get(agreed.held) if agreed else None,
            theirs=held,
        )
        answer = answers.get(f"{wanted.place}|{element.path}", "")
        if outcome.state is State.CONFLICT and answer not in ("source", "ehr"):
            conflicts.append(Conflict(element=element.path, source=shown(ours), ehr=shown(held)))
            continue
        value = ours if outcome.state is State.CONFLICT and answer == "source" else outcome.value
        if value != held:
            figure = element.put(figure, value)
        said = element.put(said, ours)
        known.add(element.path)
    if not any(identifier.system == FIGURE_IDENTIFIER for identifier in figure.identifiers):
        mine = Identifier(system=FIGURE_IDENTIFIER, value=identity)
        figure = replace(figure, identifiers=(*figure.identifiers, mine))
    return _Merged(figure=figure, said=said, known=frozenset(known), conflicts=tuple(conflicts))


def _new(identity: str) -> SupportFigure:
    """A figure that is not in the record yet.

    Its place in the transaction has another name than its identifier: some EHRs replace the first wherever it stands.
    """
    entry = uuid.uuid5(_NAMESPACE, f"entry|{identity}")
    return SupportFigure(id=f"urn:uuid:{entry}", identifiers=(Identifier(system=FIGURE_IDENTIFIER, value=identity),))


def _is_parent(network: SupportNetwork, wanted: Wanted) -> bool:
    """Whether the row means somebody the record knows as a parent."""
    return any(
        len(agreeing_keys(wanted.figure, figure_from(person.carried.body()))) >= 2
        for person in network.people
        if person.standing is Standing.PARENT and person.carried and person.carried.resource_type == "RelatedPerson"
    )


def _question(wanted: Wanted, candidates: tuple[Candidate, ...]) -> FigurePlan:
    listed = tuple((item.figure.ref.reference, label_of(item.figure), item.agrees) for item in candidates)
    return FigurePlan(row=str(wanted.place), label=label_of(wanted.figure), action=Action.QUESTION, candidates=listed)


def _action(target: SupportFigure | None, theirs: SupportFigure, final: SupportFigure, writes: bool) -> Action:
    if target is None:
        return Action.ADD
    ended = theirs.engagement and theirs.engagement.period.end is None and final.engagement
    if (ended and final.engagement and final.engagement.period.end) or (theirs.active and not final.active):
        return Action.END
    return Action.UPDATE if writes else Action.NONE
