"""When a consent stops to serve, told in advance: so that nobody is surprised on a birthday (L13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache

from fhir_plugin.consent.facts import Facts, FigureFacts
from fhir_plugin.consent.grantors import required_grantors
from fhir_plugin.consent.matching import literal
from fhir_plugin.consent.policy import Policy
from fhir_plugin.model.consent import ConsentRecord, Effect, Rule, Scope, Status
from fhir_plugin.model.dates import PartialDate, birthday, day_after, local_day, midnight

__all__ = ["Lapse", "LapseReason", "lapses"]


_Required = Callable[[datetime], frozenset[str]]
"""Who must sign at an instant, by their literal references."""
_LAST_YEAR = 9998
"""Beyond it lies the end of the calendar, and nothing that anyone waits for."""


class LapseReason(StrEnum):
    """Why a consent stops to serve; each has a sentence in ``texts/*/consent.toml``."""

    END_DATE = "consent-lapse-end-date"
    AGE = "consent-lapse-age"
    AUTHORITY_ENDS = "consent-lapse-authority-ends"
    AUTHORITY_BEGINS = "consent-lapse-authority-begins"
    BOND_ENDS = "consent-lapse-bond-ends"
    ENGAGEMENT_ENDS = "consent-lapse-engagement-ends"
    NOT_ENTITLED = "consent-lapse-not-entitled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """The first moment from which a consent no longer serves.

    Attributes:
        consent: logical id.
        version: version as read.
        at: the instant.
        reason: why.
        age: the age the child reaches, when that is the reason.
    """

    consent: str
    version: str
    at: datetime
    reason: LapseReason
    age: int | None = None

    @property
    def day(self) -> date:
        """The first day without it, in the Netherlands."""
        return local_day(self.at)


@dataclass(frozen=True, slots=True, order=True)
class _Event:
    at: datetime
    priority: int
    reason: LapseReason
    age: int | None = None


def lapses(
    consents: Iterable[ConsentRecord], facts: Facts, policy: Policy, *, after: datetime | None = None
) -> tuple[Lapse, ...]:
    """The day each consent lapses and why, soonest first; a consent that never lapses by itself is not in it.

    A consent lapses when its time ends, when none of those who signed it has a say any more, when somebody gets a say
    who has not signed for the same figure, or when the bond or the engagement it is for ends. A birth date known
    only by month or year gives the earliest day it can be.

    Args:
        consents: all that is known of this child.
        facts: age, authority and (where one figure is meant) the figure's bond and engagement.
        policy: whose signatures are needed at which age.
        after: only lapses later than this instant; all of them, past ones too, without it.

    Raises:
        ValueError: ``after`` carries no time zone.
    """
    if after is not None and after.tzinfo is None:
        raise ValueError("the instant after which lapses are asked for needs a time zone")
    counting = [
        record
        for record in consents
        if record.status is Status.ACTIVE
        and record.scope is Scope.PRIVACY
        and literal(record.subject) == literal(facts.child)
    ]

    @cache
    def required(at: datetime) -> frozenset[str]:
        return frozenset(map(literal, (grantor.ref for grantor in required_grantors(facts, policy, at).grantors)))

    found = {lapse for record in counting if (lapse := _lapse(record, counting, facts, policy, required)) is not None}
    upcoming = (lapse for lapse in found if after is None or lapse.at > after)
    return tuple(sorted(upcoming, key=lambda lapse: (lapse.at, lapse.consent, lapse.version)))


def _lapse(
    record: ConsentRecord, others: Sequence[ConsentRecord], facts: Facts, policy: Policy, required: _Required
) -> Lapse | None:
    start = _start(record)
    if start is not None and start.year > _LAST_YEAR:
        return None
    if start is not None and not _signers(record) & required(start):
        return Lapse(consent=record.id, version=record.version, at=start, reason=LapseReason.NOT_ENTITLED)
    before = start
    for event in sorted(set(_events(record, facts, policy))):
        if (start is not None and event.at <= start) or event.at.year > _LAST_YEAR:
            continue
        if _ends_it(event, before, record, others, required):
            return Lapse(consent=record.id, version=record.version, at=event.at, reason=event.reason, age=event.age)
        before = event.at
    return None


def _ends_it(
    event: _Event,
    before: datetime | None,
    record: ConsentRecord,
    others: Sequence[ConsentRecord],
    required: _Required,
) -> bool:
    if event.reason in (LapseReason.END_DATE, LapseReason.BOND_ENDS, LapseReason.ENGAGEMENT_ENDS):
        return True
    needed = required(event.at)
    if not _signers(record) & needed:
        return True
    signed = {name for other in others if _recipients(other) & _recipients(record) for name in _signers(other)}
    new = needed - (required(before) if before is not None else frozenset(signed))
    return bool(new - signed)


def _events(record: ConsentRecord, facts: Facts, policy: Policy) -> Iterator[_Event]:
    end = _permit_end(record)
    if end is not None:
        yield _Event(end, 0, LapseReason.END_DATE)
    yield from _birthdays(facts, policy)
    for authority in facts.authority:
        yield from _after(authority.period.end, 2, LapseReason.AUTHORITY_ENDS)
        if authority.period.start is not None:
            yield _Event(midnight(authority.period.start.first_day()), 3, LapseReason.AUTHORITY_BEGINS)
    if facts.figure is not None:
        yield from _endings(facts.figure, _recipients(record))


def _birthdays(facts: Facts, policy: Policy) -> Iterator[_Event]:
    if facts.birth_date is None:
        return
    born = facts.birth_date.first_day()
    for band in policy.bands[1:]:
        if born.year + band.from_age <= _LAST_YEAR:
            yield _Event(midnight(birthday(born, band.from_age)), 1, LapseReason.AGE, band.from_age)


def _endings(figure: FigureFacts, recipients: frozenset[str]) -> Iterator[_Event]:
    """The end of the bond, and of the engagement where only teams are named."""
    if literal(figure.ref) in recipients:
        yield from _after(figure.bond.end, 4, LapseReason.BOND_ENDS)
    teams = {literal(membership.team): membership.period.end for membership in figure.teams}
    if recipients and recipients <= set(teams):
        for team in sorted(recipients):
            yield from _after(teams[team], 5, LapseReason.ENGAGEMENT_ENDS)


def _after(end: PartialDate | None, priority: int, reason: LapseReason) -> Iterator[_Event]:
    if end is not None and end.last_day() < date.max:
        yield _Event(midnight(day_after(end.last_day())), priority, reason)


def _start(record: ConsentRecord) -> datetime | None:
    period = record.root.period if record.root else None
    known = [instant for instant in (record.recorded_at, period.start if period else None) if instant is not None]
    return max(known, default=None)


def _signers(record: ConsentRecord) -> frozenset[str]:
    return frozenset(filter(None, map(literal, record.grantors)))


def _recipients(record: ConsentRecord) -> frozenset[str]:
    """Everybody named as an actor, at any level."""
    found: set[str] = set()
    rules = [record.root] if record.root else []
    while rules:
        rule = rules.pop()
        found |= {literal(actor.ref) for actor in rule.actors if actor.ref is not None}
        rules.extend(rule.exceptions)
    return frozenset(found)


def _permit_end(record: ConsentRecord) -> datetime | None:
    """From when nothing in it permits any more; for a consent that only refuses, from when the refusal is over."""
    if record.root is None:
        return None
    ends = list(_permit_ends(record.root, None))
    if not ends:
        return record.root.period.end if record.root.period else None
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _permit_ends(rule: Rule, outer: datetime | None) -> Iterator[datetime | None]:
    """The end of every permit below a rule; None where one is open."""
    own = rule.period.end if rule.period else None
    end = min(filter(None, (own, outer)), default=None)
    if rule.effect is Effect.PERMIT:
        yield end
    for exception in rule.exceptions:
        yield from _permit_ends(exception, end)
