"""How a figure enters a network: known first, its consent next, its place in the team last and only by a permit."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fhir_plugin.consent import Ask, Policy, Reason, access_permit
from fhir_plugin.consent.access import missing_grantors
from fhir_plugin.mapping.team import engagement_of_member, with_engagement
from fhir_plugin.model.consent import ConsentRecord, Effect, Status
from fhir_plugin.model.dates import PartialDate, Period, local_day
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.network import SupportNetwork, Team
from fhir_plugin.sync.applying.ways.openings import lasts_longer
from fhir_plugin.sync.deciding.sharing import apply_claim, end_consents, grantor_word, is_about, is_ours
from fhir_plugin.sync.sources.wanted import ConsentClaim

__all__ = ["Shared", "is_open", "opens", "share", "share_no_longer"]

_NAMESPACE = uuid.UUID("c0f6f7f1-6b0a-5e3a-8a54-0c9b5c1d7e20")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The network with the figure in it.

    Attributes:
        figure: as it will be; without an engagement that nobody consented to.
        permits: by which the figure takes part from now on; empty when nothing new is shared.
        effect: what becomes of the consent: ``record``, ``withdraw``, ``adopt`` or empty.
        notes: codes of what a person should know.
    """

    network: SupportNetwork
    figure: SupportFigure
    permits: tuple[Ask, ...] = ()
    effect: str = ""
    notes: tuple[str, ...] = ()


_ONCE = (Status.ACTIVE, Status.INACTIVE)
_INSTANT = timedelta(microseconds=1)


def share(
    network: SupportNetwork,
    figure: SupportFigure,
    theirs: SupportFigure,
    claim: ConsentClaim | None,
    identity: str,
    policy: Policy,
    at: datetime,
    *,
    again: bool = False,
    gone: Ref | None = None,
) -> Shared:
    """Work a merged figure into the network.

    Args:
        network: with everything that was decided for earlier rows.
        figure: as the merge left it.
        theirs: as the EHR holds it.
        claim: what the source says about consent.
        identity: the figure's ``urn:uuid:``.
        policy: whose signatures are needed.
        at: the moment of decision.
        again: the list was brought in before: a place it found then, on a consent that is over now, ends with it.
        gone: who this was at the last run, where that person is in the record no longer: somebody took them out, or
            moved them to another child's.
    """
    today = local_day(at)
    bond_is_over = figure.bond.end != theirs.bond.end and figure.bond.end and figure.bond.end.last_day() <= today
    if bond_is_over:
        figure = replace(figure, active=False)  # only the end of the bond ends the person's place in the record
    held = network
    known = figure if figure.engagement == theirs.engagement else replace(figure, engagement=theirs.engagement)
    network = _with_figure(network, known)
    effect, recorded = "", False
    network, over, notes = _leave_behind(network, gone, at)
    if claim is not None:
        claimed = apply_claim(network, figure, claim, identity, policy, over)
        network, effect, recorded = claimed.network, claimed.effect, claimed.recorded
        notes = (*notes, claimed.note) if claimed.note else notes
    ends = bool(bond_is_over or (claim is not None and claim.state != "given"))
    lapsed = (
        not ends
        and is_open(theirs, at)
        and (
            ((effect or recorded) and _loses_permit(held, network, theirs, policy, at, recorded))
            or (again and claim is not None and _is_over(network, theirs, policy, at))
        )
    )
    if ends or lapsed:
        placed = _ended_place(network, figure, theirs, policy, at, is_said=ends)
    else:
        placed = _place(network, figure, theirs, policy, at, is_adopted=effect == "adopt")
    network = _with_team(_with_figure(network, placed.figure))
    return replace(placed, network=network, effect=effect, notes=(*notes, *placed.notes))


def _ended_place(
    network: SupportNetwork,
    figure: SupportFigure,
    theirs: SupportFigure,
    policy: Policy,
    at: datetime,
    *,
    is_said: bool,
) -> Shared:
    """The end of a place: as the source says, or with the consent it was opened by."""
    notes = () if is_said else (f"waits-for-consent:{access_permit(network, figure, policy, at)}",)
    ended = _disengaged(figure, theirs, PartialDate.of(local_day(at)))
    return Shared(network=network, figure=ended, notes=notes)


def _place(
    network: SupportNetwork,
    figure: SupportFigure,
    theirs: SupportFigure,
    policy: Policy,
    at: datetime,
    *,
    is_adopted: bool,
) -> Shared:
    """The place in the team a figure may have: one that would open waits for a permit, as it is until then."""
    waiting = replace(figure, engagement=theirs.engagement)
    if network.sharing_is_off and is_open(figure, at) and figure.engagement != theirs.engagement:
        return Shared(network=network, figure=waiting, notes=(f"waits-for-consent:{Reason.SAFETY_BLOCK.value}",))
    if not opens(figure, theirs, at):
        lacks = is_adopted and is_open(theirs, at) and not _permitted(network, figure, policy, at)
        notes = (f"waits-for-consent:{access_permit(network, figure, policy, at)}",) if lacks else ()
        return Shared(network=network, figure=figure, notes=notes)  # people gave the place: they end it
    if not _is_complete(figure):
        return Shared(network=network, figure=waiting, notes=("incomplete:sync-engagement-incomplete",))
    answer = access_permit(network, figure, policy, at)
    if isinstance(answer, Ask):
        return Shared(network=network, figure=figure, permits=(answer,))
    note = f"waits-for-consent:{answer}{_waits_for(network, figure, answer, policy, at)}"
    return Shared(network=network, figure=waiting, notes=(note,))


