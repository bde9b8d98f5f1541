"""Until when what was decided about a client stands by itself."""

from __future__ import annotations

from datetime import date, datetime

from fhir_plugin.consent import Policy, facts_of, lapses
from fhir_plugin.model.dates import day_after
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.deciding.taking_part import is_open

__all__ = ["holds_until"]


def holds_until(network: SupportNetwork, policy: Policy, at: datetime) -> date | None:
    """The first day on which somebody who takes part may do so no longer; None when no such day is known."""
    taking_part = [figure for figure in network.figures if is_open(figure, at)]
    if not taking_part:
        return None
    ends = [figure.bond.end.last_day() for figure in taking_part if figure.bond.end]
    days = [day_after(end) for end in ends if end < date.max]
    days += [lapse.day for lapse in lapses(network.consents, facts_of(network), policy, after=at)]
    return min(days, default=None)
