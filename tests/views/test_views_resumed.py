"""A launch that ends by itself loses nothing that was typed: the next one of the same person takes it over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from views_record import MOTHER, NOW, PROFESSIONAL, YOUTH, Room, open_room

from smart_app.launch.phases import LaunchUser
from smart_app.store.drafts import Draft, Drafts
from smart_app.store.launches import LaunchStore
from smart_app.store.tables import drafts, launches

OFFER = "Je was aan het schrijven over"
COLLEAGUE = replace(PROFESSIONAL, reference="Practitioner/els")


def store_of(room: Room) -> LaunchStore:
    found: LaunchStore = room.app.extensions["steunfiguren.launcher"].store
    return found


def typed(room: Room) -> str:
    """Begin to add somebody; gives the path of the draft."""
    draft = room.begin("add")
    room.post(f"{draft}/who", {"own_label": "Juf Ans", "first_name": "Ans", "adult": "yes"})
    return draft


def over(room: Room) -> None:
    """The EHR gave no more access, say."""
    store_of(room).end(room.launch_id)
    room.get(status=409)


def offered(room: Room) -> list[str]:
    return [str(one) for one in room.get().xpath("//form[contains(@action, '/resume')]/@action")]


def test_what_was_typed_when_a_launch_ended_is_offered_to_its_writer_and_saved_after_all(room: Room) -> None:
    typed(room)
    over(room)
    again = room.again()
    assert f"{OFFER} Juf Ans" in again.get().text_content()
    (form,) = offered(again)
    page = again.post(form)
    assert page.get("data-path").endswith("/check")
    assert "Juf Ans" in page.text_content()
    again.post(str(page.get("data-path")))
    assert [one for one in room.ehr.all("RelatedPerson") if "Juf Ans" in str(one)]
    assert offered(again) == []


@pytest.mark.parametrize(
    "user", [COLLEAGUE, YOUTH, MOTHER, LaunchUser()], ids=["colleague", "youth", "mother", "nobody"]
)
def test_nobody_else_is_offered_it_or_can_take_it(room: Room, user: LaunchUser) -> None:
    draft = typed(room)
    over(room)
    other = room.again(user)
    text = other.get().text_content()
    assert OFFER not in text
    assert "Juf Ans" not in text
    if user is COLLEAGUE:
        other.post(f"draft/{draft.rsplit('/', 1)[1]}/resume", status=404)


def test_it_is_not_offered_on_the_record_of_another_child(room: Room) -> None:
    draft = typed(room)
    over(room)
    room.ehr.add({"resourceType": "Patient", "id": "bram", "birthDate": "2015-01-01", "name": [{"text": "Bram"}]})
    other = room.again(patient_id="bram")
    assert OFFER not in other.get().text_content()
    other.post(f"draft/{draft.rsplit('/', 1)[1]}/resume", status=404)


def test_it_is_not_offered_in_another_record_system_that_knows_both_by_the_same_ids(room: Room) -> None:
    draft = typed(room)
    over(room)
    store, here = store_of(room), room.again().facts
    elsewhere = Drafts(store, replace(here, issuer_key="elders"))
    elsewhere.take_over(draft.rsplit("/", 1)[1])
    assert elsewhere.left_behind() == ()
    assert len(Drafts(store, here).left_behind()) == 1


def test_what_is_being_typed_in_a_launch_that_goes_on_is_not_taken_from_it(room: Room) -> None:
    draft = typed(room)
    again = room.again()
    assert offered(again) == []
    again.post(f"draft/{draft.rsplit('/', 1)[1]}/resume", status=404)
    assert room.get(f"{draft}/who").get_element_by_id("own_label").get("value") == "Juf Ans"


def test_a_launch_that_may_not_write_takes_no_form_from_one_that_may(room: Room) -> None:
    draft = typed(room)
    over(room)
    reading = tuple(
        scope for scope in room.facts.scopes if not scope.endswith((".cruds", ".crus", ".cus", ".c", ".cu"))
    )
    only = replace(room, facts=replace(room.facts, scopes=reading)).again()
    only.post(f"draft/{draft.rsplit('/', 1)[1]}/resume", status=403)
    assert len(offered(room.again())) == 1


def test_a_form_in_which_nothing_was_answered_is_not_offered(room: Room) -> None:
    room.begin("figure/sam/change/who")
    over(room)
    assert offered(room.again()) == []


def test_a_form_that_was_saved_is_not_offered(room: Room) -> None:
    draft = typed(room)
    room.post(f"{draft}/check")
    over(room)
    assert offered(room.again()) == []


def test_a_form_is_not_offered_to_its_writer_once_the_right_to_it_is_gone() -> None:
    room = open_room(YOUTH)
    Drafts(store_of(room), room.facts).put(Draft(figure_id="opa", entry="who", values={"own_label": ("Opaatje",)}))
    store_of(room).end(room.launch_id)
    assert len(Drafts(store_of(room), room.again().facts).left_behind()) == 1
    assert offered(room.again()) == []


def test_somebody_the_record_system_does_not_name_leaves_nothing_behind() -> None:
    room = open_room(LaunchUser())
    store = store_of(room)
    Drafts(store, room.facts).put(Draft(values={"own_label": ("Juf Ans",)}))
    store.end(room.launch_id)
    assert Drafts(store, room.again().facts).left_behind() == ()


def test_a_note_of_a_youth_is_offered_to_the_youth() -> None:
    room = open_room(YOUTH)
    draft = room.begin("figure/opa/change/note")
    room.post(f"{draft}/note", {"note_text": "Opa is altijd boos."})
    over(room)
    again = room.again()
    (form,) = offered(again)
    again.post(form)
    again.post(f"{draft.replace(room.launch_id, again.launch_id)}/check")
    assert "Opa is altijd boos." in str(room.ehr.all("RelatedPerson"))


def test_after_half_an_hour_of_nothing_it_is_offered_and_after_a_day_it_is_gone(room: Room) -> None:
    typed(room)
    engine, store = store_of(room).engine, store_of(room)
    with engine.begin() as connection:
        connection.execute(update(launches).values(seen_at=NOW.timestamp() - 1801))
    assert len(offered(room.again())) == 1
    with engine.begin() as connection:
        connection.execute(update(drafts).values(expires_at=NOW.timestamp() - 1))
    assert offered(room.again()) == []
    store.clean()
    with engine.connect() as connection:
        assert connection.execute(select(drafts)).first() is None


def test_nothing_typed_in_a_form_that_was_saved_is_kept(room: Room) -> None:
    draft = typed(room)
    room.post(f"{draft}/check")
    room.post(f"{draft}/who", {"own_label": "Juf Annie"})
    with store_of(room).engine.connect() as connection:
        row = connection.execute(select(drafts)).one()
    kept = store_of(room).keyring.open(row.sealed, bound_to=f"draft {row.launch_id} {row.id}")
    assert b"Annie" not in kept
