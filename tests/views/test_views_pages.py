"""Each page says whose record it is, is well-formed for people and machines, and shows people what is theirs."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from lxml import html
from sqlalchemy import select
from views_record import (
    AUNT,
    CHILD,
    MOTHER,
    PROFESSIONAL,
    STRANGER,
    YOUTH,
    Room,
    figures,
    open_room,
)

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.identity import PersonName, Ref
from fhir_plugin.model.terms import NetworkRing
from smart_app.presenters.figure_form import ACTIONS, STEPS
from smart_app.store.tables import drafts

EVIL = '<script>alert("x")</script>'


def _every_page(room: Room) -> list[str]:
    """Addresses of all pages a professional can meet, with a draft under way."""
    add, change = room.begin("add"), room.begin("figure/sam/change/who")
    pages = ["", "map", "print", "as/youth", "as/parent", "worklist", "figure/sam", "figure/sam/history"]
    pages += [f"{add}/{step.name}" for step in STEPS] + [f"{add}/consent", f"{add}/check", f"{change}/check"]
    return pages + [f"{change}/{action.name}" for action in ACTIONS]


def test_every_page_names_the_child_the_age_the_organisation_and_the_user(room: Room) -> None:
    for path in _every_page(room):
        banner = room.get(path).find(".//header").text_content()
        assert "Noor de Wit" in banner, path
        assert "4 maart 2012 (14 jaar)" in banner, path
        assert "Oefenpraktijk" in banner or "De Brug" in banner, path
        assert "Kim Bakker" in banner, path


def test_without_a_banner_of_ours_the_child_is_still_named() -> None:
    banner = open_room(banner=False).get().find(".//header").text_content()
    assert "Noor de Wit" in banner
    assert "2012" not in banner


def _problems(page: html.HtmlElement, path: str) -> list[str]:
    found = []
    if page.get("lang") not in ("nl", "en"):
        found.append("no language")
    if len(page.findall(".//h1")) != 1:
        found.append("not one h1")
    levels = [int(one.tag[1]) for one in page.iter("h1", "h2", "h3")]
    found += [f"heading level jumps to {b}" for a, b in pairwise(levels) if b > a + 1]
    ids = page.xpath("//@id")
    found += [f"id {one} twice" for one in set(ids) if ids.count(one) > 1]
    for control in page.xpath("//input[not(@type='hidden')]|//select|//textarea"):
        if not page.xpath("//label[@for=$id]", id=control.get("id", "")):
            found.append(f"no label for {control.get('name')}")
    for names in page.xpath("//@aria-describedby|//@aria-labelledby"):
        found += [f"{one} describes nothing" for one in names.split() if one not in ids]
    for form in page.xpath("//form[@method='post']"):
        fields = set(form.xpath(".//input[@type='hidden']/@name"))
        if not {"csrf_token", "patient"} <= fields:
            found.append("an unguarded form")
    found += [
        f"inline {one}" for one in page.xpath("//*/@style|//style|//script[not(@src)]|//*/@*[starts-with(name(),'on')]")
    ]
    return [f"{path}: {one}" for one in found]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_page_is_sound_html_without_anything_inline(language: str) -> None:
    room = open_room(language=language)
    problems = [problem for path in _every_page(room) for problem in _problems(room.get(path), path)]
    assert problems == []


def test_in_english_no_dutch_is_left_on_the_page_around_the_record() -> None:
    page = open_room(language="en").get()
    assert page.get("lang") == "en"
    text = page.text_content()
    assert "Network of Noor" in text
    assert "Steunfiguren" not in text
    assert "Not said yet" in text


def test_a_chosen_language_stays(room: Room) -> None:
    assert room.get("worklist?lang=en").get("lang") == "en"
    assert room.get().get("lang") == "en"


def test_the_language_changes_on_the_page_itself(room: Room) -> None:
    page = room.get("worklist?lang=nl")
    (link,) = page.xpath("//nav//a[@hreflang='en']/@href")
    assert link == room.url("worklist?lang=en")
    assert room.get(link).xpath("string(//h1)") == "To do and to come"


def test_changing_the_language_of_a_form_keeps_what_was_typed(room: Room) -> None:
    draft = room.begin("add")
    form = room.get(f"{draft}/who?lang=nl")
    assert not form.xpath("//nav//a[@hreflang]"), "a link would leave what was typed behind"
    buttons = form.xpath("//form[.//input[@name='own_label']]//button/@name")
    assert buttons[-1] == "language", "and not the first, which is what Enter presses"
    again = room.post(f"{draft}/who", {"own_label": "Juf Ans", "adult": "perhaps", "language": "en"})
    assert again.get("lang") == "en"
    assert again.get("data-path").endswith("/who")
    assert again.xpath("string(//input[@name='own_label']/@value)") == "Juf Ans"
    consent = room.post(f"{draft}/consent", {"share_until": "later", "language": "nl"})
    assert consent.get("lang") == "nl"
    assert consent.xpath("string(//input[@name='share_until']/@value)") == "later"


def test_whatever_the_record_holds_is_text_and_never_markup() -> None:
    sam, *others = figures()
    evil = replace(sam, own_label=EVIL, name=PersonName(text=EVIL), programme=Ref(display=EVIL))
    child = replace(CHILD, name=PersonName(call_name=EVIL))
    room = open_room(child=child, people=(evil, *others))
    for path in _every_page(room):
        page = room.get(path)
        assert not page.xpath("//script"), path
        assert EVIL in page.text_content(), path


def test_the_table_holds_everybody_and_the_map_links_to_its_rows_in_order(room: Room) -> None:
    page = room.get()
    rows = page.xpath("//table//tbody/tr/@id")
    assert rows == ["row-sam", "row-opa", "row-coach", "row-buurvrouw"]
    for drawing in page.xpath("//*[local-name()='svg'][contains(@class, 'eco ')]"):
        assert drawing.xpath(".//*[local-name()='a']/@href") == [f"#{row}" for row in rows]


def test_the_own_label_comes_first_and_the_name_beside_it(room: Room) -> None:
    row = room.get().xpath("//tr[@id='row-sam']")[0].text_content()
    assert row.index("Tante Sam") < row.index("Samira el Amrani")


def test_people_who_are_no_figures_stand_beside_them(room: Room) -> None:
    page = room.get()
    beside = page.text_content()
    assert "Els de Wit" in beside
    assert "Kim Bakker" in beside
    assert page.xpath("//form[.//input[@name='candidate'][@value='RelatedPerson/piet']]")


def test_a_network_without_a_lasting_adult_says_so_calmly() -> None:
    with_aunt = open_room().get().text_content()
    assert "Wie is er altijd?" not in with_aunt
    without = open_room(people=figures()[1:]).get().text_content()
    assert "Wie is er altijd?" in without


def test_an_empty_network_invites_to_ask() -> None:
    text = open_room(people=()).get().text_content()
    assert "Er is nog geen steunfiguur bekend." in text
    assert "Voeg een steunfiguur toe" in text


def test_somebody_whose_bond_ended_moves_to_earlier() -> None:
    sam, *others = figures()
    room = open_room(people=(replace(sam, active=False), *others))
    page = room.get()
    assert "row-sam" not in page.xpath("//tr/@id")
    assert "Tante Sam" in page.xpath("//details[contains(@class,'earlier')]")[0].text_content()


def test_forty_people_are_drawn() -> None:
    opa = figures()[3]
    crowd = tuple(
        replace(opa, id=f"p{n}", own_label=f"Mevrouw van der Wittgenstein-Oosterhuis {n}", ties=()) for n in range(40)
    )
    page = open_room(people=crowd).get()
    assert len(page.xpath("//table//tbody/tr")) == 40


def test_a_parent_sees_the_network_but_not_what_is_the_figures_own() -> None:
    younger = replace(CHILD, birth_date=PartialDate(2016, 1, 1))
    room = open_room(MOTHER, child=younger)
    assert "Tante Sam" in room.get().text_content()
    page = room.get("figure/sam")
    assert "06 12345678" not in page.text_content()
    assert not page.xpath("//form[contains(@action, '/change/who')]")
    assert page.xpath("//form[contains(@action, '/change/note')]")


def test_from_sixteen_a_parent_sees_nothing_without_the_youth() -> None:
    older = replace(CHILD, birth_date=PartialDate(2010, 1, 1))
    text = open_room(MOTHER, child=older).get().text_content()
    assert "Vanaf 16 jaar beslist de jongere" in text
    assert "Tante Sam" not in text


def test_a_youth_sees_the_own_network_from_twelve() -> None:
    assert "Tante Sam" in open_room(YOUTH).get().text_content()
    younger = replace(CHILD, birth_date=PartialDate(2016, 1, 1))
    assert "Tante Sam" not in open_room(YOUTH, child=younger).get().text_content()


def test_a_support_figure_sees_only_the_own_page() -> None:
    room = open_room(AUNT)
    text = room.get().text_content()
    assert "Samira el Amrani" in text
    assert "Opa" not in text
    assert "Heel dichtbij" not in text, "what the child says about the figure is the child's"
    assert "Vertrouwensband" not in text
    assert "Vader wil liever" not in text
    room.get("figure/opa", status=404)
    room.get("worklist", status=403)
    room.get("map", status=403)


def test_somebody_unknown_sees_nothing() -> None:
    room = open_room(STRANGER)
    assert "Tante Sam" not in room.get().text_content()
    for path in ("print", "worklist", "map", "as/youth"):
        room.get(path, status=403)
    room.get("figure/sam", status=404)


@pytest.mark.parametrize("user", [YOUTH, MOTHER, AUNT, STRANGER], ids=lambda user: user.kind)
def test_only_a_professional_can_change_what_is_recorded(user: object) -> None:
    room = open_room(user)  # type: ignore[arg-type]
    guard = open_room(PROFESSIONAL)
    guard.get()
    page = room.get()
    names = ("csrf_token", "patient")
    fields = {name: page.xpath(f"string(//input[@name='{name}']/@value)") for name in names}
    for path in ("add", "figure/sam/change/who", "figure/sam/change/end-bond", "figure/sam/change/consent"):
        answer = room.client.post(room.url(path), data=fields)
        assert answer.status_code in (403, 404), path
    assert room.ehr.all("Provenance") == []


def test_the_map_keeps_every_tie_apart_without_colour(room: Room) -> None:
    classes = set(room.get("print").xpath("//*[local-name()='path']/@class"))
    assert {"tie tie-close", "tie tie-ordinary", "tie tie-tense", "tie tie-unknown"} <= classes


def test_a_part_the_record_system_does_not_give_is_said(room: Room) -> None:
    room.ehr.behaviour = replace(room.ehr.behaviour, types=room.ehr.behaviour.types - {"Consent"})
    text = room.get().text_content()
    assert "Tante Sam" in text
    assert re.search(r"toestemming", text, re.IGNORECASE)


def test_what_needs_attention_is_listed() -> None:
    almost = replace(CHILD, birth_date=PartialDate(2010, 9, 1))
    text = open_room(child=almost).get("worklist").text_content()
    assert "Noor wordt 16 jaar op 1 september 2026" in text
    assert "Coach weet nog niet wat er is opgeschreven" in text


def test_a_map_wider_than_the_screen_says_that_it_moves(room: Room) -> None:
    page = room.get("map")
    assert page.xpath("//p[contains(@class, 'scroller-hint')][contains(., 'Schuif de kaart opzij')]")


def test_a_missing_page_and_a_failing_record_system_are_pages_that_say_what_to_do(room: Room) -> None:
    page = room.get("nothing/here", status=404)
    assert page.findtext(".//title").strip().startswith("Fout:")

    def fail(_method: str, _path: str) -> None:
        raise OSError("secret of the record")

    room.ehr.before = fail
    answer = room.client.get(room.url())
    assert answer.status_code >= 500
    assert "secret" not in answer.text
    assert re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", answer.text), "a reference number"


def test_signing_out_forgets_what_was_typed(room: Room) -> None:
    draft = room.begin("add")
    room.post(f"{draft}/who", {"own_label": "Juf Ans"})
    page = room.post("sign-out")
    assert "De app is afgesloten" in page.text_content()
    with room.app.extensions["steunfiguren.launcher"].store.engine.connect() as connection:
        assert connection.execute(select(drafts)).first() is None
    room.get(status=409)
    assert "Juf Ans" not in room.again().get().text_content()


def test_the_ring_of_the_model_is_the_ring_of_the_drawing() -> None:
    assert [int(ring) for ring in NetworkRing] == [1, 2, 3]
