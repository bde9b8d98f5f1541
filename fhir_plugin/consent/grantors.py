"""Who must sign for a child at a moment, and why (Jeugdwet 7.3.5; L1, L3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from fhir_plugin.consent.facts import Facts
from fhir_plugin.consent.policy import Band, Policy, Signer
from fhir_plugin.model.dates import age_on, local_day
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import AgeBasis

__all__ = ["Gap", "Grantor", "Requirement", "required_grantors"]

AGE_UNKNOWN = "consent-age-unknown"
AUTHORITY_UNKNOWN = "consent-authority-unknown"
Gap = str
"""Code of what keeps the requirement from being known; empty when it is known."""


class Grantor(NamedTuple):
    """One person (or a GI) whose signature is needed, and in which capacity."""

    ref: Ref
    signer: Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """The signatures that are needed at one moment.

    Attributes:
        grantors: each of them must permit; in the order authority holders (as recorded), youth.
        band: the rule of the policy that asks for them; None while the age is unknown.
        policy: id and version of the policy, with its choices.
        gap: ``consent-age-unknown`` or ``consent-authority-unknown`` when nobody can say who must sign.
    """

    grantors: tuple[Grantor, ...]
    band: Band | None
    policy: str
    gap: Gap = ""

    @property
    def age_basis(self) -> AgeBasis | None:
        """The signature rule to record a new consent under."""
        return self.band.basis if self.band else None

    @property
    def articles(self) -> tuple[str, ...]:
        """The law the requirement follows from."""
        return self.band.articles if self.band else ()

    @property
    def references(self) -> tuple[str, ...]:
        """The literal references of the grantors, in order."""
        return tuple(grantor.ref.reference for grantor in self.grantors)


def required_grantors(facts: Facts, policy: Policy, at: datetime) -> Requirement:
    """Who must sign for this child at this moment.

    Everyone who holds authority *on that day* counts; someone whose authority has not begun or has ended does not.
    Where the policy asks for authority holders and none is known, nobody can consent in their place.

    Args:
        facts: the child's birth date and the authority holders.
        policy: the age policy.
        at: an aware instant; ages change at midnight Europe/Amsterdam.

    Raises:
        ValueError: ``at`` carries no time zone.
    """
    today = local_day(at)
    band = _band(facts, policy, today)
    if band is None:
        return Requirement(grantors=(), band=None, policy=policy.label, gap=AGE_UNKNOWN)
    gap, grantors = "", []
    if Signer.AUTHORITY in band.signers:
        for each in facts.authority:
            holder = Grantor(each.holder, Signer.AUTHORITY)
            if each.period.covers(today) and holder not in grantors:
                grantors.append(holder)
        gap = "" if grantors else AUTHORITY_UNKNOWN
    if Signer.YOUTH in band.signers:
        grantors.append(Grantor(facts.child, Signer.YOUTH))
    return Requirement(grantors=tuple(grantors), band=band, policy=policy.label, gap=gap)


def _band(facts: Facts, policy: Policy, today: date) -> Band | None:
    """The band of today, or None while the birth date leaves more than one possible or lies in the future."""
    born = facts.birth_date
    if born is None or born.last_day() > today:
        return None
    youngest = policy.band_at(age_on(born.last_day(), today))
    if born.day is not None:
        return youngest
    return youngest if policy.band_at(age_on(born.first_day(), today)) is youngest else None
