"""Whether a provision's conditions hold for what is asked, in three values.

``MAYBE`` stands for whatever the request leaves unsaid or cannot be told apart. It never helps the one who asks: a
permit needs ``YES``, a refusal needs no more than ``MAYBE`` (see :mod:`fhir_plugin.consent.rules`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from fhir_plugin.consent.facts import FigureFacts
from fhir_plugin.consent.request import AccessRequest, Confidentiality, DataItem
from fhir_plugin.model.consent import Actor, DataRef, Effect, Interval, Rule
from fhir_plugin.model.dates import local_day
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.terms import (
    CONSENT_ACTION,
    RESOURCE_TYPES,
    V3_ACT_REASON,
    V3_PARTICIPATION,
    CodeSystems,
    InformationCategory,
)

__all__ = ["Ask", "Match", "applies", "asks", "coding_of", "literal", "same"]


class Match(IntEnum):
    """Does a condition hold?"""

    NO = 0
    MAYBE = 1
    YES = 2


NO, MAYBE, YES = Match.NO, Match.MAYBE, Match.YES
RECIPIENT = (V3_PARTICIPATION, "IRCP")
WHOLE_FILE = Coding(system=CodeSystems.INFORMATION_CATEGORY, code=InformationCategory.WHOLE_FILE.value)
"""In a provision: whatever the data is about. In a request: everything, so nothing that can be told apart."""
_NONE: frozenset[str] = frozenset()
_ACTION_SYSTEMS = frozenset({CONSENT_ACTION})
_PURPOSE_SYSTEMS = frozenset({V3_ACT_REASON})
_CLASS_SYSTEMS = frozenset({RESOURCE_TYPES, "urn:ietf:bcp:13"})
_RANK = {level.value: level.rank for level in Confidentiality}


class Ask(NamedTuple):
    """One combination of class, code and item of a request, with everything a condition compares made ready."""

    actor: str
    teams: frozenset[str]
    action: Coding
    purpose: Coding
    break_glass: bool
    at: datetime
    rank: int
    resource_class: Coding | None
    code: Coding | None
    code_systems: frozenset[str]
    item: DataItem | None
    data_period: Interval | None


def asks(request: AccessRequest, figure: FigureFacts) -> Iterator[Ask]:
    """Every combination the request asks for; an empty list of classes, codes or items is one unknown."""
    teams = _teams(request, figure) if figure.teams else _NONE
    actor, action = literal(request.actor), coding_of(CONSENT_ACTION, request.action)
    code_systems = frozenset(code.system for code in request.codes if code != WHOLE_FILE) if request.codes else _NONE
    purpose, rank = coding_of(V3_ACT_REASON, request.purpose), _RANK[request.label]
    for name, code, item in product(request.classes or ("",), request.codes or (None,), request.data or (None,)):
        resource_class = coding_of(RESOURCE_TYPES, name) if name else None
        yield Ask(
            actor,
            teams,
            action,
            purpose,
            request.is_break_glass,
            request.at,
            rank,
            resource_class,
            None if code is None or code == WHOLE_FILE else code,
            code_systems,
            item,
            request.data_period,
        )


@lru_cache(maxsize=1024)
def coding_of(system: str, code: str) -> Coding:
    """Codings of requests and grants: few, asked for all the time; of plain text, whichever equal code came first."""
    return Coding(system=system, code=str(code))


def _teams(request: AccessRequest, figure: FigureFacts) -> frozenset[str]:
    """The teams of which the figure is a member that day."""
    today = local_day(request.at)
    return frozenset(literal(each.team) for each in figure.teams if each.period.covers(today))


def applies(rule: Rule, ask: Ask) -> Match:
    """Whether every condition the rule states holds; an absent condition restricts nothing.

    Confidentiality is ordered: a refusal meets the levels it names and higher, anything else the levels it names
    and lower.
    """
    certainty = _actor(rule.actors, ask) if rule.actors else YES  # first: most consents are about somebody else
    if not certainty or (rule.period is not None and not rule.period.contains(ask.at)):
        return NO
    if rule.security_labels and not _label(rule, ask.rank):
        return NO
    if rule.actions:
        certainty = min(certainty, _named(rule.actions, ask.action, _ACTION_SYSTEMS))
    if rule.purposes and certainty:
        certainty = min(certainty, _named(rule.purposes, ask.purpose, _PURPOSE_SYSTEMS))
    if certainty and (rule.classes or rule.codes or rule.data or rule.data_period is not None):
        return min(certainty, _content(rule, ask))
    return certainty


def _content(rule: Rule, ask: Ask) -> Match:
    """The conditions about the data itself, of which a request may leave some unsaid."""
    certainty = _named(rule.classes, ask.resource_class, _CLASS_SYSTEMS) if rule.classes else YES
    if rule.codes and WHOLE_FILE not in rule.codes:
        certainty = min(certainty, _named(rule.codes, ask.code, ask.code_systems))
    if rule.data:
        certainty = min(certainty, _data(rule.data, ask.item))
    if rule.data_period is not None:
        certainty = min(certainty, _within(rule.data_period, ask.data_period))
    return certainty


def literal(ref: Ref) -> str:
    """The reference without its version: every version is the same resource."""
    reference = ref.reference
    return reference.partition("/_history/")[0] if "/_history/" in reference else reference


def same(reference: str, other: str) -> Match:
    """Whether two literal references mean one resource.

    A relative and an absolute reference with the same type and id *may*: the base of the relative one is not known.
    """
    if reference == other:
        return YES if reference else NO
    if ("://" in reference) is ("://" in other):
        return NO
    longer, shorter = (reference, other) if "://" in reference else (other, reference)
    return MAYBE if shorter.count("/") == 1 and longer.endswith(f"/{shorter}") else NO


def _named(codings: tuple[Coding, ...], wanted: Coding | None, systems: frozenset[str]) -> Match:
    """Whether a coded condition names what is asked; a code of a system the request does not speak cannot be told."""
    if wanted is not None and wanted in codings:
        return YES
    if wanted is None:
        return MAYBE
    return NO if all(coding.system in systems for coding in codings) else MAYBE


def _label(rule: Rule, rank: int) -> bool:
    ranks = [_RANK[coding.code] for coding in rule.security_labels if coding.code in _RANK]
    if rule.effect is Effect.DENY:
        return not ranks or rank >= min(ranks)
    return bool(ranks) and rank <= max(ranks)


def _actor(actors: tuple[Actor, ...], ask: Ask) -> Match:
    best = NO
    for actor in actors:
        found = _who(actor.ref, ask)
        if found is YES and actor.role is not None and actor.role.key != RECIPIENT:
            found = MAYBE
        best = max(best, found)
    return best


def _who(ref: Ref | None, ask: Ask) -> Match:
    if ref is None:
        return YES
    reference = literal(ref)
    if reference == ask.actor or reference in ask.teams:
        return YES
    found = same(reference, ask.actor)
    return max(found, _best(same(reference, team) for team in ask.teams)) if ask.teams else found


def _data(refs: tuple[DataRef, ...], item: DataItem | None) -> Match:
    if item is None:
        return MAYBE
    return _best(_covers(ref, item) for ref in refs)


def _covers(ref: DataRef, item: DataItem) -> Match:
    wanted = literal(ref.ref)
    if ref.meaning == "authoredby":
        return _among(wanted, item.authors)
    itself = same(wanted, literal(item.ref))
    if ref.meaning == "instance":
        return itself
    if ref.meaning == "related":
        return max(itself, _among(wanted, item.referred_by))
    if ref.meaning == "dependents":
        return max(itself, _among(wanted, item.refers_to))
    return MAYBE


def _among(wanted: str, refs: frozenset[Ref] | None) -> Match:
    if refs is None:
        return MAYBE
    return _best(same(wanted, literal(ref)) for ref in refs)


def _best(found: Iterable[Match]) -> Match:
    return max(found, default=NO)


def _within(rule: Interval, asked: Interval | None) -> Match:
    """YES when all of the asked time lies inside, NO when none of it does."""
    if asked is None:
        return MAYBE
    apart = (rule.end is not None and asked.start is not None and rule.end <= asked.start) or (
        rule.start is not None and asked.end is not None and asked.end <= rule.start
    )
    if apart:
        return NO
    from_start = rule.start is None or (asked.start is not None and rule.start <= asked.start)
    to_end = rule.end is None or (asked.end is not None and asked.end <= rule.end)
    return YES if from_start and to_end else MAYBE
