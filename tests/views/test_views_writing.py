"""Adding, changing, agreeing and settling: what was checked is what is written, once, and nothing typed is lost."""

from __future__ import annotations

from typing import Any

import requests
from views_record import CONSENT_ANSWERS, YOUTH, Room, by_label, open_room, path_of

ANSWERS: dict[str, dict[str, Any]] = {
    "who": {"own_label": "Juf Ans", "first_name": "Ans", "family_name": "van der Meer", "adult": "yes"},
    "chosen": {"designated_by": ["youth|Patient/noor"], "trust": "yes", "kinds": ["significant-adult"]},
    "support": {"functions": ["practical", "emotional"], "supports": ["youth"], "domains": ["school"]},
    "closeness": {"ring": "2", "quality": "ordinary", "tie_by": "Patient/noor", "bond_since": "2024"},
    "care": {"involvement": ["execution"], "contexts": ["guidance"]},
    "agreements": {"agreed": "yes", "informed_on": "1-6-2026", "parent_accord": "yes"},
    "contact": {"phone": "06 12 34 56 78"},
    "consent": CONSENT_ANSWERS,
}


def _add(room: Room, answers: dict[str, dict[str, Any]] = ANSWERS) -> str:
    draft = room.begin("add")
    for step, data in answers.items():
        room.post(f"{draft}/{step}", data)
    return draft


def test_the_pages_of_adding_lead_from_one_to_the_next_and_end_at_the_check(room: Room) -> None:
    draft = room.begin("add")
    page = room.get(f"{draft}/who")
    seen = []
    for step, data in ANSWERS.items():
        page = room.post(f"{draft}/{step}", data)
        seen.append(path_of(page).rsplit("/", 1)[1])
    assert seen == ["chosen", "support", "closeness", "care", "agreements", "contact", "consent", "check"]
    text = page.text_content()
    for said in (
        "Juf Ans",
        "Ans van der Meer",
        "Emotioneel en praktisch",
        "06 12345678",
        "hoe het gaat",
        "1 juni 2027",
    ):
        assert said in text, said
    assert "Dit komt in het dossier van Noor de Wit" in text


def test_nothing_is_written_before_the_answers_were_checked(room: Room) -> None:
    before = room.ehr.all("RelatedPerson")
    draft = _add(room)
    room.get(f"{draft}/check")
    assert room.ehr.all("RelatedPerson") == before
    assert room.ehr.all("Provenance") == []


def test_saving_writes_person_team_tie_consent_and_provenance_in_one_transaction(room: Room) -> None:
    draft = _add(room)
    room.ehr.asked.clear()
    page = room.post(f"{draft}/check")
    assert "Opgeslagen in het dossier." in page.text_content()
    assert "Mag weten: Afspraken in de agenda en hoe het gaat" in page.text_content()
    body = by_label(room, "Juf Ans")
    assert body["patient"] == {"reference": "Patient/noor"}
    team = room.ehr.all("CareTeam")[0]
    assert any(one["member"]["reference"] == f"RelatedPerson/{body['id']}" for one in team["participant"])
    (consent,) = room.ehr.all("Consent")
    assert {one["reference"] for one in consent["performer"]} == {
        "Patient/noor", "RelatedPerson/moeder", "RelatedPerson/vader",
    }  # fmt: skip
    assert len(room.ehr.all("Observation")) == 4
    (provenance,) = room.ehr.all("Provenance")
    assert provenance["agent"][-1]["who"]["reference"] == "Practitioner/kim"
    assert provenance["agent"][0]["who"]["reference"] == "Patient/noor"


def test_saving_twice_writes_once(room: Room) -> None:
    draft = _add(room)
    room.post(f"{draft}/check")
    count = len(room.ehr.all("RelatedPerson"))
    page = room.post(f"{draft}/check")
    assert "Opgeslagen in het dossier." in page.text_content()
    room.get(f"{draft}/check")
    assert len(room.ehr.all("RelatedPerson")) == count
    assert len(room.ehr.all("Provenance")) == 1