def share_no_longer(network: SupportNetwork, figure: SupportFigure, policy: Policy, at: datetime) -> Shared:
    """A figure an earlier run brought, of whom the list says nothing any more.

    Nothing ends for that. But a place that a consent of a list opened ends with that consent, as it does for a row.
    """
    was_shared = any(is_ours(record) and is_about(record, figure) for record in network.consents)
    if network.sharing_is_off or not (was_shared and is_open(figure, at)) or _permitted(network, figure, policy, at):
        return Shared(network=network, figure=figure)
    ended = _disengaged(figure, figure, PartialDate.of(local_day(at)))
    reason = access_permit(network, figure, policy, at)
    return Shared(network=_with_figure(network, ended), figure=ended, notes=(f"waits-for-consent:{reason}",))


def _leave_behind(
    network: SupportNetwork, gone: Ref | None, at: datetime
) -> tuple[SupportNetwork, tuple[ConsentRecord, ...], tuple[str, ...]]:
    """End what a list opened to somebody who is in the record no longer: who they are now, this record does not say."""
    if gone is None:
        return network, (), ()
    team, person = network.team, SupportFigure(id=gone.id)
    was_shared = any(is_ours(record) and is_about(record, person) for record in network.consents)
    held = engagement_of_member(team, gone) if team else None
    network, over = end_consents(network, person)
    ended = _disengaged(person, replace(person, engagement=held), PartialDate.of(local_day(at))).engagement
    if team and was_shared and ended and ended != held:
        network = replace(network, team=with_engagement(team, gone, ended))
    return network, over, ("left-behind:sync-left-behind",) if over or ended != held else ()


def _waits_for(network: SupportNetwork, figure: SupportFigure, reason: str, policy: Policy, at: datetime) -> str:
    """Whose signatures are missing, as words of a list, where that is what access waits for."""
    if reason not in (Reason.NO_PERMIT.value, Reason.SIGNATURE_MISSING.value):
        return ""
    missing = missing_grantors(network, figure, policy, at)
    names = dict.fromkeys(grantor_word(grantor, network) or "authority" for grantor in missing)
    return f":{','.join(names)}" if names else ""


def _loses_permit(
    before: SupportNetwork, after: SupportNetwork, figure: SupportFigure, policy: Policy, at: datetime, recorded: bool
) -> bool:
    """Whether access was permitted and no longer is: left out by a new claim, run out, or taken back in the EHR.

    A place that never had a consent of a list was given by people, and is theirs; a safety block is theirs to see to.
    """
    if after.sharing_is_off:
        return False
    return (recorded or _permitted(before, figure, policy, at)) and not _permitted(after, figure, policy, at)


def _is_over(network: SupportNetwork, figure: SupportFigure, policy: Policy, at: datetime) -> bool:
    """Whether consents that people recorded permitted access and do so no longer: run out, or made inactive.

    They are looked at as they were: active, and at the last moment they held; what never permitted is no end of it.
    """
    if network.sharing_is_off or _permitted(network, figure, policy, at):
        return False
    mine = [record for record in network.consents if record.status in _ONCE and is_about(record, figure)]
    permits = tuple(replace(record, status=Status.ACTIVE) for record in mine if _effect(record) is Effect.PERMIT)
    before = replace(network, consents=permits)
    moments = {min(at, end - _INSTANT) for record in permits if (end := _end(record)) is not None} | {at}
    return any(_permitted(before, figure, policy, moment) for moment in moments)


def _effect(record: ConsentRecord) -> Effect | None:
    return record.root.effect if record.root else None


def _end(record: ConsentRecord) -> datetime | None:
    return record.root.period.end if record.root and record.root.period else None


def _permitted(network: SupportNetwork, figure: SupportFigure, policy: Policy, at: datetime) -> bool:
    return network.figure(figure.id) is not None and isinstance(access_permit(network, figure, policy, at), Ask)


def opens(figure: SupportFigure, theirs: SupportFigure, at: datetime) -> bool:
    """Whether the figure gets a place in the team that it does not have, or for longer."""
    if not is_open(figure, at):
        return False
    ends = [each.engagement.period.end if each.engagement else None for each in (theirs, figure)]
    return not is_open(theirs, at) or lasts_longer(ends[0], ends[1])


def is_open(figure: SupportFigure, at: datetime) -> bool:
    """Whether the figure takes part in the team, now or in the future."""
    engagement = figure.engagement
    end = engagement.period.end if engagement else None
    return engagement is not None and (end is None or end.last_day() >= local_day(at))


def _is_complete(figure: SupportFigure) -> bool:
    """Whether it is known what the figure does and how: a team without that is not valid (ct-2, ct-5)."""
    return bool(figure.engagement and figure.engagement.functions and figure.engagement.involvement)


def _disengaged(figure: SupportFigure, theirs: SupportFigure, day: PartialDate) -> SupportFigure:
    """A figure whose consent is over: what it has ends on this day at the latest, what it has not does not begin."""
    held = theirs.engagement
    if held is None or (held.period.end is not None and held.period.end.last_day() <= day.last_day()):
        return replace(figure, engagement=held)
    start = held.period.start
    begins = day if start is not None and start.first_day() > day.last_day() else start
    return replace(figure, engagement=replace(held, period=Period(start=begins, end=day)))


def _with_figure(network: SupportNetwork, figure: SupportFigure) -> SupportNetwork:
    current = network.figure(figure.id)
    if current is figure:
        return network
    if current is not None:
        held = tuple(figure if item.id == figure.id else item for item in network.figures)
        return replace(network, figures=held)
    people = tuple(person for person in network.people if person.ref != figure.ref)
    return replace(network, figures=(*network.figures, figure), people=people)


def _with_team(network: SupportNetwork) -> SupportNetwork:
    if network.team is not None or not any(figure.engagement for figure in network.figures):
        return network
    return replace(network, team=Team(id=f"urn:uuid:{uuid.uuid5(_NAMESPACE, network.child.id)}"))
