"""A name is one thing: what is in dispute stays whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import NameOrder, PersonName
from fhir_plugin.model.names import display_name
from fhir_plugin.sync.deciding.decided import Conflict
from fhir_plugin.sync.deciding.elements import with_fresh_text
from fhir_plugin.sync.deciding.merging import Merged, _with_whole_names, merge_figure
from fhir_plugin.sync.sources.naming import ClientKey
from fhir_plugin.sync.sources.wanted import Place, Wanted

YILMAZ = SupportFigure(id="s", name=PersonName(text="Samira Yilmaz", given=("Samira",), own_name="Yilmaz"))


def test_half_of_one_name_is_never_put_beside_half_of_another():
    half = replace(YILMAZ, name=replace(YILMAZ.name, own_prefix="El"))
    merged = Merged(
        figure=half,
        said=SupportFigure(name=PersonName(own_prefix="El")),
        known=frozenset({"name.own_prefix", "name.given"}),
        conflicts=(Conflict(element="name.own_name", source="Amrani", ehr="Yilmaz"),),
        disputed=frozenset({"name.own_name"}),
    )
    whole = _with_whole_names(merged, YILMAZ, SupportFigure())
    assert whole.figure.name == YILMAZ.name
    assert whole.said.name.own_prefix == ""
    assert whole.known == {"name.given"}
    assert whole.disputed == {"name.own_prefix", "name.own_name"}


@pytest.mark.parametrize(
    ("answer", "listed", "held", "expected"),
    [
        ("ehr", ("El", "Amrani"), ("", "Yilmaz"), ("", "Yilmaz")),
        ("source", ("", "Bakker"), ("van der", "Berg"), ("", "Bakker")),
        ("source", ("El", "Amrani"), ("", "Yilmaz"), ("El", "Amrani")),
    ],
)
def test_who_chooses_a_surname_chooses_the_prefix_that_belongs_to_it(
    answer: str, listed: tuple[str, str], held: tuple[str, str], expected: tuple[str, str]
) -> None:
    wanted = _row(_named(*listed))
    merged = merge_figure("1", wanted, _named(*held), None, (), {f"{wanted.place}|name.own_name": answer})
    assert (merged.figure.name.own_prefix, merged.figure.name.own_name) == expected
    assert not merged.conflicts


@pytest.mark.parametrize(
    ("listed", "held", "asked"),
    [
        (("van den", "Berg"), ("", "Bergman"), [("name.own_name", "van den Berg", "Bergman")]),
        (("van den", "Berg"), ("van", "Berg"), [("name.own_prefix", "van den Berg", "van Berg")]),
        (("van den", "Berg"), ("de", "Vries"), [("name.own_name", "van den Berg", "de Vries")]),
        (("d'", "Ancona"), ("", "Costa"), [("name.own_name", "d'Ancona", "Costa")]),
    ],
)
def test_a_surname_in_conflict_is_one_question_about_the_whole_of_it(
    listed: tuple[str, str], held: tuple[str, str], asked: list[tuple[str, str, str]]
) -> None:
    wanted = _row(_named(*listed))
    merged = merge_figure("1", wanted, _named(*held), None, (), {})
    assert [(item.element, item.source, item.ehr) for item in merged.conflicts] == asked
    assert merged.figure.name == _named(*held).name
    for answer, chosen in (("source", listed), ("ehr", held)):
        answered = merge_figure("1", wanted, _named(*held), None, (), {f"{wanted.place}|{asked[0][0]}": answer})
        assert (answered.figure.name.own_prefix, answered.figure.name.own_name) == chosen
        assert not answered.conflicts


def test_a_partners_name_in_conflict_is_shown_whole_and_the_order_of_names_stays() -> None:
    name = PersonName(given=("Bea",), own_name="Jansen", partner_name="Vries", order=NameOrder.PARTNER_OWN)
    theirs = SupportFigure(id="s", name=name)
    wanted = _row(SupportFigure(name=replace(name, partner_prefix="van den", partner_name="Berg", order=None)))
    (conflict,) = merge_figure("1", wanted, theirs, None, (), {}).conflicts
    assert (conflict.element, conflict.source, conflict.ehr) == ("name.partner_name", "van den Berg", "Vries")
    taken = merge_figure("1", wanted, theirs, None, (), {f"{wanted.place}|name.partner_name": "source"}).figure
    assert display_name(taken.name) == "Bea van den Berg-Jansen"


def _row(figure: SupportFigure) -> Wanted:
    place, client = Place(file="list.csv", line=2), ClientKey(system="", value="1001")
    return Wanted(place=place, client=client, figure=figure, provided=frozenset({"name"}))


def _named(prefix: str, name: str) -> SupportFigure:
    return SupportFigure(id="s", name=PersonName(given=("Samira",), own_prefix=prefix, own_name=name))


def test_the_written_name_follows_its_parts_unless_somebody_wrote_another_one():
    renamed = replace(YILMAZ, name=replace(YILMAZ.name, own_prefix="El", own_name="Amrani"))
    assert with_fresh_text(renamed, YILMAZ).name.text == "Samira El Amrani"
    told = replace(renamed, name=replace(renamed.name, text="mevrouw Amrani"))
    assert with_fresh_text(told, YILMAZ).name.text == "mevrouw Amrani"
    assert with_fresh_text(YILMAZ, YILMAZ) == YILMAZ
