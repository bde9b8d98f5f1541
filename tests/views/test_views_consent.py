"""Agreeing: who is asked by age and authority, who is still needed, and taking it back."""

from __future__ import annotations

from dataclasses import replace

from lxml import html
from views_record import CHILD, CONSENT_ANSWERS, Room, open_room

from fhir_plugin.model.dates import PartialDate


def test_consent_asks_who_must_sign_by_age_and_authority(room: Room) -> None:
    draft = room.begin("figure/sam/change/consent")
    page = room.get(f"{draft}/consent")
    assert "Van 12 tot en met 15 jaar" in page.text_content()
    values = page.xpath("//input[@name='share_signers']/@value")
    assert values == ["Patient/noor", "RelatedPerson/moeder", "RelatedPerson/vader"]


def test_a_consent_that_not_everyone_gave_permits_nothing_and_says_who_is_missing(room: Room) -> None:
    draft = room.begin("figure/sam/change/consent")
    room.post(f"{draft}/consent", CONSENT_ANSWERS | {"share_signers": ["Patient/noor", "RelatedPerson/moeder"]})
    page = room.post(f"{draft}/check")
    assert "Mag nog niets weten" in page.text_content()
    assert "Nog nodig van Ruud de Wit" in page.text_content()


def test_who_signed_on_another_form_is_not_asked_again_before_the_save_either(room: Room) -> None:
    first, second = (room.begin("figure/sam/change/consent") for _ in range(2))
    room.post(f"{first}/consent", CONSENT_ANSWERS | {"share_signers": ["Patient/noor", "RelatedPerson/moeder"]})
    assert _answer(room.get(f"{first}/check"), "Nog nodig van") == "Ruud de Wit"
    room.post(f"{first}/check")
    room.post(f"{second}/consent", CONSENT_ANSWERS | {"share_signers": ["RelatedPerson/vader"]})
    assert _answer(room.get(f"{second}/check"), "Nog nodig van") == ""
    assert "Mag weten: Afspraken in de agenda en hoe het gaat" in room.post(f"{second}/check").text_content()


def test_the_next_signer_sees_what_was_agreed_and_finds_it_filled_in_but_nobody_ticked(room: Room) -> None:
    first, second = (room.begin("figure/sam/change/consent") for _ in range(2))
    assert "Al akkoord" not in room.get(f"{first}/consent").text_content()
    room.post(f"{first}/consent", CONSENT_ANSWERS | {"share_signers": ["RelatedPerson/moeder"]})
    room.post(f"{first}/check")
    page = room.get(f"{second}/consent")
    said = "Al akkoord: Els de Wit. Over: Afspraken in de agenda en hoe het gaat. Tot en met 1 juni 2027."
    assert said in page.text_content()
    assert set(page.xpath("//input[@name='share_what'][@checked]/@value")) == {"appointments", "progress"}
    assert page.xpath("//input[@name='share_until']/@value") == ["1-6-2027"]
    assert page.xpath("//input[@name='share_signers'][@checked]") == []
    again = room.post(f"{second}/consent", {"share": "yes", "share_until": "1-6-2027"}, status=422)
    assert again.xpath("//input[@name='share_what'][@checked]") == [], "what was unticked stays unticked"


def test_a_consent_that_is_complete_is_not_proposed_again(room: Room) -> None:
    first, second = (room.begin("figure/sam/change/consent") for _ in range(2))
    room.post(f"{first}/consent", CONSENT_ANSWERS)
    room.post(f"{first}/check")
    page = room.get(f"{second}/consent")
    assert "Al akkoord" not in page.text_content()
    assert page.xpath("//input[@name='share_what'][@checked]") == []


def test_the_check_says_for_what_a_signature_is_still_needed_when_it_is_not_for_all(room: Room) -> None:
    first, second = (room.begin("figure/sam/change/consent") for _ in range(2))
    room.post(f"{first}/consent", CONSENT_ANSWERS | {"share_signers": ["Patient/noor", "RelatedPerson/moeder"]})
    room.post(f"{first}/check")
    more = {"share_what": ["progress", "school"], "share_signers": ["RelatedPerson/vader"]}
    room.post(f"{second}/consent", CONSENT_ANSWERS | more)
    assert _answer(room.get(f"{second}/check"), "Nog nodig van") == "School: Els de Wit en Noor"


