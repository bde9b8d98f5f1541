"""What the decider must know besides the consents: the child's age, who holds authority, where the figure stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import AUTHORITY_CODES

__all__ = ["Authority", "Facts", "FigureFacts", "Membership", "facts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Someone who holds parental authority or guardianship (*gezag*, *voogdij*): a person, or a GI as Organization."""

    holder: Ref
    period: Period = field(default_factory=Period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The figure takes part in a CareTeam during a period."""

    team: Ref
    period: Period = field(default_factory=Period)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFacts:
    """Where one figure stands.

    Attributes:
        active: RelatedPerson.active.
        bond: RelatedPerson.period.
        teams: memberships, current and former; a team that is not listed does not hold the figure.
    """

    ref: Ref
    active: bool = True
    bond: Period = field(default_factory=Period)
    teams: tuple[Membership, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything about one child, and the one figure that asks, that the law looks at.

    Attributes:
        child: the Patient.
        birth_date: a partial date serves as long as every day it can mean leads to the same rule.
        authority: who holds authority, then and now.
        figure: the figure that asks; None while there is only a question about who must sign.
        safety_block: sharing would endanger the child (L11): nothing is permitted.
    """

    child: Ref
    birth_date: PartialDate | None = field(default=None, repr=False)
    authority: tuple[Authority, ...] = ()
    figure: FigureFacts | None = None
    safety_block: bool = False


def facts_of(
    network: SupportNetwork,
    figure_id: str = "",
    *,
    authority: Iterable[Authority] | None = None,
    safety_block: bool = False,
) -> Facts:
    """The facts a network holds about its child and one of its figures.

    Args:
        network: as read from the EHR.
        figure_id: the figure that asks; an unknown one leaves ``figure`` empty, and then nothing is permitted.
        authority: who holds authority, where the caller knows better than the network.
        safety_block: the caller knows that sharing is off, whatever the network says; a block in it always counts.
    """
    figure = network.figure(figure_id) if figure_id else None
    return Facts(
        child=network.child.ref,
        birth_date=network.child.birth_date,
        authority=tuple(_recorded(network) if authority is None else authority),
        figure=_standing(network, figure) if figure is not None else None,
        safety_block=safety_block or network.sharing_is_off,
    )


def _recorded(network: SupportNetwork) -> Iterator[Authority]:
    """Whom the record names as holding authority; a support figure can be one of them (a *burgervoogd*)."""
    for person in network.people:
        if person.holds_authority and person.active:
            yield Authority(holder=person.ref, period=person.authority)
    for figure in network.figures:
        if figure.active and any(role.key in AUTHORITY_CODES for role in (*figure.roles, *figure.relations)):
            yield Authority(holder=figure.ref, period=figure.bond)


def _standing(network: SupportNetwork, figure: SupportFigure) -> FigureFacts:
    team = network.team
    engaged = team is not None and team.id and team.status == "active" and figure.engagement is not None
    return FigureFacts(
        ref=figure.ref,
        active=figure.active,
        bond=figure.bond,
        teams=_memberships(network, figure) if engaged else (),
    )


def _memberships(network: SupportNetwork, figure: SupportFigure) -> tuple[Membership, ...]:
    if network.team is None or figure.engagement is None:
        return ()
    team, own = network.team, figure.engagement.period
    ends = [end for end in (own.end, team.period.end) if end is not None]
    starts = [start for start in (own.start, team.period.start) if start is not None]
    period = Period(
        start=max(starts, key=PartialDate.first_day, default=None),
        end=min(ends, key=PartialDate.last_day, default=None),
    )
    return (Membership(team=Ref(reference=f"CareTeam/{team.id}"), period=period),)
