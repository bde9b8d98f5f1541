"""What asks for attention in a network: birthdays that change who decides, consents to sign or ending, who to tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fhir_plugin.consent import Policy
from fhir_plugin.model.dates import birthday, local_day
from fhir_plugin.model.network import SupportNetwork
from smart_app.presenters.consent_form import is_current
from smart_app.presenters.dates import day_text
from smart_app.presenters.forms import FormContext, first_name
from smart_app.presenters.network import art_14_is_open, called
from smart_app.presenters.network import is_current as is_current_figure
from smart_app.presenters.sharing import unfinished

__all__ = ["Item", "worklist"]

AHEAD = timedelta(days=182)
"""How far the list looks ahead: half a year."""
ENDING = timedelta(days=42)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do or to know.

    Attributes:
        when: the day it happens, or None for something that is open now.
        figure_id: whom it is about; empty for the child.
    """

    text: str
    hint: str
    when: date | None = None
    figure_id: str = ""


def worklist(network: SupportNetwork, policy: Policy, context: FormContext) -> tuple[Item, ...]:
    """Open things first, then what comes, by day."""
    items = [
        *_to_sign(network, policy, context),
        *_to_tell(network, context),
        *_birthdays(network, context),
        *_endings(network, context),
    ]
    return tuple(sorted(items, key=lambda one: one.when or date.min))


def _birthdays(network: SupportNetwork, context: FormContext) -> list[Item]:
    t, born = context.t, network.child.birth_date
    if born is None or not born.is_full:
        return []
    hints = {
        12: t("From that day the young person agrees too. Earlier consents no longer count on their own."),
        16: t("From that day the young person alone decides. Ask for a new consent."),
        18: t("Youth care may end. Talk about who stays, and hand over."),
    }
    items = []
    for age, hint in hints.items():
        day = birthday(born.first_day(), age)
        if context.today < day <= context.today + AHEAD:
            text = t("%(name)s turns %(age)s on %(day)s", name=first_name(network.child), age=age, day=day_text(day, t))
            items.append(Item(text=text, hint=hint, when=day))
    return items


def _endings(network: SupportNetwork, context: FormContext) -> list[Item]:
    t, items = context.t, []
    for consent in network.consents:
        end = consent.root.period.end if consent.root and consent.root.period else None
        if end is None or not is_current(consent, context.now) or end > context.now + ENDING:
            continue
        day = local_day(end - timedelta(seconds=1))
        named = {actor.ref.reference for actor in (consent.root.actors if consent.root else ()) if actor.ref}
        about = next((one for one in network.figures if one.ref.reference in named), None)
        name = called(about, t) if about else t("a support figure")
        items.append(
            Item(
                text=t("The consent for %(name)s ends on %(day)s", name=name, day=day_text(day, t)),
                hint=t("Look together at whether it should go on."),
                when=day,
                figure_id=about.id if about else "",
            )
        )
    return items


def _to_sign(network: SupportNetwork, policy: Policy, context: FormContext) -> list[Item]:
    t = context.t
    return [
        Item(
            text=t(
                "Still to be signed by %(names)s: consent for %(figure)s", names=one.missing, figure=called(about, t)
            ),
            hint=t("About: %(what)s. Until then it is not shared.", what=one.what),
            figure_id=about.id,
        )
        for about in network.figures
        if is_current_figure(about, context.today)
        for one in unfinished(about, network, policy, context)
    ]


def _to_tell(network: SupportNetwork, context: FormContext) -> list[Item]:
    t = context.t
    return [
        Item(
            text=t("%(name)s does not know yet what is recorded", name=called(one, t)),
            hint=t("Everyone has a right to know (article 14 of the GDPR)."),
            figure_id=one.id,
        )
        for one in network.figures
        if one.active and art_14_is_open(one)
    ]
