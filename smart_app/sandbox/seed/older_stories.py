"""Youths: Yara (15, her consent has expired), Lotte (16) and Sem (turns 18 in three weeks, under guardianship of a GI).

All fictional; dates relative, as in ``stories``.
"""

from __future__ import annotations

from datetime import date, timedelta

from fhir_plugin.model.terms import (
    ROL_NICTIZ,
    Adult,
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
from smart_app.sandbox.seed.kin import AUTHORITY, FATHER, FRIEND, MOTHER

__all__ = ["youths"]


def youths(today: date) -> tuple[Story, ...]:
    """The older clients."""
    return (_yara(today), _lotte(today), _sem(today))


def _yara(today: date) -> Story:
    start = today - timedelta(days=430)
    mentor = Figure(
        id="maatje-inge",
        name=("Inge", "", "Kuipers"),
        label="Inge",
        role=FRIEND,
        kinds=(BondKind.VOLUNTEER_MENTOR,),
        gender="female",
        phone="+31612345640",
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH,),
        domains=(LifeDomain.SCHOOL,),
        accord=ParentAccord.YES,
        informed=str(start),
        vog=str(start),
        programme="School's cool",
        bond_since=str(start)[:7],
        engaged=(str(start), ""),
        functions=(Function.INFORMATIONAL, Function.EMOTIONAL),
        involvement=(Involvement.EXECUTION,),
        ties=(Closeness(ring=NetworkRing.MIDDLE, quality=TieQuality.CLOSE, on=str(start)),),
        sharing=(
            Sharing(
                signed_by=("moeder", ""),
                basis=AgeBasis.FROM_12_TO_15,
                about=(InformationCategory.SCHOOL, InformationCategory.PROGRESS),
                start=start,
                end=start + timedelta(days=364),
            ),
        ),
    )
    return Story(
        id="yara",
        name=("Yara", "", "Osei"),
        gender="female",
        born=born(today, 15, 90),
        home=("Bijlmerdreef", "210", "1102 JK", "Amsterdam"),
        relatives=(
            Relative(
                id="moeder",
                name=("Abena", "", "Osei"),
                relation=MOTHER,
                role=AUTHORITY,
                gender="female",
                phone="+31612345641",
            ),
        ),
        professionals=("mourad-el-amrani",),
        figures=(mentor,),
        since=str(start),
    )


def _lotte(today: date) -> Story:
    start = today - timedelta(days=120)
    cousin = Figure(
        id="nicht-eva",
        name=("Eva", "", "Hendriks"),
        label="Eef",
        relation=("COUSN", "cousin"),
        kinds=(BondKind.JIM,),
        gender="female",
        phone="+31612345650",
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH,),
        domains=(LifeDomain.FAMILY,),
        accord=ParentAccord.NO,
        informed=str(start),
        bond_since=str(today.year - 16),
        engaged=(str(start), ""),
        functions=(Function.EMOTIONAL, Function.INFORMATIONAL),
        involvement=(Involvement.DECISION_MAKING,),
        contexts=(Context.TREATMENT,),
        ties=(Closeness(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=str(start)),),
        remarks=(
            Remark(
                text="Moeder vindt Eva te jong voor deze rol.",
                by="moeder",
                at=f"{start + timedelta(days=3)}T14:00:00+00:00",
                kind="dissent",
            ),
        ),
        sharing=(
            Sharing(
                signed_by=("",),
                basis=AgeBasis.FROM_16,
                about=(InformationCategory.PLAN_AND_GOALS, InformationCategory.PROGRESS),
                start=start,
                end=start + timedelta(days=364),
            ),
        ),
    )
    friend = Figure(
        id="vriendin-merel",
        name=("Merel", "", "Dekker"),
        label="Merel",
        role=FRIEND,
        kinds=(BondKind.NATURAL_MENTOR,),
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH,),
        domains=(LifeDomain.SCHOOL, LifeDomain.ONLINE),
        adult=Adult.NO,
        engaged=(str(start), ""),
        functions=(Function.COMPANY,),
        involvement=(Involvement.ADVICE_ONLY,),
        ties=(
            Closeness(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=str(start)),
            Closeness(ring=NetworkRing.MIDDLE, quality=TieQuality.TENSE, on=str(today - timedelta(days=15))),
        ),
    )
    neighbour = Figure(
        id="oma-truus",
        label="oma Truus van hiernaast",
        role=(ROL_NICTIZ, "100001", "Mantelzorger"),
        kinds=(BondKind.SIGNIFICANT_ADULT,),
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH, Supports.PARENT),
        domains=(LifeDomain.NEIGHBOURHOOD,),
        ties=(Closeness(ring=NetworkRing.OUTER, quality=TieQuality.DISTANT, on=str(start), by="joke-de-vries"),),
    )
    return Story(
        id="lotte",
        name=("Charlotte Maria", "", "Hendriks"),
        call_name="Lotte",
        gender="female",
        born=born(today, 16, 75),
        home=("Wilgenstraat", "91", "5021 LM", "Tilburg"),
        relatives=(
            Relative(
                id="moeder",
                name=("Karin", "", "Hendriks"),
                relation=MOTHER,
                role=AUTHORITY,
                gender="female",
                phone="+31612345651",
            ),
            Relative(
                id="vader",
                name=("Rob", "", "Hendriks"),
                relation=FATHER,
                role=AUTHORITY,
                gender="male",
                phone="+31612345652",
            ),
        ),
        professionals=("joke-de-vries", "mourad-el-amrani"),
        figures=(cousin, friend, neighbour),
        contexts=(Context.TREATMENT,),
        since=str(start),
    )


