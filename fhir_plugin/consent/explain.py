"""Why a decision came out as it did, consent by consent, for people who must be able to check it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fhir_plugin.consent.decide import counting, provision_path
from fhir_plugin.consent.facts import Facts
from fhir_plugin.consent.grantors import required_grantors
from fhir_plugin.consent.matching import asks, literal, same
from fhir_plugin.consent.policy import Policy
from fhir_plugin.consent.request import AccessRequest
from fhir_plugin.consent.rules import verdict
from fhir_plugin.model.consent import ConsentRecord, Effect, Scope, Status

__all__ = ["Line", "Says", "explain"]


class Says(StrEnum):
    """What a consent contributes; each has a sentence in ``texts/*/consent.toml``."""

    PERMITS = "consent-line-permits"
    DENIES = "consent-line-denies"
    SILENT = "consent-line-silent"
    NOT_UNDERSTOOD = "consent-line-not-understood"
    NOT_YET_GIVEN = "consent-line-not-yet-given"
    NOT_ACTIVE = "consent-line-not-active"
    OTHER_SCOPE = "consent-line-other-scope"
    OTHER_CHILD = "consent-line-other-child"
    NO_SAY = "consent-line-no-say"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One consent in an explanation.

    Attributes:
        consent: logical id.
        version: version as read.
        says: what it contributes.
        grantors: the required grantors whose signature it carries.
        provision: FHIRPath of the provision that decides; empty where none does.
        unclear: FHIRPath of what was not understood.
    """

    consent: str
    version: str
    says: Says
    grantors: tuple[str, ...] = ()
    provision: str = ""
    unclear: tuple[str, ...] = ()


def explain(
    request: AccessRequest, consents: Iterable[ConsentRecord], facts: Facts, policy: Policy
) -> tuple[Line, ...]:
    """What each consent contributes to the decision on a request, sorted by id and version.

    For a request with several combinations a consent counts as what it says to most effect: a refusal to any of them,
    else silence on any of them, else a permit.
    """
    required = tuple(literal(grantor.ref) for grantor in required_grantors(facts, policy, request.at).grantors)
    lines = (_line(record, request, facts, required) for record in consents)
    return tuple(sorted(lines, key=lambda line: (line.consent, line.version, line.says, line.grantors)))


def _line(record: ConsentRecord, request: AccessRequest, facts: Facts, required: tuple[str, ...]) -> Line:
    signed = tuple(name for name in required if any(same(literal(grantor), name) for grantor in record.grantors))
    aside = _aside(record, request, signed)
    if aside is not None or facts.figure is None:
        return Line(consent=record.id, version=record.version, says=aside or Says.SILENT, grantors=signed)
    trusted = bool(counting(record, request))
    found = [verdict(record, ask, trusted=trusted) for ask in asks(request, facts.figure)]
    denied = next((each for each in found if each.effect is Effect.DENY), None)
    silent = next((each for each in found if each.effect is None), None)
    deciding = denied or silent or found[0]
    if denied:
        says = Says.DENIES
    elif record.not_understood:
        says = Says.NOT_UNDERSTOOD
    elif record.recorded_at is not None and record.recorded_at > request.at:
        says = Says.NOT_YET_GIVEN
    else:
        says = Says.SILENT if silent else Says.PERMITS
    return Line(
        consent=record.id,
        version=record.version,
        says=says,
        grantors=signed,
        provision=provision_path(record, deciding.path) if deciding.effect is not None else "",
        unclear=record.not_understood,
    )


def _aside(record: ConsentRecord, request: AccessRequest, signed: tuple[str, ...]) -> Says | None:
    """Why a consent does not count at all, or None."""
    if record.status is not Status.ACTIVE:
        return Says.NOT_ACTIVE
    if record.scope is not Scope.PRIVACY:
        return Says.OTHER_SCOPE
    if counting(record, request) is None:
        return Says.OTHER_CHILD
    return None if signed else Says.NO_SAY
