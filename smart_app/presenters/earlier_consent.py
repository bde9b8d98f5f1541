"""What some already agreed to while others still have to: shown to the next who signs, and proposed again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from fhir_plugin.consent import Policy
from fhir_plugin.model.consent import ConsentRecord
from fhir_plugin.model.dates import AMSTERDAM, PartialDate
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import InformationCategory
from smart_app.presenters.consent_form import ConsentRow, categories_of, consents_about, describe, proposed_end
from smart_app.presenters.dates import date_input
from smart_app.presenters.forms import FormContext
from smart_app.presenters.sharing import unfinished

__all__ = ["Earlier", "earlier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The consents that wait for the signature of others.

    Attributes:
        rows: each of them in words, the newest first.
        answers: the same as answers of the consent step. Never who signs: that is only ticked for who really said yes.
    """

    rows: tuple[ConsentRow, ...] = ()
    answers: dict[str, tuple[str, ...]] = field(default_factory=dict)


def earlier(figure: SupportFigure, network: SupportNetwork, policy: Policy, context: FormContext) -> Earlier:
    """What was agreed about this figure and is not complete; nothing where nobody waits for anybody.

    The proposed end is that of the consent that ends first, so that nobody is asked for more than was agreed.
    """
    waiting = {category for one in unfinished(figure, network, policy, context) for category in one.categories}
    described = [(one, describe(one, context)) for one in consents_about(network, figure.ref.reference)]
    found = [
        (one, row)
        for one, row in described
        if row.current and row.permits and not waiting.isdisjoint(_covered(categories_of(one)))
    ]
    if not found:
        return Earlier()
    whole = InformationCategory.WHOLE_FILE
    wanted = [whole] if whole in waiting else [one for one in InformationCategory if one in waiting]
    ends = [day for one, _ in found if (day := _last_day(one)) is not None]
    until = min([*ends, PartialDate.of(proposed_end(network, policy, context))], key=PartialDate.first_day)
    return Earlier(
        rows=tuple(row for _, row in found),
        answers={"share_what": tuple(wanted), "share_until": (date_input(until),)},
    )


def _covered(categories: tuple[InformationCategory, ...]) -> tuple[InformationCategory, ...]:
    """What a consent is about, where the whole file holds everything."""
    return tuple(InformationCategory) if InformationCategory.WHOLE_FILE in categories else categories


def _last_day(consent: ConsentRecord) -> PartialDate | None:
    end = consent.root.period.end if consent.root and consent.root.period else None
    return PartialDate.of((end - timedelta(seconds=1)).astimezone(AMSTERDAM).date()) if end else None
