"""Mila (10) and Finn (12): one support family, and neither record may betray the other."""

from __future__ import annotations

from datetime import date, timedelta

from fhir_plugin.model.terms import (
    AgeBasis,
    BondKind,
    Context,
    Designator,
    Function,
    InformationCategory,
    Involvement,
    LifeDomain,
    NetworkRing,
    ParentAccord,
    Supports,
    TieQuality,
)
from smart_app.sandbox.seed.cast import Closeness, Figure, Named, Sharing, Story
from smart_app.sandbox.seed.elements import born
from smart_app.sandbox.seed.kin import FRIEND, both_parents

__all__ = ["siblings"]


def siblings(today: date) -> tuple[Story, ...]:
    """Both records."""
    return (_mila(today), _finn(today))


def _mila(today: date) -> Story:
    start = today - timedelta(days=300)
    return _sibling(
        today,
        identity="mila",
        name=("Mila", "", "Jansen"),
        gender="female",
        born_on=born(today, 10, 150),
        sharing=(
            Sharing(
                signed_by=("moeder", "vader"),
                basis=AgeBasis.UNDER_12,
                about=(InformationCategory.APPOINTMENTS, InformationCategory.SCHOOL),
                start=start,
                end=start + timedelta(days=364),
            ),
        ),
    )


def _finn(today: date) -> Story:
    start = today - timedelta(days=300)
    return _sibling(
        today,
        identity="finn",
        name=("Finn", "", "Jansen"),
        gender="male",
        born_on=born(today, 12, 30),
        # Signed by the parents when he was eleven: since he turned twelve, his own signature is missing.
        sharing=(
            Sharing(
                signed_by=("moeder", "vader"),
                basis=AgeBasis.UNDER_12,
                about=(InformationCategory.APPOINTMENTS,),
                start=start,
                end=start + timedelta(days=364),
            ),
        ),
    )


def _sibling(
    today: date, *, identity: str, name: tuple[str, str, str], gender: str, born_on: date, sharing: tuple[Sharing, ...]
) -> Story:
    """Mila and Finn: the same support family, in each record as a RelatedPerson of its own."""
    start = str(today - timedelta(days=300))
    family = Figure(
        id="steungezin",
        name=("Anja", "de", "Wit"),
        label="Anja en Henk",
        role=FRIEND,
        kinds=(BondKind.SUPPORT_FAMILY,),
        gender="female",
        phone="+31612345620",
        mail="anja.dewit@voorbeeld.example",
        named=(Named(by=Designator.CHILD, on=start), Named(by=Designator.PARENT, who="moeder", on=start)),
        trust=start,
        supports=(Supports.CHILD, Supports.PARENT),
        domains=(LifeDomain.NEIGHBOURHOOD, LifeDomain.HOME),
        accord=ParentAccord.YES,
        informed=start,
        vog=start,
        programme="Buurtgezinnen",
        bond_since=start[:7],
        engaged=(start, ""),
        functions=(Function.PRACTICAL, Function.COMPANY),
        involvement=(Involvement.EXECUTION,),
        contexts=(Context.PREVENTION, Context.GUIDANCE),
        ties=(Closeness(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=start),),
        sharing=sharing,
    )
    return Story(
        id=identity,
        name=name,
        gender=gender,
        born=born_on,
        home=("Molenweg", "48", "7411 EF", "Deventer"),
        relatives=both_parents(("Linda", "", "Jansen"), ("Peter", "", "Jansen"), 30),
        professionals=("joke-de-vries",),
        figures=(family,),
        contexts=(Context.PREVENTION, Context.GUIDANCE),
        since=start,
    )
