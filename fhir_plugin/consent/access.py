"""May a figure be given access at all? The question behind every write that opens something (Jeugdwet 7.3.11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from fhir_plugin.consent.decide import decide
from fhir_plugin.consent.facts import facts_of
from fhir_plugin.consent.permit import Permit, Refusal
from fhir_plugin.consent.policy import Policy
from fhir_plugin.consent.request import AccessRequest, Action
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import CodeSystems, InformationCategory

__all__ = ["Ask", "access_permit", "missing_grantors", "newly_opened", "unpermitted", "without_lapsed_access"]

_PURPOSES = ("SUPNWK", "FAMRQT")
_CODES = tuple(
    (Coding(system=CodeSystems.INFORMATION_CATEGORY, code=category.value),) for category in InformationCategory
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A permit and the question it answers, to be demanded again when the write is sent."""

    permit: Permit
    request: AccessRequest


def access_permit(network: SupportNetwork, figure: SupportFigure, policy: Policy, at: datetime) -> Ask | str:
    """The permit by which a figure may be given access, or the reason code of the refusal.

    It is enough that one kind of information may be known, for the purpose of the support network or of the family.

    Args:
        network: as it will be: its consents are the ones decided on.
        figure: who would get access.
        policy: whose signatures are needed.
        at: aware instant of the decision.
    """
    reasons: dict[str, str] = {}
    for request, answer in _answers(network, figure, policy, at):
        if isinstance(answer, Permit):
            return Ask(permit=answer, request=request)
        reasons.setdefault(request.purpose, answer.reason.value)
    return reasons[_PURPOSES[0]]


def missing_grantors(network: SupportNetwork, figure: SupportFigure, policy: Policy, at: datetime) -> tuple[Ref, ...]:
    """Who still has to permit before :func:`access_permit` gives one, where least is missing; empty where nobody is."""
    answers = (answer for _, answer in _answers(network, figure, policy, at))
    return min((answer.missing for answer in answers if isinstance(answer, Refusal)), key=len, default=())


def newly_opened(before: SupportNetwork, after: SupportNetwork) -> tuple[SupportFigure, ...]:
    """Figures whom a change gives a role that carries access in an EHR (CareTeam.participant.role), or for longer."""
    return tuple(figure for figure in after.figures if _opens(before.figure(figure.id), figure))


def without_lapsed_access(
    before: SupportNetwork, after: SupportNetwork, policy: Policy, at: datetime
) -> SupportNetwork:
    """``after`` with the access roles taken from every figure whom the change leaves without a permit.

    Withdrawing a consent, ending an engagement or ending the bond ends the access in the same transaction. A role that
    had no permit before the change either was given elsewhere: it is left to people (see :func:`unpermitted`). A new
    safety block ends all of them, whoever gave them (L11).
    """
    if after.safety_block is not None and before.safety_block is None:
        return replace(after, figures=tuple(_without_roles(figure) for figure in after.figures))
    lapsed = {figure.id for figure in unpermitted(after, policy, at)} - {
        figure.id for figure in unpermitted(before, policy, at)
    }
    figures = tuple(_without_roles(figure) if figure.id in lapsed else figure for figure in after.figures)
    return replace(after, figures=figures) if lapsed else after


def unpermitted(network: SupportNetwork, policy: Policy, at: datetime) -> tuple[SupportFigure, ...]:
    """Figures that hold a role that carries access, and whom no consent permits any."""
    return tuple(
        figure
        for figure in network.figures
        if figure.engagement is not None
        and figure.engagement.access_roles
        and not isinstance(access_permit(network, figure, policy, at), Ask)
    )


def _without_roles(figure: SupportFigure) -> SupportFigure:
    engagement = figure.engagement
    return replace(figure, engagement=replace(engagement, access_roles=())) if engagement else figure


def _opens(before: SupportFigure | None, after: SupportFigure) -> bool:
    old, new = before.engagement if before else None, after.engagement
    if new is None or not new.access_roles:
        return False
    if old is None or {role.key for role in new.access_roles} - {role.key for role in old.access_roles}:
        return True
    until = old.period.end
    return until is not None and (new.period.end is None or new.period.end.last_day() > until.last_day())


def _purposes(network: SupportNetwork) -> list[str]:
    """The purposes, those that a consent names first: there the answer is likely to be a permit."""
    named = {coding.code for record in network.consents if record.root is not None for coding in record.root.purposes}
    return sorted(_PURPOSES, key=lambda purpose: purpose not in named)


def _answers(
    network: SupportNetwork, figure: SupportFigure, policy: Policy, at: datetime
) -> Iterator[tuple[AccessRequest, Permit | Refusal]]:
    """Every question of which one permit is enough, with its answer."""
    facts = facts_of(network, figure.id)
    for purpose in _purposes(network):
        for codes in _CODES:
            request = AccessRequest(
                child=network.child.ref,
                actor=figure.ref,
                action=Action.ACCESS,
                purpose=purpose,
                at=at,
                codes=codes,
            )
            yield request, decide(request, network.consents, facts, policy)
