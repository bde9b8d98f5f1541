"""From typed answers to a figure and back: nothing is lost, nothing is touched that was not changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
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
from fhir_plugin.model.identity import Coding, NameOrder, PersonName, Ref, Telecom, TelecomUse
from fhir_plugin.model.network import Child, Person, Standing
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
    NoteKind,
    ParentAccord,
    Supports,
    TieQuality,
)
from smart_app.i18n import translator
from smart_app.presenters.figure_form import FACETS, applied, changes, compared, held, home, merged, starting
from smart_app.presenters.forms import ERRORS, FieldError, FormContext, normal

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
CHILD = Child(id="noor", name=PersonName(call_name="Noor"), birth_date=PartialDate(2012, 3, 4))
MOTHER = Person(
    ref=Ref(reference="RelatedPerson/moeder"),
    standing=Standing.PARENT,
    name=PersonName(call_name="Els", own_name="Wit"),
)
KIM = Ref(reference="Practitioner/kim", display="Kim")
CONTEXT = FormContext(t=translator("nl"), child=CHILD, people=(MOTHER,), user=KIM, now=NOW)

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


def _errors(values: dict[str, tuple[str, ...]], figure: SupportFigure | None = None) -> set[tuple[str, str]]:
    start = figure or SupportFigure(id="urn:uuid:x")
    found = applied(start, held(start), held(start) | values, CONTEXT).errors
    assert {error.code for error in found} <= set(ERRORS)
    return {(error.field, error.code) for error in found}


def test_a_label_alone_or_a_name_alone_is_enough() -> None:
    assert _errors({"own_label": ("Coach",)}) == set()
    assert _errors({"first_name": ("Jan",)}) == set()
    assert _errors({}) == {("own_label", "name-or-label")}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"bond_since": ("gisteren",)}, ("bond_since", "date")),
        ({"bond_since": ("2030",)}, ("bond_since", "date-future")),
        ({"bond_since": ("2020",), "bond_until": ("2019",)}, ("bond_until", "date-order")),
        ({"phone": ("bel me",)}, ("phone", "phone")),
        ({"phone": ("999990019",)}, ("phone", "phone-bsn")),
        ({"phone": ("9\u200b9999-0019",)}, ("phone", "phone-bsn")),
        ({"phone": ("BSN:999990019",)}, ("phone", "phone-bsn")),
        ({"phone": ("x@999990019.nl",)}, ("phone", "phone-bsn")),
        ({"phone": ("+999990019",)}, ("phone", "phone")),
        ({"phone": ("06 12345678 ext 5",)}, ("phone", "phone")),
        ({"phone": ("0999990019",)}, ("phone", "phone")),
        ({"email": ("sam",)}, ("email", "email")),
        ({"email": ("x@999990019.nl",)}, ("email", "bsn")),
        ({"first_name": ("９９９９９００１９",)}, ("first_name", "bsn")),
        ({"given_names": ("999 990 019",)}, ("given_names", "bsn")),
        ({"initials": ("9.9.9.9.9.0.0.1.9.",)}, ("initials", "bsn")),
        ({"family_name": ("999_990_019",)}, ("family_name", "bsn")),
        ({"partner_name": ("999/990/019",)}, ("partner_name", "bsn")),
        ({"own_label": ("999-99-0019",)}, ("own_label", "bsn")),
        ({"programme": ("999\u00a0990\u00a0019",)}, ("programme", "bsn")),
        ({"informed_exception": ("999  990  019",), "agreed": ("no",)}, ("informed_exception", "bsn")),
        ({"adult": ("maybe",)}, ("adult", "code")),
        ({"kinds": ("hero",)}, ("kinds", "code")),
        ({"relation": (f"{V3_ROLE_CODE}|MTH",)}, ("relation", "code")),
        ({"designated_by": ("child|Practitioner/kim",)}, ("designated_by", "code")),
        ({"trust_on": ("2020",)}, ("trust", "trust-first")),
        ({"tie_by": ("Practitioner/other",), "ring": ("1",)}, ("tie_by", "code")),
        ({"involvement": ("execution",)}, ("functions", "function-first")),
        ({"kinds": ("citizen-guardian",), "mandate": ("informal",)}, ("mandate", "formal")),
        ({"note_text": ("x" * 5000,)}, ("note_text", "too-long")),
        ({"note_text": ("Zijn BSN is 111222333.",)}, ("note_text", "bsn")),
        ({"mandate": ("formal",), "mandate_order": ("111 222 333",)}, ("mandate_order", "bsn")),
    ],
)
def test_what_cannot_be_written_is_named_by_field(values: dict[str, tuple[str, ...]], error: tuple[str, str]) -> None:
    assert error in _errors({"own_label": ("Sam",), **values})


def test_a_refusal_of_a_bsn_never_repeats_it() -> None:
    for code in ("bsn", "phone-bsn"):
        assert "%(" not in ERRORS[code]


def test_control_characters_never_reach_the_record() -> None:
    typed = {"note_text": ("\x00Ik\x07 zie\ufffe het\uffff.\r\nEcht\twaar.\x1b",), "own_label": ("\x01",)}
    assert normal(typed) == {"note_text": ("Ik zie het.\nEcht\twaar.",)}


def test_a_number_that_is_no_bsn_is_left_alone() -> None:
    assert _errors({"own_label": ("Sam",), "note_text": ("Dossier 123456789, telefoon 0612345678.",)}) == set()


def test_ending_the_care_never_ends_the_bond() -> None:
    figure = SupportFigure(
        id="sam",
        own_label="Sam",
        engagement=Engagement(functions=(Function.COMPANY,)),
        bond=Period(start=PartialDate(2015)),
    )
    base = held(figure)
    ended = applied(figure, base, base | {"engaged_until": ("1-6-2026",)}, CONTEXT).figure
    assert ended.active
    assert ended.bond == figure.bond
    over = applied(figure, base, base | {"bond_until": ("1-6-2026",)}, CONTEXT).figure
    assert not over.active
    again = applied(over, held(over), base, CONTEXT).figure
    assert again.active, "taken back, the person is there again"


def test_a_new_judgement_of_the_tie_keeps_the_earlier_ones() -> None:
    figure = SupportFigure(id="sam", own_label="Sam", ties=(Tie(ring=NetworkRing.OUTER, on=PartialDate(2020)),))
    base = held(figure)
    after = applied(figure, base, base | {"ring": ("1",)}, CONTEXT).figure
    assert [tie.ring for tie in after.ties] == [NetworkRing.OUTER, NetworkRing.INNER]
    assert after.ties[-1].on == PartialDate(2026, 6, 15)


def test_further_relations_and_numbers_stay() -> None:
    figure = SupportFigure(
        id="sam",
        own_label="Sam",
        relations=(Coding(system=V3_ROLE_CODE, code="AUNT"), Coding(system=V3_ROLE_CODE, code="STPMTH")),
        telecoms=(Telecom(system="phone", value="+31612345678"), Telecom(system="phone", value="+31201234567")),
    )
    base = held(figure)
    values = base | {"relation": (f"{V3_ROLE_CODE}|UNCLE",), "phone": ("06 87654321",)}
    after = applied(figure, base, values, CONTEXT).figure
    assert [one.code for one in after.relations] == ["UNCLE", "STPMTH"]
    assert [one.value for one in after.telecoms] == ["+31687654321", "+31201234567"]


def test_for_a_young_child_the_support_is_first_of_all_for_the_parent() -> None:
    small = replace(CONTEXT, child=replace(CHILD, birth_date=PartialDate(2020, 1, 1)))
    assert starting(small) == {"supports": ("parent",)}
    assert starting(CONTEXT) == {}


def test_a_note_has_its_author_and_moment() -> None:
    figure = SupportFigure(id="sam", own_label="Sam")
    after = applied(figure, held(figure), held(figure) | _CHANGES["note"], CONTEXT).figure
    assert after.notes == (Note(text="Ik twijfel.", kind=NoteKind.DISSENT, author=KIM, at=NOW),)


def test_a_dutch_name_keeps_its_parts() -> None:
    values = {
        "first_name": ("Jan",), "given_names": ("Johannes Petrus",), "initials": ("J.P.",),
        "family_name": ("van der Berg",), "partner_name": ("de Wit",), "name_order": ("NL3",),
    }  # fmt: skip
    figure = applied(SupportFigure(id="x"), {}, values, CONTEXT).figure
    assert figure.name == PersonName(
        call_name="Jan", given=("Johannes", "Petrus"), initials=("J.", "P."), own_prefix="van der", own_name="Berg",
        partner_prefix="de", partner_name="Wit", order=NameOrder.PARTNER_OWN,
    )  # fmt: skip
    assert changes(held(figure), values) == ()


def test_a_facet_leads_back_to_the_page_where_editing_began() -> None:
    bond = next(one for one in FACETS if one.name == "bond")
    assert home(bond).name == "closeness"
    assert home(bond, "end-bond").name == "end-bond"


def test_only_the_page_at_hand_is_checked() -> None:
    figure = SupportFigure(id="x")
    values = {"bond_since": ("gisteren",)}
    assert applied(figure, {}, values, CONTEXT, only={"phone"}).errors == ()
    assert FieldError("bond_since", "date") in applied(figure, {}, values, CONTEXT, only={"bond_since"}).errors


def test_ticking_the_same_boxes_in_another_order_is_no_change() -> None:
    figure = SupportFigure(id="x", own_label="Sam", kinds=(BondKind.OTHER, BondKind.JIM))
    assert changes(held(figure), held(figure) | {"kinds": ("jim", "other")}) == ()