def _sem(today: date) -> Story:
    start = today - timedelta(days=250)
    uncle = Figure(
        id="oom-karel",
        name=("Karel", "", "Visser"),
        label="oom Karel",
        relation=("UNCLE", "uncle"),
        kinds=(BondKind.RESOURCE_GROUP_MEMBER,),
        gender="male",
        phone="+31612345660",
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH,),
        domains=(LifeDomain.FAMILY, LifeDomain.WORK),
        informed=str(start),
        programme="RACT Nederland",
        bond_since=str(today.year - 17),
        engaged=(str(start), ""),
        functions=(Function.PRACTICAL, Function.INFORMATIONAL),
        involvement=(Involvement.DECISION_MAKING, Involvement.EXECUTION),
        contexts=(Context.CLOSED_YOUTH_CARE, Context.TRANSITION_18),
        ties=(Closeness(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=str(start)),),
        sharing=(
            Sharing(
                signed_by=("",),
                basis=AgeBasis.FROM_16,
                about=(InformationCategory.WHOLE_FILE,),
                start=start,
                end=today + timedelta(days=45),
            ),
        ),
    )
    former_foster_mother = Figure(
        id="pleegmoeder-bea",
        name=("Bea", "", "Willemsen"),
        label="mama Bea",
        relation=("MTHFOST", "foster mother"),
        kinds=(BondKind.FOSTER,),
        gender="female",
        named=(Named(by=Designator.YOUTH, on=str(start)),),
        trust=str(start),
        supports=(Supports.YOUTH,),
        domains=(LifeDomain.HOME,),
        bond_since=str(today.year - 10),
        engaged=(str(start), str(today - timedelta(days=60))),
        functions=(Function.EMOTIONAL,),
        involvement=(Involvement.ADVICE_ONLY,),
        contexts=(Context.CLOSED_YOUTH_CARE,),
        ties=(Closeness(ring=NetworkRing.MIDDLE, quality=TieQuality.CLOSE, on=str(start)),),
    )
    return Story(
        id="sem",
        name=("Sem", "", "Visser"),
        gender="male",
        born=born(today, 18, -21),
        home=("Stationsweg", "1", "3445 NP", "Woerden"),
        relatives=(
            Relative(
                id="voogd",
                name=("Petra", "", "Groen"),
                role=("11", "Voogd"),
                gender="female",
                phone="+31612345661",
            ),
            Relative(id="moeder", name=("Monique", "", "Visser"), relation=MOTHER, gender="female"),
        ),
        professionals=("joke-de-vries", "mourad-el-amrani", "petra-groen"),
        figures=(uncle, former_foster_mother),
        contexts=(Context.CLOSED_YOUTH_CARE, Context.TRANSITION_18),
        since=str(start),
    )
