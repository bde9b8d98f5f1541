"""Typed answers: what is wrong with one is named by field, and what is right is written as people mean it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from form_record import CHILD, CONTEXT, KIM, NOW

from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import (
    Engagement,
    Note,
    SupportFigure,
    Tie,
)
from fhir_plugin.model.identity import Coding, NameOrder, PersonName, Telecom
from fhir_plugin.model.terms import (
    V3_ROLE_CODE,
    BondKind,
    Function,
    NetworkRing,
    NoteKind,
)
from smart_app.presenters.figure_form import FACETS, applied, changes, held, home, starting
from smart_app.presenters.forms import ERRORS, FieldError, normal


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
    after = applied(
        figure, held(figure), held(figure) | {"note_text": ("Ik twijfel.",), "note_kind": ("dissent",)}, CONTEXT
    ).figure
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
