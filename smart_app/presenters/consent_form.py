"""The consent step: who must agree by age and authority, what may be shared, until when; and what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fhir_plugin.consent import Policy, Requirement, Signer, facts_of, required_grantors
from fhir_plugin.consent.granting import Grant, grant
from fhir_plugin.consent.policy import Band
from fhir_plugin.model.consent import ConsentRecord, Effect, Rule, Status
from fhir_plugin.model.dates import AMSTERDAM, PartialDate, Period, birthday
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import AgeBasis, CodeSystems, InformationCategory
from smart_app.i18n import Message, msg
from smart_app.presenters.dates import date_input, day_text
from smart_app.presenters.forms import Answers, Field, FieldError, FormContext, Option, Values, enum_options, normal
from smart_app.presenters.sharing import PURPOSE, Unfinished
from smart_app.presenters.words import joined, words

__all__ = [
    "FIELDS",
    "FIELD_NAMES",
    "ConsentAnswers",
    "Signature",
    "categories_of",
    "consent_answers",
    "consents_about",
    "describe",
    "granted",
    "is_current",
    "proposed_end",
    "signatures",
    "why",
]

LONGEST = timedelta(days=366)


def _sharing_options(context: FormContext) -> tuple[Option, ...]:
    t = context.t
    return (
        Option(value="yes", text=t("Yes, agree on it now")),
        Option(value="no", text=t("Not now"), hint=t("Then nothing is shared with this person.")),
    )


SHARE = Field(
    name="share",
    label=msg("May this person know something?"),
    kind="choice",
    options=_sharing_options,
    unsaid=False,
)
CATEGORIES = Field(
    name="share_what",
    label=msg("What may this person know?"),
    kind="choices",
    hint=msg("Choose only what is needed."),
    options=enum_options(InformationCategory),
)
SIGNERS = Field(
    name="share_signers",
    label=msg("Who agrees with this?"),
    kind="choices",
    hint=msg("Tick only who really said yes. The others can follow later."),
)
UNTIL = Field(name="share_until", label=msg("Until when?"), kind="date", short=True)
FIELDS: tuple[Field, ...] = (SHARE, CATEGORIES, SIGNERS, UNTIL)
FIELD_NAMES = frozenset(field.name for field in FIELDS)

_WHY: dict[AgeBasis, Message] = {
    AgeBasis.UNDER_12: msg("Under 12, everyone who has parental authority decides."),
    AgeBasis.FROM_12_TO_15: msg(
        "From 12 to 15, the young person and everyone with parental authority decide together."
    ),
    AgeBasis.FROM_16: msg("From 16, the young person alone decides."),
}
_GAPS: dict[str, Message] = {
    "consent-age-unknown": msg("The birth date is not fully known, so it is not clear who must agree."),
    "consent-authority-unknown": msg(
        "The record does not say who has parental authority. Record that first: nobody can agree in their place."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One person whose agreement is needed."""

    ref: Ref
    name: str
    youth: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswers:
    """What was agreed; ``categories`` is empty when nothing is shared now."""

    categories: tuple[InformationCategory, ...] = ()
    signers: tuple[Signature, ...] = ()
    until: date | None = None
    errors: tuple[FieldError, ...] = ()


def requirement(network: SupportNetwork, policy: Policy, at: datetime) -> Requirement:
    """Who must agree for this child at this moment."""
    return required_grantors(facts_of(network), policy, at)


def signatures(needed: Requirement, context: FormContext) -> tuple[Signature, ...]:
    """The people whose agreement is needed, by name; the youth first."""
    found = tuple(
        Signature(
            ref=grantor.ref,
            name=context.name_of(grantor.ref) or context.t("A holder of parental authority"),
            youth=grantor.signer is Signer.YOUTH,
        )
        for grantor in needed.grantors
    )
    return tuple(sorted(found, key=lambda one: not one.youth))


def why(needed: Requirement, context: FormContext) -> str:
    """Why these people, or why it cannot be said."""
    if needed.gap:
        return context.t(_GAPS.get(needed.gap, _GAPS["consent-age-unknown"]))
    basis = needed.age_basis
    return context.t(_WHY[basis]) if basis else ""


def proposed_end(network: SupportNetwork, policy: Policy, context: FormContext) -> date:
    """A year from now, or the day before the child's next birthday at which others decide."""
    year = context.today + timedelta(days=365)
    born = network.child.birth_date
    if born is None or not born.is_full:
        return year
    turns = [birthday(born.first_day(), band.from_age) for band in _later(policy.bands)]
    return min([year, *(day - timedelta(days=1) for day in turns if day > context.today)])


