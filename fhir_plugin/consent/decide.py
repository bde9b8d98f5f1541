"""``decide()``: may this figure have this, now? Pure, total, deterministic, and the only maker of permits.

The order of the questions is that of the law: is it safe, is the figure who they say, who must sign, and did each of
them permit without anyone of them refusing (docs/consent.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from fhir_plugin.consent.facts import Facts
from fhir_plugin.consent.grantors import AUTHORITY_UNKNOWN, required_grantors
from fhir_plugin.consent.matching import NO, YES, Ask, Match, asks, literal, same
from fhir_plugin.consent.permit import Ground, Permit, Reason, Refusal, claim_issuer
from fhir_plugin.consent.policy import Policy
from fhir_plugin.consent.request import AccessRequest
from fhir_plugin.consent.rules import verdict
from fhir_plugin.model.consent import ConsentRecord, Effect, Scope, Status
from fhir_plugin.model.dates import local_day

__all__ = ["barrier", "counting", "decide", "provision_path"]

_issue = claim_issuer()


def decide(request: AccessRequest, consents: Iterable[ConsentRecord], facts: Facts, policy: Policy) -> Permit | Refusal:
    """Decide one request.

    Args:
        request: who asks what, why and when.
        consents: all that is known of this child, in any order; what does not count is set aside.
        facts: age, authority, the figure's standing, safety.
        policy: whose signatures are needed at which age.

    Returns:
        A permit with the deciding provision of every required grantor, or a refusal with its reason.
    """
    reason = barrier(request, facts)
    if reason is not None or facts.figure is None:
        return Refusal(request=request, reason=reason or Reason.OTHER_FIGURE, policy=policy.label)
    requirement = required_grantors(facts, policy, request.at)
    if requirement.gap:
        gap = Reason.AUTHORITY_UNKNOWN if requirement.gap == AUTHORITY_UNKNOWN else Reason.AGE_UNKNOWN
        return Refusal(request=request, reason=gap, policy=policy.label, requirement=requirement)
    names = tuple(dict.fromkeys(literal(grantor.ref) for grantor in requirement.grantors))
    weighed = _weighed(consents, request, names)
    grounds: dict[Ground, None] = {}
    for ask in asks(request, facts.figure):
        permits, denies = _voices(ask, weighed)
        if denies or len(permits) < len(names):
            missing = [name for name in names if name not in permits]
            return Refusal(
                request=request,
                reason=Reason.DENIED if denies else _reason(ask, weighed, permits, missing),
                policy=policy.label,
                grounds=tuple(sorted(set(denies))),
                missing=tuple(grantor.ref for grantor in requirement.grantors if literal(grantor.ref) in missing),
                requirement=requirement,
            )
        grounds.update(dict.fromkeys(permits[name] for name in names))
    return _issue(request, tuple(grounds), requirement)


def barrier(request: AccessRequest, facts: Facts) -> Reason | None:
    """What refuses before any consent is read: another child or figure, a safety block, a bond that is over."""
    figure = facts.figure
    if facts.child.reference[-1:] in ("", "/") or literal(request.child) != literal(facts.child):
        return Reason.OTHER_CHILD  # a child without an id is nobody's child
    if figure is None or not figure.ref.reference or literal(request.actor) != literal(figure.ref):
        return Reason.OTHER_FIGURE
    if facts.safety_block:
        return Reason.SAFETY_BLOCK
    if not figure.active:
        return Reason.FIGURE_INACTIVE
    return None if figure.bond.covers(local_day(request.at)) else Reason.BOND_NOT_CURRENT


def counting(record: ConsentRecord, request: AccessRequest) -> bool | None:
    """Whether a consent counts (active, about privacy, of this child), and whether its permits do.

    Returns:
        None when it is set aside. False when only its refusals count: it may be about another child with the same
        id elsewhere, or was given after the moment of decision.
    """
    if record.status is not Status.ACTIVE or record.scope is not Scope.PRIVACY:
        return None
    subject = same(literal(record.subject), literal(request.child))
    if not subject:
        return None
    return subject is YES and (record.recorded_at is None or record.recorded_at <= request.at)


class _Weighed(NamedTuple):
    """A consent that counts, with the required grantors whose signature it carries."""

    record: ConsentRecord
    trusted: bool
    signed: tuple[tuple[str, Match], ...]


def _weighed(consents: Iterable[ConsentRecord], request: AccessRequest, required: tuple[str, ...]) -> list[_Weighed]:
    """The consents that count and carry a signature that counts; people without authority count for nothing."""
    found = []
    for record in consents:
        trusted = counting(record, request)
        if trusted is None:
            continue
        signed = _signed(record, required)
        if signed:
            found.append(_Weighed(record, trusted, signed))
    return found


def _signed(record: ConsentRecord, required: tuple[str, ...]) -> tuple[tuple[str, Match], ...]:
    """The required grantors who signed, each with how surely it is them."""
    best: dict[str, Match] = {}
    for grantor in record.grantors:
        signature = literal(grantor)
        for name in required:
            found = same(signature, name)
            if found > best.get(name, NO):
                best[name] = found
    return tuple(best.items())


def _voices(ask: Ask, weighed: Iterable[_Weighed]) -> tuple[dict[str, Ground], list[Ground]]:
    """What the required grantors say about one question: the permit of each, and every refusal.

    Where several consents of one grantor permit, the first by id, version and provision is named, so that the answer
    does not depend on the order in which they came.
    """
    permits: dict[str, Ground] = {}
    denies: list[Ground] = []
    for record, trusted, signed in weighed:
        found = verdict(record, ask, trusted=trusted)
        if found.effect is None:
            continue
        for name, certainty in signed:
            ground = Ground(name, record.id, record.version, provision_path(record, found.path))
            if found.effect is Effect.DENY:
                denies.append(ground)
            elif certainty is YES and (name not in permits or ground < permits[name]):
                permits[name] = ground
    return permits, denies


def _reason(ask: Ask, weighed: Iterable[_Weighed], permits: Collection[str], missing: Collection[str]) -> Reason:
    """The most telling reason why required grantors did not permit."""
    if any(record.not_understood and any(name in missing for name, _ in signed) for record, _, signed in weighed):
        return Reason.NOT_UNDERSTOOD
    if ask.break_glass:
        return Reason.BREAK_GLASS_NOT_PERMITTED
    return Reason.SIGNATURE_MISSING if permits else Reason.NO_PERMIT


def provision_path(record: ConsentRecord, path: tuple[int, ...]) -> str:
    """FHIRPath of a provision of R4, or of the policy rule where there is none."""
    if record.root is None:
        return "Consent.policyRule"
    return "Consent.provision" + "".join(f".provision[{index}]" for index in path)
