"""Who sees what: the consent decision about each kind of information, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fhir_plugin.consent import AccessRequest, Action, Permit, Policy, Reason, Refusal, decide, facts_of
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import CodeSystems, InformationCategory
from fhir_plugin.texts import sentence
from smart_app.i18n import Translator
from smart_app.presenters.forms import FormContext
from smart_app.presenters.words import joined, words

__all__ = ["PURPOSE", "Sharing", "Unfinished", "sharing_of", "unfinished"]

PURPOSE = "FAMRQT"
"""v3-ActReason *family requested*: the family asks that this person may know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What one figure may know.

    Attributes:
        allowed: kinds of information every required grantor permits now.
        what: the same in words.
        reason: why nothing (or not everything) may be shared, in words; empty when all is allowed.
        partly: some agreed and others still have to.
        missing: names of those whose agreement is still needed; where others agreed already, that is the reason.
    """

    allowed: tuple[InformationCategory, ...]
    what: str
    reason: str = ""
    missing: str = ""
    partly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What some agreed to and others still have to.

    Attributes:
        categories: the kinds of information for which the same people are still needed.
        what: the same in words.
        missing: names of those people, in words.
    """

    categories: tuple[InformationCategory, ...]
    what: str
    missing: str


def sharing_of(
    figure: SupportFigure, network: SupportNetwork, policy: Policy, context: FormContext
) -> Sharing:  # fmt: skip
    """Ask the decision for every kind of information and say what it means."""
    answers = _answers(figure, network, policy, context)
    allowed = [category for category, answer in answers.items() if not isinstance(answer, Refusal)]
    refusals = [answer for answer in answers.values() if isinstance(answer, Refusal)]
    if InformationCategory.WHOLE_FILE in allowed:
        allowed = [InformationCategory.WHOLE_FILE]
    t = context.t
    first = None if allowed else min(refusals, key=_tells_least)
    missing = joined([_signer(ref, context) for ref in first.missing], t) if first is not None else ""
    return Sharing(
        allowed=tuple(allowed),
        what=words(allowed, t) if allowed else t("Nothing yet"),
        reason=_reason(first, t) if first is not None else "",
        missing=missing,
        partly=first is not None and first.reason is Reason.SIGNATURE_MISSING,
    )


def unfinished(
    figure: SupportFigure, network: SupportNetwork, policy: Policy, context: FormContext
) -> tuple[Unfinished, ...]:
    """The kinds of information that only wait for someone's agreement, together where they wait for the same people."""
    waiting: dict[tuple[Ref, ...], list[InformationCategory]] = {}
    for category, answer in _answers(figure, network, policy, context).items():
        if isinstance(answer, Refusal) and answer.reason is Reason.SIGNATURE_MISSING:
            waiting.setdefault(answer.missing, []).append(category)
    whole = InformationCategory.WHOLE_FILE
    return tuple(
        Unfinished(
            categories=tuple(categories),
            what=words([whole] if whole in categories else categories, context.t),
            missing=joined([_signer(ref, context) for ref in missing], context.t),
        )
        for missing, categories in waiting.items()
    )


def _signer(ref: Ref, context: FormContext) -> str:
    return context.name_of(ref) or context.t("A holder of parental authority")


def _answers(
    figure: SupportFigure, network: SupportNetwork, policy: Policy, context: FormContext
) -> dict[InformationCategory, Permit | Refusal]:
    facts = facts_of(network, figure.id)
    return {
        category: decide(_request(figure, network, category, context.now), network.consents, facts, policy)
        for category in InformationCategory
    }


def _tells_least(refusal: Refusal) -> int:
    """Of several refusals the one is shown that says most: who is missing goes before "nobody agreed"."""
    return (Reason.SIGNATURE_MISSING, refusal.reason, Reason.NO_PERMIT).index(refusal.reason)


def _request(
    figure: SupportFigure, network: SupportNetwork, category: InformationCategory, now: datetime
) -> AccessRequest:
    return AccessRequest(
        child=network.child.ref,
        actor=figure.ref,
        action=Action.ACCESS,
        purpose=PURPOSE,
        at=now,
        codes=(Coding(system=CodeSystems.INFORMATION_CATEGORY, code=category),),
    )


def _reason(refusal: Refusal, t: Translator) -> str:
    if refusal.reason is Reason.NO_PERMIT:
        return t("Nobody has agreed to share anything.")
    if refusal.reason is Reason.SIGNATURE_MISSING:
        return t("Not everyone has agreed yet.")
    found = sentence(refusal.reason, t.language)
    return found.text if found else t("Nobody has agreed to share anything.")
