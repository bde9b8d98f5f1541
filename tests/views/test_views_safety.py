"""Sharing off where it would endanger the child (L11): set and lifted by a professional, shown to nobody else."""

from __future__ import annotations

import pytest
from views_record import AUNT, CHILD, MOTHER, NOW, PROFESSIONAL, TYPES, YOUTH, Room, open_room, record

from fhir_plugin.ehr.memory import Behaviour, MemoryEhr
from smart_app.launch.phases import LaunchUser
from smart_app.settings import DEFAULT_SCOPES

WHY = "Vader mag niet weten waar Noor woont."
TELLING = ("Delen staat uit", "gevaar", "Vader", "veiligheid", "stop")


def stop(room: Room, why: str = WHY, status: int = 200) -> object:
    token = room.get("safety").xpath("string(//input[@name='made_on']/@value)")
    return room.post("safety", {"made_on": token, "why": why}, status=status)


def test_a_professional_stops_the_sharing_and_the_network_says_so(room: Room) -> None:
    page = stop(room)
    assert "Delen staat uit, omdat het gevaarlijk kan zijn voor Noor" in page.text_content()
    (flag,) = room.ehr.all("Flag")
    assert flag["status"] == "active"
    assert flag["author"]["reference"] == PROFESSIONAL.reference
    assert WHY in room.get("safety").text_content()


def test_the_reason_of_the_decision_stands_with_every_figure(room: Room) -> None:
    stop(room)
    assert "Delen staat uit" in room.get("figure/sam").text_content()


def test_lifting_it_needs_a_reason_too_and_is_kept_in_the_record(room: Room) -> None:
    stop(room)
    stop(room, "De zitting is geweest.")
    (flag,) = room.ehr.all("Flag")
    assert (flag["status"], flag["period"]["end"]) == ("inactive", "2026-06-15")
    assert "Delen staat uit" not in room.get().text_content()


def test_without_a_reason_nothing_is_written(room: Room) -> None:
    page = stop(room, "  ", status=422)
    assert "Zeg waarom" in page.text_content()
    assert room.ehr.all("Flag") == []


def test_a_bsn_in_the_reason_is_not_written_unless_it_is_said_to_be_none(room: Room) -> None:
    page = stop(room, "Zie dossier 999990019.", status=422)
    assert "Dit lijkt op een BSN" in page.text_content()
    assert room.ehr.all("Flag") == []
    seal = page.xpath("string(//input[@name='why_is_no_bsn']/@value)")
    made_on = page.xpath("string(//input[@name='made_on']/@value)")
    room.post("safety", {"made_on": made_on, "why": "Nu 999990019 alleen.", "why_is_no_bsn": seal}, status=422)
    room.post("safety", {"made_on": made_on, "why": "Zie dossier 999990019.", "why_is_no_bsn": seal})
    assert "999990019" in str(room.ehr.all("Flag")), "somebody said that it is none"


def test_what_was_typed_comes_back_when_the_record_moved_on(room: Room) -> None:
    page = room.post("safety", {"made_on": "urn:x/1", "why": WHY}, status=409)
    assert page.xpath("string(//textarea)") == WHY
    assert room.ehr.all("Flag") == []


def test_what_was_typed_comes_back_when_the_record_system_has_no_place_for_it() -> None:
    ehr = MemoryEhr(behaviour=Behaviour(types=TYPES - {"Flag"}), clock=lambda: NOW)
    for body in record():
        ehr.add(body)
    room = open_room(ehr=ehr)
    assert "geen plek voor dit besluit" in room.get("safety").text_content()
    page = room.post("safety", {"made_on": "none", "why": WHY}, status=502)
    assert "nam dit niet aan" in page.text_content()


def test_nothing_is_printed_while_sharing_is_off(room: Room) -> None:
    stop(room)
    text = room.get("print").text_content()
    assert "niets om te printen" in text
    assert "Samira" not in text


@pytest.mark.parametrize("user", [MOTHER, YOUTH, AUNT], ids=["mother", "youth", "aunt"])
def test_nobody_else_sees_the_network_then_or_learns_why(room: Room, user: LaunchUser) -> None:
    stop(room)
    other = open_room(user, ehr=room.ehr)
    for path in ("", "map", "print", "worklist"):
        answer = other.client.get(other.url(path), follow_redirects=True)
        for word in (*TELLING, "Samira", "Jan"):
            assert word not in answer.text.replace("stopt", ""), (path, word)
    other.get("figure/sam", status=404)
    other.get("safety", status=403)


@pytest.mark.parametrize("user", [MOTHER, YOUTH, AUNT], ids=["mother", "youth", "aunt"])
def test_nobody_else_can_stop_the_sharing_or_even_look(user: LaunchUser) -> None:
    other = open_room(user)
    other.get("safety", status=403)
    assert "safety" not in other.client.get(other.url(), follow_redirects=True).text


@pytest.mark.parametrize("flags", [(), ("patient/Flag.r",), ("patient/Flag.rs?category=diet",)], ids=str)
@pytest.mark.parametrize("user", [MOTHER, YOUTH, AUNT], ids=["mother", "youth", "aunt"])
def test_an_empty_list_of_flags_proves_nothing_to_family_where_the_ehr_did_not_grant_all_of_them(
    user: LaunchUser, flags: tuple[str, ...]
) -> None:
    granted = (*(scope for scope in DEFAULT_SCOPES if "/Flag" not in scope), *flags)
    text = open_room(user, granted=granted).get().text_content()
    assert "Samira" not in text
    assert "kan nu niet worden getoond" in text
    professional = open_room(granted=granted)
    assert "niet zien of delen uit staat" in professional.get().text_content()
    assert "niets om te printen" in professional.get("print").text_content()


def test_where_the_record_system_has_no_flags_a_grant_of_them_is_not_asked_for() -> None:
    ehr = MemoryEhr(behaviour=Behaviour(types=TYPES - {"Flag"}), clock=lambda: NOW)
    for body in record():
        ehr.add(body)
    granted = tuple(scope for scope in DEFAULT_SCOPES if "/Flag" not in scope)
    assert "Samira" in open_room(MOTHER, ehr=ehr, granted=granted).get().text_content()


def test_a_professional_looking_along_sees_the_same_refusal(room: Room) -> None:
    stop(room)
    assert "kan nu niet worden getoond" in room.get("as/parent").text_content()
    assert CHILD.name.own_name


@pytest.mark.parametrize("user", [MOTHER, YOUTH, AUNT], ids=["mother", "youth", "aunt"])
def test_where_the_record_system_hides_whether_sharing_is_off_nobody_else_sees_the_network(user: LaunchUser) -> None:
    ehr = MemoryEhr(behaviour=Behaviour(types=TYPES, refused=frozenset({("search-type", "Flag")})), clock=lambda: NOW)
    for body in record():
        ehr.add(body)
    other = open_room(user, ehr=ehr)
    for path in ("", "map", "print", "worklist", "figure/sam"):
        answer = other.client.get(other.url(path), follow_redirects=True)
        for word in (*TELLING, "Samira", "Jan"):
            assert word not in answer.text.replace("stopt", ""), (path, word)