def test_a_save_whose_answer_got_lost_is_not_written_again(room: Room) -> None:
    draft = _add(room)

    def cut(method: str, path: str) -> None:
        if method == "POST" and path in ("", "/") and room.ehr.all("Provenance"):
            room.ehr.after = None
            raise requests.ConnectionError

    room.ehr.after = cut
    answer = room.post(f"{draft}/check", status=504)
    assert "misschien wel en misschien niet" in answer.text_content()
    count = len(room.ehr.all("RelatedPerson"))
    assert "Opgeslagen" in room.post(f"{draft}/check").text_content()
    assert len(room.ehr.all("RelatedPerson")) == count


def test_a_label_alone_is_enough(room: Room) -> None:
    draft = room.begin("add")
    page = room.post(f"{draft}/who", {"own_label": "Coach Joost", "to_check": "1"})
    assert path_of(page).endswith("/check")
    room.post(f"{draft}/check")
    assert by_label(room, "Coach Joost")["active"] is True
    assert room.ehr.all("Consent") == []


def test_errors_are_listed_on_top_linked_to_their_fields_and_in_the_title(room: Room) -> None:
    draft = room.begin("add")
    page = room.post(f"{draft}/closeness", {"bond_since": "gisteren", "tie_on": "1-1-2099", "ring": "1"}, status=422)
    assert page.findtext(".//title").strip().startswith("Fout:")
    summary = page.xpath("//div[@role='alert']")[0]
    assert summary.get("autofocus") is not None
    targets = [href[1:] for href in summary.xpath(".//a/@href")]
    assert set(targets) == {"bond_since", "tie_on"}
    for name in targets:
        control = page.get_element_by_id(name)
        assert control.get("aria-invalid") == "true"
        assert f"{name}-wrong" in control.get("aria-describedby")
    assert page.get_element_by_id("bond_since").get("value") == "gisteren", "what was typed stays"


def test_the_back_button_shows_what_was_typed(room: Room) -> None:
    draft = room.begin("add")
    room.post(f"{draft}/who", ANSWERS["who"])
    assert room.get(f"{draft}/who").get_element_by_id("own_label").get("value") == "Juf Ans"


def test_a_person_of_the_record_becomes_a_figure_and_stays_the_same_person(room: Room) -> None:
    draft = room.begin("add", {"candidate": "RelatedPerson/piet"})
    assert room.get(f"{draft}/who").get_element_by_id("first_name").get("value") == "Piet"
    room.post(f"{draft}/who", {"own_label": "Ome Piet", "first_name": "Piet", "family_name": "de Wit"})
    room.post(f"{draft}/chosen", {"designated_by": ["youth|Patient/noor"]})
    room.post(f"{draft}/check")
    assert by_label(room, "Ome Piet")["id"] == "piet"
    page = room.get()
    assert "row-piet" in page.xpath("//tr/@id")
    assert not page.xpath("//input[@name='candidate'][@value='RelatedPerson/piet']")


def test_a_change_shows_what_was_and_what_will_be(room: Room) -> None:
    draft = room.begin("figure/coach/change/who")
    values = {"own_label": "Trainer", "first_name": "Jan", "family_name": "van der Berg"}
    page = room.post(f"{draft}/who", values | {"relation": "urn:oid:2.16.840.1.113883.2.4.3.11.22.472|20"})
    text = " ".join(page.text_content().split())
    assert page.xpath("string(//del)") == "Coach"
    assert "Trainer" in text
    assert len(page.xpath("//dl/div")) == 1, "only what changes is shown"
    room.post(f"{draft}/check")
    assert by_label(room, "Trainer")["id"] == "coach"


def test_nothing_changed_is_nothing_to_save(room: Room) -> None:
    draft = room.begin("figure/coach/change/who")
    page = room.get(f"{draft}/check")
    assert page.xpath("//button[@disabled]")
    assert "nog niets veranderd" in page.text_content()


