"""From typed answers to a figure and back: nothing is lost, nothing is touched that was not changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from form_record import CONTEXT
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import (
    Agreement,
    BondOfTrust,
    Designation,
    Engagement,
    MandateFact,
    Note,
    SupportFigure,
    Tie,
    VogSeen,
)
from fhir_plugin.model.identity import Coding, PersonName, Ref, Telecom, TelecomUse
from fhir_plugin.model.terms import (
    ROL_VEKTIS,
    V3_ROLE_CODE,
    Adult,
    BondKind,
    Context,
    Designator,
    Function,
    Involvement,
    LifeDomain,
    Mandate,
    NetworkRing,
    ParentAccord,
    Supports,
    TieQuality,
)
from smart_app.presenters.figure_form import FACETS, applied, compared, held, merged
from smart_app.presenters.forms import normal

_WORDS = st.text(st.sampled_from("abcdefgé'- "), min_size=1, max_size=12).map(lambda text: " ".join(text.split()))
_DAYS = st.dates(date(1950, 1, 1), date(2026, 6, 1)).flatmap(
    lambda day: st.sampled_from([PartialDate(day.year), PartialDate.of(day)])
)
_MAYBE = st.one_of(st.none(), _DAYS)


def _some(kind: type) -> st.SearchStrategy[tuple[object, ...]]:
    return st.sets(st.sampled_from(list(kind))).map(lambda chosen: tuple(one for one in kind if one in chosen))


_FIGURES = st.builds(
    SupportFigure,
    id=st.just("sam"),
    own_label=_WORDS,
    name=st.builds(
        PersonName,
        call_name=_WORDS,
        own_prefix=st.sampled_from(["", "van der"]),
        own_name=st.sampled_from(["Berg", "Wit"]),
    ),
    relations=st.sampled_from([(), (Coding(system=V3_ROLE_CODE, code="AUNT"),)]),
    roles=st.sampled_from([(), (Coding(system=ROL_VEKTIS, code="20"),), (Coding(system="x", code="y"),)]),
    telecoms=st.sampled_from(
        [(), (Telecom(system="phone", value="+31612345678", use=TelecomUse.MOBILE), Telecom(system="fax", value="1"))]
    ),
    kinds=_some(BondKind),
    bond=st.builds(Period, start=_MAYBE),
    designations=st.sampled_from(
        [
            (),
            (Designation(by=Designator.YOUTH, who=Ref(reference="Patient/noor"), on=PartialDate(2025)),),
            (Designation(by=Designator.PARENT), Designation(by=Designator.YOUTH, on=PartialDate(2024))),
        ]
    ),
    bond_of_trust=st.one_of(st.none(), st.builds(BondOfTrust, confirmed=st.booleans(), on=_MAYBE)),
    mandate=st.one_of(st.none(), st.just(MandateFact(kind=Mandate.FORMAL, order=Ref(display="Rechtbank Utrecht")))),
    supports=_some(Supports),
    life_domains=_some(LifeDomain),
    adult=st.one_of(st.none(), st.sampled_from(Adult)),
    parent_accord=st.one_of(st.none(), st.sampled_from(ParentAccord)),
    agreement=st.one_of(st.none(), st.builds(Agreement, agreed=st.booleans(), on=_MAYBE, informed_on=_MAYBE)),
    vog_seen=st.one_of(st.none(), st.builds(VogSeen, seen=st.booleans(), on=_MAYBE)),
    programme=st.one_of(st.none(), st.just(Ref(reference="Organization/1", display="Stichting JIM"))),
    notes=st.sampled_from([(), (Note(text="Eerder", at=PartialDate(2025)),)]),
    engagement=st.one_of(
        st.none(),
        st.builds(
            Engagement,
            functions=st.just((Function.PRACTICAL,)),
            involvement=_some(Involvement),
            contexts=_some(Context),
            period=st.builds(Period, start=_MAYBE),
        ),
    ),
    ties=st.sampled_from([(), (Tie(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=PartialDate(2025)),)]),
)
_CHANGES: dict[str, dict[str, tuple[str, ...]]] = {
    "label": {"own_label": ("Tante Sam",)},
    "name": {"first_name": ("Jo",), "family_name": ("de Boer",)},
    "relation": {"relation": (f"{V3_ROLE_CODE}|UNCLE",)},
    "adult": {"adult": ("no",)},
    "designation": {"designated_by": ("parent|RelatedPerson/moeder",)},
    "trust": {"trust": ("no",), "trust_on": ("2023",)},
    "kinds": {"kinds": ("volunteer-mentor", "other", "jim")},
    "functions": {"functions": ("other", "company")},
    "supports": {"supports": ("parent",)},
    "domains": {"domains": ("online",)},
    "tie": {"ring": ("3",), "quality": ("tense",), "tie_by": ("Patient/noor",)},
    "bond": {"bond_since": ("1949",)},
    "involvement": {"involvement": ("advice-only",)},
    "contexts": {"contexts": ("prevention",)},
    "engaged": {"engaged_since": ("1948",)},
    "agreement": {"agreed": ("no",), "informed_on": ("1-1-2021",)},
    "accord": {"parent_accord": ("reluctant",)},
    "mandate": {"mandate": ("formal",), "mandate_order": ("Rechtbank Assen",)},
    "vog": {"vog": ("yes",), "vog_on": ("1-2-2020",)},
    "programme": {"programme": ("Buurtgezinnen",)},
    "contact": {"phone": ("06 87654321",)},
    "note": {"note_kind": ("dissent",), "note_text": ("Ik twijfel.",)},
}
"""For every facet an answer that hardly any generated figure gives."""


def _with(base: dict[str, tuple[str, ...]], name: str) -> dict[str, tuple[str, ...]]:
    facet = next(one for one in FACETS if one.name == name)
    kept = {key: many for key, many in base.items() if key not in {field.name for field in facet.fields}}
    return kept | _CHANGES[name]


def test_every_facet_has_a_change_in_these_tests() -> None:
    assert {one.name for one in FACETS} == set(_CHANGES)


@settings(max_examples=40, deadline=None)
@given(figure=_FIGURES)
def test_answers_that_nobody_changed_change_nothing(figure: SupportFigure) -> None:
    base = held(figure)
    result = applied(figure, base, base, CONTEXT)
    assert result.figure == figure
    assert result.changed == ()


@settings(max_examples=40, deadline=None)
@given(figure=_FIGURES, name=st.sampled_from(sorted(_CHANGES)))
def test_a_change_touches_only_its_own_facet_and_is_read_back(figure: SupportFigure, name: str) -> None:
    base = held(figure)
    values = _with(base, name)
    assume(normal(values) != normal(base))
    result = applied(figure, base, values, CONTEXT)
    assert [one.name for one in result.changed] == [name]
    assert not [error for error in result.errors if error.field in _CHANGES[name]]
    after = held(result.figure)
    for one in FACETS:
        if one.name != name:
            assert one.of(after) == one.of(base), one.name
    facet = result.changed[0]
    if not facet.fresh:
        assert facet.show(result.figure, CONTEXT)


@settings(max_examples=40, deadline=None)
@given(figure=_FIGURES, mine=st.sampled_from(sorted(_CHANGES)), theirs=st.sampled_from(sorted(_CHANGES)))
def test_two_people_who_change_different_things_both_keep_their_change(
    figure: SupportFigure, mine: str, theirs: str
) -> None:
    base = held(figure)
    typed = _with(base, mine)
    now = applied(figure, base, _with(base, theirs), CONTEXT).figure
    settled = applied(now, held(now), merged(base, typed, held(now), {}), CONTEXT).figure
    for one in FACETS:
        if one.name == mine and not one.fresh:
            assert one.of(normal(held(settled))) == one.of(held(applied(figure, base, typed, CONTEXT).figure)), one.name
        elif one.name == theirs:
            assert one.of(held(settled)) == one.of(held(now)), one.name
    if mine == "note":
        assert settled.notes[-1].text == "Ik twijfel."


def test_when_both_changed_the_same_thing_a_person_chooses() -> None:
    figure = SupportFigure(id="sam", own_label="Sam")
    base, typed = held(figure), {"own_label": ("Tante Sam",)}
    now = replace(figure, own_label="Mevrouw Sam")
    mine = applied(figure, base, typed, CONTEXT).figure
    (row,) = compared(base, mine, now, typed, CONTEXT)
    assert (row.clash, row.mine, row.theirs) == (True, "Tante Sam", "Mevrouw Sam")
    assert merged(base, typed, held(now), {})["own_label"] == ("Tante Sam",), "nothing typed is lost by default"
    assert merged(base, typed, held(now), {"label": "theirs"})["own_label"] == ("Mevrouw Sam",)
