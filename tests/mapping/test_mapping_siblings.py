"""A figure of two siblings: two RelatedPersons, and nothing of one child in the other's record."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given, settings
from mapping_strategies import figures

from fhir_plugin.mapping.figure import figure_onto
from fhir_plugin.mapping.person import linked, person_of
from fhir_plugin.model.figure import Note, SupportFigure
from fhir_plugin.model.identity import PersonName, Ref
from fhir_plugin.model.siblings import BOND_FIELDS, PERSON_FIELDS, for_sibling


def test_every_element_of_a_figure_is_about_the_person_or_about_the_bond():
    assert {field.name for field in dataclasses.fields(SupportFigure)} == PERSON_FIELDS | BOND_FIELDS
    assert not PERSON_FIELDS & BOND_FIELDS


@given(figures)
@settings(max_examples=100, deadline=None)
def test_nothing_of_the_bond_with_one_child_is_in_the_draft_for_another(figure):
    draft, empty = for_sibling(figure), SupportFigure()
    assert all(getattr(draft, name) == getattr(empty, name) for name in BOND_FIELDS)
    assert draft.name == figure.name


def test_the_first_childs_id_and_words_are_nowhere_in_the_siblings_resource():
    figure = SupportFigure(
        id="rp1",
        name=PersonName(text="Sam de Zwart"),
        own_label="tante van Noor",
        notes=(Note(text="Noor belt elke dag.", author=Ref(reference="Patient/noor")),),
    )
    written = json.dumps(figure_onto(for_sibling(figure), Ref(reference="Patient/daan")))
    assert "Sam de Zwart" in written
    for secret in ("noor", "Noor", "rp1"):
        assert secret not in written


def test_a_person_links_related_persons_and_holds_no_child():
    refs = (Ref(reference="RelatedPerson/a"), Ref(reference="RelatedPerson/b"))
    body = person_of(PersonName(text="Sam de Zwart"), refs)
    assert linked(body) == refs
    assert "Patient" not in json.dumps(body)