def test_ending_the_care_keeps_the_person(room: Room) -> None:
    draft = room.begin("figure/sam/change/end-engagement")
    room.post(f"{draft}/end-engagement", {"engaged_until": "1-6-2026"})
    page = room.post(f"{draft}/check")
    assert "Opgeslagen" in page.text_content()
    assert by_label(room, "Tante Sam")["active"] is True
    assert "row-sam" in room.get().xpath("//tr/@id")


def test_a_different_opinion_is_written_beside_the_choice(room: Room) -> None:
    draft = room.begin("figure/sam/change/note")
    assert room.post(f"{draft}/note", {"note_kind": "dissent"}, status=422).xpath("//a[@href='#note_text']")
    room.post(f"{draft}/note", {"note_kind": "dissent", "note_text": "Ik twijfel hierover."})
    page = room.post(f"{draft}/check")
    assert "Ik twijfel hierover." in page.text_content()
    assert "Vader wil liever oom Piet." in page.text_content()
    assert "Kim Bakker" in page.xpath("string(//ul[@class='notes'])")


def test_a_youth_can_write_a_note_and_nothing_else() -> None:
    room = open_room(YOUTH)
    fields = {name: room.get().xpath(f"string(//input[@name='{name}']/@value)") for name in ("csrf_token", "patient")}
    room._guard = fields
    draft = room.begin("figure/opa/change/note")
    room.get(f"{draft}/who", status=403)
    room.post(f"{draft}/note", {"note_text": "Ik wil dat opa niet op de kaart staat."})
    room.post(f"{draft}/check")
    (provenance,) = room.ehr.all("Provenance")
    assert provenance["agent"][-1]["who"]["reference"] == "Patient/noor"


def test_history_says_who_changed_what(room: Room) -> None:
    draft = _add(room)
    page = room.post(f"{draft}/check")
    (link,) = page.xpath("//a[contains(@href, '/history')]/@href")
    text = room.get(link).text_content()
    assert "Kim Bakker" in text
    assert "15 juni 2026, 12:00" in text
    assert "Gekozen door Noor" in text


def test_stopping_throws_the_draft_away_and_writes_nothing(room: Room) -> None:
    draft = _add(room)
    page = room.post(f"{draft}/drop")
    assert "Er is niets opgeslagen." in page.text_content()
    room.get(f"{draft}/check", status=404)
    assert room.ehr.all("Provenance") == []


def test_a_draft_belongs_to_its_launch(room: Room) -> None:
    draft_id = room.begin("add").rsplit("/", 1)[1]
    other = open_room(ehr=room.ehr)
    other.get(f"draft/{draft_id}/who", status=404)


def test_no_bsn_gets_past_the_form(room: Room) -> None:
    draft = room.begin("add")
    page = room.post(f"{draft}/who", {"own_label": "Sam 111222333"}, status=422)
    assert "BSN" in page.xpath("string(//div[@role='alert'])")


def test_a_number_that_is_no_bsn_is_kept_once_somebody_says_so_and_only_for_those_words(room: Room) -> None:
    draft = room.begin("figure/sam/change/note")
    typed = {"note_text": "Dossier 111222333 van de gemeente", "note_kind": "note"}
    page = room.post(f"{draft}/note", typed, status=422)
    assert page.xpath("string(//textarea[@name='note_text'])") == typed["note_text"]
    seal = page.xpath("string(//input[@name='note_text_is_no_bsn']/@value)")
    other = {**typed, "note_text": "Nu 111222333 alleen", "note_text_is_no_bsn": seal}
    room.post(f"{draft}/note", other, status=422)
    answer = room.post(f"{draft}/note", {**typed, "note_text_is_no_bsn": seal}, status=303, follow=False)
    assert "111222333" not in answer.headers["Location"]
    room.post(f"{draft}/check")
    notes = [one for one in str(room.ehr.all("RelatedPerson")).split("'") if "111222333" in one]
    assert notes == [typed["note_text"]]


def test_a_day_and_an_hour_in_a_note_are_not_taken_for_a_bsn(room: Room) -> None:
    draft = room.begin("figure/sam/change/note")
    typed = {"note_text": "Afspraak 15-6-2026 10 uur", "note_kind": "note"}
    room.post(f"{draft}/note", typed, status=303, follow=False)
