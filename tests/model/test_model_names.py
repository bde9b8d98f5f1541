from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.model.identity import NameOrder, PersonName
from fhir_plugin.model.names import display_name, family_name, formal_name, sort_key, split_prefix

JO = PersonName(
    given=("Johanna", "Petronella"),
    initials=("J.", "P."),
    call_name="Jo",
    own_prefix="van",
    own_name="Putten",
    partner_prefix="van der",
    partner_name="Giessen",
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (NameOrder.OWN, "van Putten"),
        (NameOrder.PARTNER, "van der Giessen"),
        (NameOrder.PARTNER_OWN, "van der Giessen-van Putten"),
        (NameOrder.OWN_PARTNER, "van Putten-van der Giessen"),
        (None, "van Putten-van der Giessen"),
    ],
)
def test_the_family_name_follows_the_order_a_person_uses(order, expected):
    assert family_name(replace(JO, order=order)) == expected


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("van der Berg", ("van der", "Berg")),
        ("'t Hart", ("'t", "Hart")),
        ("Jansen", ("", "Jansen")),
        ("van", ("", "van")),
        ("De Vries", ("De", "Vries")),
        ("van  Dam", ("", "van  Dam")),
        ("van Putten-van der Giessen", ("van", "Putten-van der Giessen")),
    ],
)
def test_a_prefix_is_taken_off_only_where_a_name_is_left(family, expected):
    assert split_prefix(family) == expected


@given(st.text(max_size=30))
def test_taking_a_prefix_off_loses_nothing(family):
    prefix, rest = split_prefix(family)
    assert (f"{prefix} {rest}" if prefix else rest) == family


def test_a_prefix_that_ends_in_an_apostrophe_is_written_onto_the_name():
    assert family_name(PersonName(own_prefix="d'", own_name="Ancona")) == "d'Ancona"
    assert family_name(PersonName(own_prefix="’t", own_name="Hart")) == "’t Hart"


def test_people_are_called_by_their_call_name_and_written_by_their_initials():
    assert display_name(JO) == "Jo van Putten-van der Giessen"
    assert formal_name(JO) == "J.P. van Putten-van der Giessen (Jo)"


def test_only_a_text_is_shown_as_it_was_written():
    assert display_name(PersonName(text="Tante Sam")) == formal_name(PersonName(text="Tante Sam")) == "Tante Sam"


def test_dutch_people_sort_by_the_name_without_its_prefix():
    names = [
        PersonName(given=("Ans",), own_prefix="van den", own_name="Berg"),
        PersonName(given=("Zoë",), own_name="Aalbers"),
        PersonName(given=("Bo",), own_name="Özdemir"),
        PersonName(given=("Cas",), own_prefix="de", own_name="Boer"),
    ]
    assert [name.given[0] for name in sorted(names, key=sort_key)] == ["Zoë", "Ans", "Cas", "Bo"]