def _answer(page: html.HtmlElement, title: str) -> str:
    """What check-your-answers says under a title; empty where it is not there."""
    return str(page.xpath("string(//dt[normalize-space()=$title]/following-sibling::dd)", title=title)).strip()


def test_a_consent_that_waits_for_a_signature_is_on_the_work_list_until_it_is_there(room: Room) -> None:
    assert "Nog te tekenen" not in room.get("worklist").text_content()
    first, second = (room.begin("figure/sam/change/consent") for _ in range(2))
    room.post(f"{first}/consent", CONSENT_ANSWERS | {"share_signers": ["Patient/noor"]})
    room.post(f"{first}/check")
    page = room.get("worklist")
    (link,) = page.xpath("//main//a[contains(., 'Nog te tekenen')]")
    assert link.text_content() == "Nog te tekenen door Els de Wit en Ruud de Wit: toestemming voor Tante Sam"
    assert link.get("href") == room.url("figure/sam")
    assert "Afspraken in de agenda en hoe het gaat" in page.text_content()
    room.post(f"{second}/consent", CONSENT_ANSWERS | {"share_signers": ["RelatedPerson/moeder", "RelatedPerson/vader"]})
    room.post(f"{second}/check")
    assert "Nog te tekenen" not in room.get("worklist").text_content()


def test_a_yes_without_content_is_an_error_and_a_no_is_none(room: Room) -> None:
    draft = room.begin("figure/sam/change/consent")
    page = room.post(f"{draft}/consent", {"share": "yes", "share_until": "2027"}, status=422)
    targets = set(page.xpath("//div[@role='alert']//a/@href"))
    assert targets == {"#share_what", "#share_signers", "#share_until"}
    room.post(f"{draft}/consent", {"share": "no"})


def test_a_consent_is_taken_back_in_one_step(room: Room) -> None:
    draft = room.begin("figure/sam/change/consent")
    room.post(f"{draft}/consent", CONSENT_ANSWERS)
    page = room.post(f"{draft}/check")
    (link,) = page.xpath("//ul[@class='consents']//a/@href")
    form = room.get(link)
    version = form.xpath("string(//main//input[@name='version']/@value)")
    assert room.post(link, {"version": version}, status=422).xpath("//div[@role='alert']")
    done = room.post(link, {"version": version, "by": "Patient/noor"})
    assert "ingetrokken" in done.text_content()
    assert "Mag nog niets weten" in done.text_content()
    assert sorted(one["status"] for one in room.ehr.all("Consent")) == ["active", "inactive"], (
        "the parents' yes stays theirs"
    )


def test_a_consent_that_was_changed_since_the_page_was_shown_is_not_taken_back(room: Room) -> None:
    draft = room.begin("figure/sam/change/consent")
    room.post(f"{draft}/consent", CONSENT_ANSWERS)
    (link,) = room.post(f"{draft}/check").xpath("//ul[@class='consents']//a/@href")
    shown = room.get(link).xpath("string(//main//input[@name='version']/@value)")
    (consent,) = room.ehr.all("Consent")
    room.ehr.add({**consent, "dateTime": "2026-06-16T09:00:00+02:00"})
    page = room.post(link, {"version": shown, "by": "all"}, status=409)
    assert "eerder gewijzigd" in page.text_content() or "Iemand anders" in page.text_content()
    assert [one["status"] for one in room.ehr.all("Consent")] == ["active"]


def test_under_12_the_form_says_why_a_parent_is_ticked_and_from_12_it_ticks_nobody() -> None:
    for born, ticked, said in ((PartialDate(2018, 3, 4), ["parent"], True), (CHILD.birth_date, [], False)):
        room = open_room(child=replace(CHILD, birth_date=born))
        page = room.get(f"{room.begin('add')}/support")
        assert page.xpath("//input[@name='supports'][@checked]/@value") == ticked
        (parent,) = page.xpath("//input[@name='supports'][@value='parent']")
        told = page.xpath("string(id($ids))", ids=parent.get("aria-describedby", ""))
        assert ("jonger dan 12" in told) is said
        assert not said or "Zet het uit" in told
