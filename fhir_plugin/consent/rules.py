"""What one consent says about one question: the tree of provisions, read so that doubt never permits."""

from __future__ import annotations

from typing import NamedTuple

from fhir_plugin.consent.matching import Ask, Match, applies
from fhir_plugin.model.consent import ConsentRecord, Effect, PolicyRule, Rule

__all__ = ["MAX_DEPTH", "SILENT", "Verdict", "verdict"]

MAX_DEPTH = 32
"""Provisions nested deeper than this are nobody's intention; they refuse."""


class Verdict(NamedTuple):
    """What a consent says.

    Attributes:
        effect: permit, deny, or None: it says nothing about this question.
        path: index of the deciding provision at each level below the root; empty is the root itself.
    """

    effect: Effect | None
    path: tuple[int, ...] = ()


SILENT = Verdict(None)


def verdict(record: ConsentRecord, ask: Ask, *, trusted: bool = True) -> Verdict:
    """What this consent says about the question, apart from who signed it.

    The deepest applicable provision wins, among siblings a refusal wins. A root without effect takes that of the
    policy rule: OPTOUT refuses; OPTIN, or none at all, permits nothing by itself and refuses nothing either. An
    exception without effect refuses.

    Args:
        record: a consent that counts (active, about privacy, of this child).
        ask: the question.
        trusted: False when something in the consent was not understood or may come too late: then nothing in it
            permits, and nothing in it takes a refusal away.
    """
    trusted = trusted and not record.not_understood
    by_policy = Effect.DENY if record.policy_rule is PolicyRule.OPT_OUT else None
    if record.root is None:
        return Verdict(by_policy)
    certainty = applies(record.root, ask)
    if not certainty:
        return SILENT
    own = record.root.effect or by_policy
    found = _outcome(record.root, own, ask, (), trusted=trusted, named=not ask.break_glass)
    return found if certainty is Match.YES or found.effect is Effect.DENY else SILENT


def _outcome(rule: Rule, own: Effect | None, ask: Ask, path: tuple[int, ...], *, trusted: bool, named: bool) -> Verdict:
    """The outcome of a rule that applies.

    Args:
        rule: the rule.
        own: its effect when no exception applies.
        ask: the question.
        path: where the rule stands.
        trusted: whether its permits count.
        named: whether the purpose need not be named any more: only break-glass must be named on the path.
    """
    if len(path) >= MAX_DEPTH:
        return Verdict(Effect.DENY, path)
    named = named or ask.purpose in rule.purposes
    permit: Verdict | None = None
    for index, exception in enumerate(rule.exceptions):
        certainty = applies(exception, ask)
        if not certainty:
            continue
        effect = exception.effect or Effect.DENY
        found = _outcome(exception, effect, ask, (*path, index), trusted=trusted, named=named)
        if found.effect is Effect.DENY:
            return found
        if permit is None and certainty is Match.YES and found.effect is Effect.PERMIT:
            permit = found
    if permit is not None:
        return permit
    return SILENT if own is Effect.PERMIT and not (trusted and named) else Verdict(own, path)
