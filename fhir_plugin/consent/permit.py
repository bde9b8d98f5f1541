"""The two answers of the decider. A :class:`Permit` exists only because ``decide()`` gave it.

A permit holds no state of its own: what it permits is kept where only the decider writes. An object made any other way
(calling the class, ``object.__new__``, a subclass, pickle) permits nothing, and a genuine one holds nothing to change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, NoReturn, Self
from weakref import WeakKeyDictionary

from fhir_plugin.consent.grantors import Requirement
from fhir_plugin.consent.request import AccessRequest
from fhir_plugin.errors import PermitRequired
from fhir_plugin.model.identity import Ref

__all__ = ["MAX_AGE", "Ground", "Permit", "Reason", "Refusal", "demand"]

MAX_AGE = timedelta(minutes=1)
"""How long a permit serves: rights are judged again at each decision (L13)."""


class Reason(StrEnum):
    """Why something is refused; each has a sentence in ``texts/*/consent.toml``."""

    OTHER_CHILD = "consent-other-child"
    OTHER_FIGURE = "consent-other-figure"
    SAFETY_BLOCK = "consent-safety-block"
    FIGURE_INACTIVE = "consent-figure-inactive"
    BOND_NOT_CURRENT = "consent-bond-not-current"
    AGE_UNKNOWN = "consent-age-unknown"
    AUTHORITY_UNKNOWN = "consent-authority-unknown"
    DENIED = "consent-denied"
    NOT_UNDERSTOOD = "consent-not-understood"
    SIGNATURE_MISSING = "consent-signature-missing"
    BREAK_GLASS_NOT_PERMITTED = "consent-break-glass-not-permitted"
    NO_PERMIT = "consent-no-permit"


class Ground(NamedTuple):
    """What one grantor's consent says: the rule path of a decision.

    Attributes:
        grantor: whose signature it carries.
        consent: logical id of the consent; empty for one that is not stored yet.
        version: its version as read.
        provision: FHIRPath of the deciding provision, as in R4.
    """

    grantor: str
    consent: str
    version: str
    provision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """No, and why.

    Attributes:
        reason: the code of the deciding reason.
        grounds: the consents that refuse, when the reason is ``consent-denied``.
        missing: required grantors who did not permit.
        requirement: who had to sign; None when it did not come to that.
        policy: id and version of the policy.
    """

    request: AccessRequest
    reason: Reason
    policy: str
    grounds: tuple[Ground, ...] = ()
    missing: tuple[Ref, ...] = ()
    requirement: Requirement | None = None

    def __bool__(self) -> bool:
        return False


class _Content(NamedTuple):
    request: AccessRequest
    grounds: tuple[Ground, ...]
    requirement: Requirement


_Issue = Callable[[AccessRequest, tuple[Ground, ...], Requirement], "Permit"]


class Permit:
    """Yes, to exactly this request, on these grounds. Only ``decide()`` makes one."""

    __slots__ = ("__weakref__",)

    def __new__(cls, *_: object, **__: object) -> Self:
        """Refuse: see the class."""
        raise TypeError("only decide() makes a Permit")

    def __init_subclass__(cls, **_: object) -> NoReturn:
        raise TypeError("a Permit has no other kinds")

    @property
    def request(self) -> AccessRequest:
        """What is permitted."""
        return _content(self).request

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """The deciding provision of each required grantor, in the order of the requirement, for all that was asked."""
        return _content(self).grounds

    @property
    def requirement(self) -> Requirement:
        """Who had to sign, and why."""
        return _content(self).requirement

    @property
    def policy(self) -> str:
        """Id and version of the policy."""
        return _content(self).requirement.policy

    @property
    def must_audit(self) -> bool:
        """Whether an AuditEvent is a condition of this permit: always with break-glass."""
        return _content(self).request.is_break_glass

    def __bool__(self) -> bool:
        return True

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a Permit is decided anew, never stored")

    def __repr__(self) -> str:
        return f"Permit({len(self.grounds)} grounds, {self.policy})"


def _registry() -> tuple[Callable[[Permit], _Content], Callable[[], _Issue]]:
    """Where the content of permits lives, with its reader and the one-time right to write."""
    issued: WeakKeyDictionary[Permit, _Content] = WeakKeyDictionary()
    rights = ["issue"]

    def content(permit: Permit) -> _Content:
        found = issued.get(permit)
        if found is None:
            raise PermitRequired(
                "This permit was not given by a decision.",
                code="permit-forged",
                remedy="Ask fhir_plugin.decide() for one.",
            )
        return found

    def issue(request: AccessRequest, grounds: tuple[Ground, ...], requirement: Requirement) -> Permit:
        permit = object.__new__(Permit)
        issued[permit] = _Content(request, grounds, requirement)
        return permit

    def claim() -> _Issue:
        if not rights:
            raise TypeError("the right to give permits belongs to decide() alone")
        rights.pop()
        return issue

    return content, claim


_content, claim_issuer = _registry()


def demand(answer: Permit | Refusal | None, needed: AccessRequest, *, max_age: timedelta = MAX_AGE) -> None:
    """Let pass only what a fresh, genuine permit covers; call this where data about the child leaves.

    Args:
        answer: what ``decide()`` answered.
        needed: what is about to be shared, at the moment of sharing. It may ask for less than the permit (some of its
            classes, codes or items, or any where the permit was given for whatever they may be), for nothing else.
        max_age: how old the decision may be.

    Raises:
        PermitRequired: there is no permit, it was forged, is too old, or does not cover this.
    """
    if not isinstance(answer, Permit):
        code = answer.reason.value if answer is not None else "permit-required"
        raise PermitRequired(
            "Sharing this is not permitted.", code=code, remedy="Record consent first, or leave this out."
        )
    given = answer.request
    if not timedelta(0) <= needed.at - given.at <= max_age:
        raise PermitRequired(
            "The decision to share is out of date.", code="permit-stale", remedy="Decide again, right before sharing."
        )
    if not _covered(needed, given):
        raise PermitRequired(
            "The permit is about something else.", code="permit-mismatch", remedy="Decide about what is shared."
        )


def _covered(needed: AccessRequest, given: AccessRequest) -> bool:
    """Whether a permit for one request permits another: what was left unsaid was permitted for whatever it may be."""
    same_question = (needed.child, needed.actor, needed.action, needed.purpose, needed.label) == (
        given.child,
        given.actor,
        given.action,
        given.purpose,
        given.label,
    )
    parts = ((needed.classes, given.classes), (needed.codes, given.codes), (needed.data, given.data))
    same_time = given.data_period is None or needed.data_period == given.data_period
    return same_question and same_time and all(not whole or (part and set(part) <= set(whole)) for part, whole in parts)
