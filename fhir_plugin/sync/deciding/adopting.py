"""A consent that people recorded in the EHR themselves: what of a source's claim it says already.

Such a consent is theirs. It is never written a second time, because who withdraws one of two stops nothing; and never
ended by a run, because a list cannot speak for what was agreed elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fhir_plugin.consent import AccessRequest, Action, FigureFacts
from fhir_plugin.consent.matching import Match, applies, asks, literal
from fhir_plugin.model.consent import ConsentRecord, Effect, Scope, Status
from fhir_plugin.model.identity import Ref

__all__ = ["Met", "meet"]

_OVER = (Status.INACTIVE, Status.REJECTED)
_LAST = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What the record says already of a consent that is to be recorded.

    Attributes:
        missing: grantors whose agreement is not in the record; empty when it holds all of it.
        over: whether it was there and ended in the EHR since it was given: it is not given again by a list.
        beside: whether a permit of a missing grantor stands in the record that says a part of it, or something else.
    """

    missing: tuple[Ref, ...]
    over: bool = False
    beside: bool = False


def meet(wanted: ConsentRecord, theirs: Iterable[ConsentRecord], figure: FigureFacts) -> Met:
    """Compare a consent that is to be recorded with those that are not this synchronisation's.

    Args:
        wanted: as it would be written, with a period (co-4).
        theirs: consents of the same child that people, or other systems, recorded.
        figure: whom it is about.
    """
    permits = [record for record in theirs if _is_permit(record, wanted)]
    equal = [record for record in permits if _covers(record, wanted, figure)]
    active = _signatures(record for record in equal if record.status is Status.ACTIVE)
    over = _signatures(record for record in equal if record.status in _OVER and not _given_since(record, wanted))
    missing = tuple(ref for ref in wanted.grantors if literal(ref) not in active)
    left = {literal(ref) for ref in missing}
    current = (record for record in permits if record.status is Status.ACTIVE and _names(record, figure.ref))
    return Met(missing=missing, over=bool(left & over), beside=bool(left & _signatures(current)))


def _is_permit(record: ConsentRecord, wanted: ConsentRecord) -> bool:
    return (
        record.scope is Scope.PRIVACY
        and literal(record.subject) == literal(wanted.subject)
        and record.root is not None
        and record.root.effect is Effect.PERMIT
    )


def _covers(record: ConsentRecord, wanted: ConsentRecord, figure: FigureFacts) -> bool:
    """Whether a consent permits, from the first moment to the last, everything another one would."""
    if record.not_understood or record.root is None or record.root.exceptions:
        return False
    return all(
        applies(record.root, ask) is Match.YES for request in _requests(wanted, figure) for ask in asks(request, figure)
    )


def _requests(wanted: ConsentRecord, figure: FigureFacts) -> Iterator[AccessRequest]:
    """What a consent answers, at both ends of its time."""
    root = wanted.root
    if root is None or root.period is None or root.period.start is None or root.period.end is None:
        return
    for at in (root.period.start, root.period.end - _LAST):
        for action in root.actions:
            for purpose in root.purposes:
                yield AccessRequest(
                    child=wanted.subject,
                    actor=figure.ref,
                    action=Action(action.code),
                    purpose=purpose.code,
                    at=at,
                    codes=root.codes,
                )


def _given_since(record: ConsentRecord, wanted: ConsentRecord) -> bool:
    """Whether a consent was given after the other had ended: then it is another one."""
    ended = _last_updated(record)
    return ended is not None and wanted.recorded_at is not None and wanted.recorded_at > ended


def _last_updated(record: ConsentRecord) -> datetime | None:
    """``meta.lastUpdated``: no earlier than the moment it was ended."""
    meta: Any = record.carried.body().get("meta") if record.carried else None
    try:
        moment = datetime.fromisoformat(meta["lastUpdated"])
    except (TypeError, KeyError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _signatures(records: Iterable[ConsentRecord]) -> set[str]:
    return {literal(ref) for record in records for ref in record.grantors}


def _names(record: ConsentRecord, figure: Ref) -> bool:
    actors = record.root.actors if record.root else ()
    return any(actor.ref is not None and literal(actor.ref) == literal(figure) for actor in actors)