def _later(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    return tuple(band for band in bands if band.from_age > 0)


def consent_answers(values: Values, needed: Requirement, context: FormContext) -> ConsentAnswers:
    """Read the consent step; without a yes it says nothing and has no errors."""
    answers = Answers(normal(values), context)
    if not answers.yes_no("share"):
        return ConsentAnswers(errors=tuple(answers.errors))
    everyone = signatures(needed, context)
    chosen = set(answers.raw("share_signers"))
    signed = tuple(one for one in everyone if one.ref.reference in chosen)
    categories = answers.codes("share_what", InformationCategory)
    if not categories:
        answers.fail("share_what", "consent-categories")
    if not signed:
        answers.fail("share_signers", "consent-signers")
    until = _until(answers)
    return ConsentAnswers(
        categories=categories,
        signers=signed,
        until=until,
        errors=tuple(answers.errors),
    )


def _until(answers: Answers) -> date | None:
    """A full day that is still to come, no more than a year away."""
    found = answers.date("share_until")
    if found is None:
        if not any(error.field == "share_until" for error in answers.errors):
            answers.fail("share_until", "needs-day")
        return None
    if not found.is_full:
        answers.fail("share_until", "needs-day")
    elif found.first_day() < answers.context.today:
        answers.fail("share_until", "date-past")
    elif found.first_day() > answers.context.today + LONGEST:
        answers.fail("share_until", "date-far")
    return found.first_day()


def signer_options(needed: Requirement, context: FormContext) -> tuple[Option, ...]:
    """The boxes to tick."""
    return tuple(
        Option(
            value=one.ref.reference,
            text=one.name,
            hint="" if one.youth else context.t("has parental authority"),
        )
        for one in signatures(needed, context)
    )


def starting(network: SupportNetwork, policy: Policy, context: FormContext) -> dict[str, tuple[str, ...]]:
    """What the step proposes: only the end."""
    return {"share_until": (date_input(PartialDate.of(proposed_end(network, policy, context))),)}


def summary(
    agreed: ConsentAnswers, context: FormContext, waiting: Iterable[Unfinished] = ()
) -> tuple[tuple[str, str], ...]:
    """The consent as rows of check-your-answers.

    Args:
        agreed: what was answered.
        context: record and moment.
        waiting: what will not be shared yet once this is in the record: who signed another form is not needed again.
    """
    t = context.t
    if not agreed.categories:
        return ((t("Sharing"), t("Nothing is shared with this person")),)
    rows = [
        (t("May know"), words(agreed.categories, t)),
        (t("Agreed by"), joined([one.name for one in agreed.signers], t)),
        (t("Until"), day_text(agreed.until, t) if agreed.until else ""),
    ]
    agreed_on = set(agreed.categories)
    for one in waiting:
        about = [category for category in one.categories if category in agreed_on]
        if about:
            only = f"{words(about, t)}: " if len(about) < len(agreed_on) else ""
            rows.append((t("Still needed from"), only + one.missing))
    return tuple(rows)


def granted(
    agreed: ConsentAnswers, figure: Ref, network: SupportNetwork, policy: Policy, context: FormContext, record_id: str
) -> ConsentRecord | None:
    """The consent to record, or None where nothing is shared now."""
    if not agreed.categories or agreed.until is None:
        return None
    wanted = Grant(
        child=network.child.ref,
        figure=figure,
        signed_by=tuple(one.ref for one in agreed.signers),
        categories=agreed.categories,
        valid=Period(start=PartialDate.of(context.today), end=PartialDate.of(agreed.until)),
        at=context.now,
        purposes=(PURPOSE,),
        organization=network.child.organization,
    )
    return grant(wanted, facts_of(network), policy, record_id=record_id)


def consents_about(network: SupportNetwork, figure_ref: str) -> tuple[ConsentRecord, ...]:
    """Consents that name this figure, the newest first."""
    found = [one for one in network.consents if one.root and figure_ref in _actors(one.root)]
    return tuple(sorted(found, key=lambda one: one.recorded_at.timestamp() if one.recorded_at else 0, reverse=True))


def _actors(rule: Rule) -> set[str]:
    named = {actor.ref.reference for actor in rule.actors if actor.ref}
    return named.union(*(_actors(inner) for inner in rule.exceptions)) if rule.exceptions else named


def is_current(consent: ConsentRecord, now: datetime) -> bool:
    """Whether it is in force now, as far as status and period go."""
    period = consent.root.period if consent.root else None
    return consent.status is Status.ACTIVE and (period is None or period.contains(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """One consent on the figure page."""

    id: str
    what: str
    by: str
    until: str
    current: bool
    withdrawn: bool
    permits: bool


def categories_of(consent: ConsentRecord) -> tuple[InformationCategory, ...]:
    """The kinds of information it is about; a consent without codes is about the whole file."""
    root = consent.root
    codes = [code.code for code in root.codes if code.system == CodeSystems.INFORMATION_CATEGORY] if root else []
    known = tuple(one for one in InformationCategory if one in codes)
    whole = not root or not root.codes or InformationCategory.WHOLE_FILE in known
    return (InformationCategory.WHOLE_FILE,) if whole else known


def describe(consent: ConsentRecord, context: FormContext) -> ConsentRow:
    """A consent in words."""
    t, root = context.t, consent.root
    end = root.period.end if root and root.period else None
    return ConsentRow(
        id=consent.id,
        what=words(categories_of(consent), t),
        by=joined([context.name_of(ref) for ref in consent.grantors], t),
        until=day_text((end - timedelta(seconds=1)).astimezone(AMSTERDAM).date(), t) if end else "",
        current=is_current(consent, context.now),
        withdrawn=consent.status is Status.INACTIVE,
        permits=root is not None and root.effect is Effect.PERMIT,
    )
