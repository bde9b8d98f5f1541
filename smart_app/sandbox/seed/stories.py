"""Clients up to thirteen: Noor (8), Bram (9, no figure at all), Mila and Finn (one support family), Daan (13).

All fictional. Every date is told relative to the day the sandbox starts, so that ages and consents stay as described.
"""

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
from smart_app.sandbox.seed.cast import Closeness, Figure, Named, Relative, Remark, Sharing, Story
from smart_app.sandbox.seed.elements import born
from smart_app.sandbox.seed.kin import AUTHORITY, FATHER, FRIEND, MOTHER, NEIGHBOUR, both_parents
from smart_app.sandbox.seed.siblings import siblings

__all__ = ["children"]


def children(today: date) -> tuple[Story, ...]:
    """The younger clients."""
    return (_noor(today), _bram(today), *siblings(today), _daan(today))


def _noor(today: date) -> Story:
    start = today - timedelta(days=140)
    aunt = Figure(
        id="tante-sam",
        name=("Samira", "", "Yilmaz"),
        label="tante Sam",
        relation=("AUNT", "Aunt"),
        kinds=(BondKind.SIGNIFICANT_ADULT,),
        gender="female",
        phone="+31612345601",
        named=(
            Named(by=Designator.CHILD, on=str(start)),
            Named(by=Designator.PARENT, who="moeder", on=str(start)),
        ),
        trust=str(start),
        supports=(Supports.CHILD, Supports.PARENT),
        domains=(LifeDomain.FAMILY, LifeDomain.HOME),
        accord=ParentAccord.YES,
        informed=str(start),
        bond_since=str(today.year - 8),
        engaged=(str(start), ""),
        functions=(Function.EMOTIONAL, Function.PRACTICAL),
        involvement=(Involvement.DECISION_MAKING,),
        contexts=(Context.GUIDANCE,),
        ties=(
            Closeness(ring=NetworkRing.MIDDLE, quality=TieQuality.ORDINARY, on=str(start), by="moeder"),
            Closeness(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=str(start + timedelta(days=90))),
        ),
        sharing=(
            Sharing(
                signed_by=("moeder",),
                basis=AgeBasis.UNDER_12,
                about=(InformationCategory.CONTACT, InformationCategory.APPOINTMENTS, InformationCategory.PROGRESS),
                start=start,
                end=start + timedelta(days=364),
            ),
        ),
    )
    neighbour = Figure(
        id="buurvrouw-ria",
        name=("Ria", "", "Postma"),
        label="buurvrouw Ria",
        role=NEIGHBOUR,
        kinds=(BondKind.SIGNIFICANT_ADULT,),
        gender="female",
        phone="+31612345602",
        named=(Named(by=Designator.PARENT, who="moeder", on=str(start)),),
        trust=str(start),
        supports=(Supports.PARENT,),
        domains=(LifeDomain.NEIGHBOURHOOD,),
        bond_since=str(today.year - 3),
        engaged=(str(start), ""),
        functions=(Function.PRACTICAL, Function.COMPANY),
        involvement=(Involvement.ADVICE_ONLY,),
        ties=(Closeness(ring=NetworkRing.MIDDLE, quality=TieQuality.ORDINARY, on=str(start), by="moeder"),),
    )
    coach = Figure(
        id="turnjuf",
        label="juf Kim van turnen",
        kinds=(BondKind.YOUTH_WORK_VOLUNTEER,),
        named=(Named(by=Designator.CHILD, on=str(start)),),
        trust=str(start),
        domains=(LifeDomain.LEISURE_SPORT,),
        ties=(Closeness(ring=NetworkRing.OUTER, quality=TieQuality.ORDINARY, on=str(start)),),
    )
    return Story(
        id="noor",
        name=("Noor Aylin", "", "Yilmaz"),
        call_name="Noor",
        gender="female",
        born=born(today, 8, 60),
        home=("Kastanjelaan", "12", "3571 AB", "Utrecht"),
        relatives=(
            Relative(
                id="moeder",
                name=("Fatima", "", "Yilmaz"),
                relation=MOTHER,
                role=AUTHORITY,
                gender="female",
                phone="+31612345603",
            ),
            Relative(id="vader", name=("Erik", "", "Bakker"), relation=FATHER, gender="male"),
        ),
        professionals=("joke-de-vries",),
        figures=(aunt, neighbour, coach),
        since=str(start),
    )


def _bram(today: date) -> Story:
    return Story(
        id="bram",
        name=("Bram", "", "Mulder"),
        gender="male",
        born=born(today, 9, 200),
        home=("Dorpsstraat", "3", "6711 CD", "Ede"),
        relatives=both_parents(("Sanne", "", "Mulder"), ("Wouter", "", "Mulder"), 10),
        professionals=("joke-de-vries", "mourad-el-amrani"),
        since=str(today - timedelta(days=20)),
    )


def _daan(today: date) -> Story:
    start = today - timedelta(days=200)
    jim = Figure(
        id="coach-youssef",
        name=("Youssef", "", "Haddad"),
        label="coach Youssef",
        role=FRIEND,
        kinds=(BondKind.JIM,),
        gender="male",
        phone="+31612345630",
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH,),
        domains=(LifeDomain.LEISURE_SPORT,),
        accord=ParentAccord.RELUCTANT,
        informed=str(start),
        programme="Stichting JIM",
        bond_since=str(today.year - 4),
        engaged=(str(start), ""),
        functions=(Function.EMOTIONAL, Function.INFORMATIONAL, Function.COMPANY),
        involvement=(Involvement.DECISION_MAKING,),
        contexts=(Context.TREATMENT,),
        ties=(Closeness(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=str(start)),),
        remarks=(
            Remark(
                text="Vader had liever iemand uit de familie gezien.",
                by="vader",
                at=f"{start + timedelta(days=7)}T10:00:00+00:00",
                kind="dissent",
            ),
        ),
        sharing=(
            Sharing(
                signed_by=("moeder", "vader", ""),
                basis=AgeBasis.FROM_12_TO_15,
                about=(InformationCategory.CONTACT, InformationCategory.PLAN_AND_GOALS),
                start=start,
                end=start + timedelta(days=364),
            ),
        ),
    )
    grandfather = Figure(
        id="opa-henk",
        name=("Henk", "van den", "Berg"),
        label="opa Henk",
        relation=("GRFTH", "grandfather"),
        kinds=(BondKind.SIGNIFICANT_ADULT,),
        gender="male",
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH,),
        domains=(LifeDomain.FAMILY,),
        bond_since=str(today.year - 13),
        engaged=(str(start), ""),
        functions=(Function.COMPANY,),
        involvement=(Involvement.ADVICE_ONLY,),
        ties=(Closeness(ring=NetworkRing.INNER, quality=TieQuality.ORDINARY, on=str(start)),),
        # The father has not signed: this one does not permit yet.
        sharing=(
            Sharing(
                signed_by=("moeder", ""),
                basis=AgeBasis.FROM_12_TO_15,
                about=(InformationCategory.CONTACT,),
                start=start,
                end=start + timedelta(days=364),
            ),
        ),
    )
    return Story(
        id="daan",
        name=("Daan Willem", "van den", "Berg"),
        call_name="Daan",
        gender="male",
        born=born(today, 13, 100),
        home=("Havenkade", "7", "1013 GH", "Amsterdam"),
        relatives=both_parents(("Mirjam", "", "Smit"), ("Jeroen", "van den", "Berg"), 32),
        professionals=("joke-de-vries", "mourad-el-amrani"),
        figures=(jim, grandfather),
        contexts=(Context.TREATMENT,),
        since=str(start),
    )
