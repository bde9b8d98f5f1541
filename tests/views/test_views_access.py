"""Who looks decides what is said: a figure reads about themselves, and whoever may see nothing learns nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from views_record import AUNT, CHILD, MOTHER, PROFESSIONAL, STRANGER, YOUTH, figures, open_room

from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import MandateFact, Note, SupportFigure
from fhir_plugin.model.identity import PersonName, Ref
from fhir_plugin.model.network import Child
from fhir_plugin.model.terms import Mandate, ParentAccord
from smart_app.launch.phases import LaunchUser
from smart_app.settings import DEFAULT_SCOPES

OLDER = replace(CHILD, birth_date=PartialDate(2010, 1, 1))
YOUNGER = replace(CHILD, birth_date=PartialDate(2016, 1, 1))


def _aunt() -> SupportFigure:
    mandate = MandateFact(kind=Mandate.FORMAL, order=Ref(display="Rechtbank Utrecht, C/16/123"))
    return replace(figures()[0], mandate=mandate, parent_accord=ParentAccord.NO)


def test_a_support_figure_reads_only_facts_about_themselves() -> None:
    room = open_room(AUNT, people=(_aunt(), *figures()[1:]))
    page = room.get()
    titles = page.xpath("//dl//dt/text()")
    assert set(titles) <= {
        "Hoe de familie deze persoon noemt", "Naam", "Relatie", "Volwassen",
        "Wat de persoon zelf zegt", "Contactgegevens",
    }, titles  # fmt: skip
    text = page.text_content()
    assert "06 12345678" in text
    for hidden in ("Rechtbank", "JIM", "Beslist mee", "Emotioneel", "Niemand heeft", "Nog nodig van", "Els", "Ruud"):
        assert hidden not in text, hidden


def test_a_support_figure_is_told_the_first_name_of_the_child_and_no_more() -> None:
    page = open_room(AUNT).get()
    assert page.xpath("string(//p[@class='who-child'])").strip() == "Noor"
    nameless = replace(CHILD, name=PersonName(own_name="Wit"))
    for text in (page.text_content(), open_room(AUNT, child=nameless).get().text_content()):
        for hidden in ("Wit", "2012", "14 jaar", "De Brug", "Oefenpraktijk"):
            assert hidden not in text, hidden


@pytest.mark.parametrize(
    "former",
    [replace(_aunt(), active=False), replace(_aunt(), bond=Period(start=PartialDate(2015), end=PartialDate(2025)))],
    ids=["inactive", "bond ended"],
)
def test_a_former_support_figure_sees_nothing_any_more(former: SupportFigure) -> None:
    room = open_room(AUNT, people=(former, *figures()[1:]))
    text = room.get().text_content()
    assert "Je staat niet meer in dit netwerk" in text
    assert "06 12345678" not in text
    room.get("figure/sam", status=404)


@pytest.mark.parametrize(
    ("user", "child", "named"),
    [(STRANGER, CHILD, ""), (YOUTH, YOUNGER, "Noor"), (MOTHER, OLDER, "Noor")],
    ids=["somebody unknown", "a child of ten", "a parent of a youth of sixteen"],
)
def test_whoever_may_see_nothing_is_not_told_age_or_organisation(user: LaunchUser, child: Child, named: str) -> None:
    page = open_room(user, child=child).get()
    assert page.xpath("string(//p[@class='who-child'])").strip() == named
    text = page.text_content()
    for hidden in ("Wit", "20", "jaar)", "De Brug", "Oefenpraktijk"):
        assert hidden not in page.find(".//header").text_content(), hidden
    assert named or "Noor" not in text


NOTES = tuple(
    Note(text=text, author=Ref(reference=author) if author else None, at=PartialDate(2026, 3))
    for text, author in (
        ("Kim twijfelt.", "Practitioner/kim"),
        ("Noor is bang.", "Patient/noor"),
        ("Els vindt het goed.", "RelatedPerson/moeder"),
        ("Van vroeger.", ""),
    )
)


@pytest.mark.parametrize(
    ("user", "read"),
    [(PROFESSIONAL, NOTES), (YOUTH, NOTES[1:2]), (MOTHER, NOTES[2:3]), (AUNT, ())],
    ids=["professional", "youth", "parent", "figure"],
)
def test_only_a_professional_reads_notes_of_others(user: LaunchUser, read: tuple[Note, ...]) -> None:
    people = (replace(_aunt(), notes=NOTES), *figures()[1:])
    text = open_room(user, people=people).get("figure/sam").text_content()
    assert [one.text for one in NOTES if one.text in text] == [one.text for one in read]


@pytest.mark.parametrize(
    ("word", "child", "said"),
    [
        ("youth", CHILD, "Tante Sam"),
        ("parent", CHILD, "Tante Sam"),
        ("youth", YOUNGER, "vanaf 12 jaar"),
        ("parent", YOUNGER, "Tante Sam"),
        ("youth", OLDER, "Tante Sam"),
        ("parent", OLDER, "Vanaf 16 jaar beslist de jongere"),
    ],
)
def test_a_preview_shows_what_that_viewer_really_sees(word: str, child: Child, said: str) -> None:
    text = open_room(child=child).get(f"as/{word}").find(".//main").text_content()
    assert said in text
    assert ("Tante Sam" in text) is (said == "Tante Sam")
    assert {"youth": "Dit ziet Noor", "parent": "Dit ziet een ouder"}[word] in text
    assert "Terug naar je eigen" in text


def test_a_preview_is_the_page_of_that_viewer() -> None:
    seen = [room.get(path).xpath("//main//h2/text()|//main//tr/@id|//main//form/@action") for room, path in (
        (open_room(), "as/youth"), (open_room(YOUTH), ""))]  # fmt: skip
    assert seen[0] == seen[1]


@pytest.mark.parametrize("word", ["youth", "parent"])
def test_nothing_on_a_preview_leads_to_what_a_professional_sees(word: str) -> None:
    people = (*figures(), replace(figures()[3], id="buur", active=False))
    page = open_room(people=people).get(f"as/{word}")
    inside = [str(one) for one in page.xpath("//main//a/@href") if not str(one).startswith("#")]
    assert inside == page.xpath("//div[contains(@class, 'note-look')]//a/@href"), "only back to the own view"
    assert not page.xpath("//main//form")
    assert "Tante Sam" in page.text_content()


@pytest.mark.parametrize("user", [PROFESSIONAL, YOUTH], ids=["professional", "youth"])
def test_where_the_record_system_grants_no_writing_none_is_offered(user: LaunchUser) -> None:
    granted = tuple(scope.replace("RelatedPerson.cruds", "RelatedPerson.rs") for scope in DEFAULT_SCOPES)
    room = open_room(user, granted=granted)
    page = room.get()
    assert "Tante Sam" in page.text_content()
    assert page.xpath("//main//form") == []
    assert room.get("figure/opa").xpath("//main//form") == []
    room.post("figure/opa/change/note", status=403)


def test_only_a_child_or_a_parent_can_be_looked_along_with() -> None:
    room = open_room()
    for word in ("professional", "figure", "nobody", "aunt", "YOUTH"):
        room.get(f"as/{word}", status=404)
