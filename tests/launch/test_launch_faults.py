"""The app meets every fault the sandbox EHR can have: clear pages, no wrong data, nothing lost, no false "saved"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sandbox_room import APP, Room, open_room

from fhir_plugin.ehr import FhirClient
from fhir_plugin.model.terms import CodeSystems
from smart_app.launch import launcher
from smart_app.sandbox.faults import FAULTS

WHO = {"own_label": "Juf Ans", "first_name": "Ans", "adult": "yes"}
SAVED = "Opgeslagen in het dossier"
NOTHING_SAVED = "Er is niets opgeslagen"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Where the app would wait before it asks again, in seconds."""
    found: list[float] = []
    monkeypatch.setattr(launcher, "RETRY", replace(launcher.RETRY, sleep=found.append))
    return found


@pytest.fixture
def room(tmp_path: Path, waits: list[float]) -> Room:
    return open_room(tmp_path)


def fill(room: Room, **more: Any) -> str:
    """Answer the questions about somebody new, up to the check; gives the path of the draft."""
    draft = room.begin("add")
    room.post(f"{draft}who", **WHO)
    for step, answers in more.items():
        room.post(f"{draft}{step}", **answers)
    room.get(f"{draft}check")
    return draft


def kept(room: Room, draft: str) -> None:
    """What was typed is still in the form."""
    assert room.get(f"{draft}who").get_element_by_id("own_label").get("value") == "Juf Ans"


def ans(room: Room) -> list[dict[str, Any]]:
    return [one for one in room.stored("RelatedPerson") if "Juf Ans" in str(one)]


def save_fails(room: Room, fault: str, status: int, *said: str, **steps: Any) -> None:
    """A fault that stands in the way of saving; without it, the same form is saved after all."""
    room.open()
    draft = fill(room, **steps)
    room.fault(fault)
    room.post(f"{draft}check", status)
    text = room.text()
    assert SAVED not in text
    for part in said:
        assert part in text, text
    assert ans(room) == []
    room.fault(fault, on=False)
    kept(room, draft)
    room.get(f"{draft}check")
    room.post(f"{draft}check")
    assert SAVED in room.text()
    assert len(ans(room)) == 1


# --- at the launch ---


@pytest.mark.parametrize("fault", ["no-nonce", "no-kid", "opaque-token", "rotated-keys"])
def test_what_a_less_tidy_ehr_does_at_the_launch_still_opens_the_right_child(room: Room, fault: str) -> None:
    room.fault(fault)
    room.open("noor")
    assert "Netwerk van Noor" in room.text()


@pytest.mark.parametrize(
    ("fault", "status"), [("wrong-aud", 403), ("expired-id-token", 403), ("unknown-kid", 403), ("mix-up-iss", 400)]
)
def test_an_identity_that_cannot_be_believed_opens_nothing(room: Room, fault: str, status: int) -> None:
    room.fault(fault)
    answer = room.arrive()
    assert answer.status_code == status
    assert "De app openen is niet gelukt" in answer.text
    assert "Noor" not in answer.text
    assert not [name for name, _ in answer.headers if name == "Set-Cookie" and "sf-l-" in _]


def test_changed_patient_on_refresh_ends_the_launch_and_shows_neither_child(room: Room) -> None:
    room.open()
    room.fault("changed-patient-on-refresh")
    room.parts.server.state.revoke_access_tokens()
    room.get("", 409)
    assert "Noor" not in room.text()
    assert "Open de app opnieuw" in room.text()
    room.get("worklist", 409)


def test_koppeltaal_noop_is_met_with_access_of_the_apps_own(tmp_path: Path, waits: list[float]) -> None:
    room = open_room(tmp_path, asymmetric=True)
    room.fault("koppeltaal-noop")
    room.open("noor")
    assert "Netwerk van Noor" in room.text()


def test_koppeltaal_noop_without_access_of_its_own_shows_nothing(room: Room) -> None:
    room.fault("koppeltaal-noop")
    answer = room.arrive()
    if answer.status_code == 303:
        room.path = answer.location
        room.get("", 409)
        assert "Noor" not in room.text()
    else:
        assert answer.status_code == 403
        assert "De app openen is niet gelukt" in answer.text


# --- on the line ---


def test_slow_is_waited_for(room: Room) -> None:
    room.fault("slow")
    room.open()
    assert "Netwerk van Noor" in room.text()
    assert set(room.waited) == {3.0}
    draft = fill(room)
    room.post(f"{draft}check")
    assert SAVED in room.text()
    assert len(ans(room)) == 1


def test_401_mid_session_is_renewed_unseen_and_a_save_in_it_is_written_once(room: Room) -> None:
    room.fault("401-mid-session")
    room.open()
    draft = fill(room)
    for _ in range(3):
        room.get()
        assert "Netwerk van Noor" in room.text()
    room.get(f"{draft}check")
    room.post(f"{draft}check")
    assert SAVED in room.text()
    assert len(ans(room)) == 1


def test_429_retry_after_is_obeyed_once_and_the_page_comes(room: Room, waits: list[float]) -> None:
    room.open()
    room.fault("429-retry-after")
    draft = fill(room)
    room.post(f"{draft}check")
    assert SAVED in room.text()
    assert len(ans(room)) == 1
    assert waits
    assert min(waits) >= 1.0, "asked earlier than the EHR said"


def test_500_keeps_what_was_typed_and_says_so(room: Room) -> None:
    save_fails(room, "500", 502, "een antwoord")


def test_500_at_the_first_page_is_a_page_in_the_readers_language(room: Room) -> None:
    room.open()
    room.fault("500")
    room.get("", 502)
    assert "Bel je helpdesk" in room.text()
    room.client.set_cookie("sf-language", "en")
    room.get("", 502)
    assert "Call your help desk" in room.text()


def test_lost_response_after_write_is_neither_called_saved_nor_written_twice(room: Room) -> None:
    room.open()
    draft = fill(room)
    room.fault("lost-response-after-write")
    room.post(f"{draft}check", 504)
    assert "misschien wel en misschien niet" in room.text()
    assert SAVED not in room.text()
    assert len(ans(room)) == 1
    room.get(f"{draft}check")
    assert SAVED in room.text()
    assert len(ans(room)) == 1


# --- what the FHIR server does and does not do ---


def test_stale_if_match_ignored_still_shows_that_somebody_else_was_first(room: Room) -> None:
    """The app looks again itself before it writes, and does not lean on the EHR's judgement alone."""
    room.open()
    figure = "figure/noor-tante-sam"
    room.get(figure)
    draft = room.begin(f"{figure}/change/note")
    room.post(f"{draft}note", note_text="Mijn woord.")
    other = room.app.test_client()
    second = replace(room, client=other, path="", page=None).open()
    second.get(figure)
    theirs = second.begin(f"{figure}/change/contact")
    second.post(f"{theirs}contact", phone="06 87 65 43 21")
    mine = room.begin(f"{figure}/change/contact")
    room.post(f"{mine}contact", phone="06 11 11 11 11")
    room.fault("stale-if-match-ignored")
    second.post(f"{theirs}check")
    assert SAVED in second.text()
    room.post(f"{mine}check")
    assert str(room.page.get("data-path")).endswith("/conflict")  # type: ignore[union-attr]
    assert "06 87654321" in room.text()
    assert "06 11111111" in room.text()
    assert "87654321" in str(room.stored("RelatedPerson"))
    assert "11111111" not in str(room.stored("RelatedPerson"))


def test_transaction_refused_writes_nothing_by_halves(room: Room) -> None:
    save_fails(room, "transaction-refused", 502, NOTHING_SAVED)


def test_no_conditional_is_not_needed(room: Room) -> None:
    room.fault("no-conditional")
    room.open()
    draft = fill(room, support={"functions": ["practical"]})
    room.post(f"{draft}check")
    assert SAVED in room.text()
    assert len(ans(room)) == 1


def test_no_consent_says_that_nobody_may_know_anything_and_saves_no_half_agreement(room: Room) -> None:
    room.fault("no-consent")
    room.open()
    assert "geeft de app geen toestemmingen" in room.text()
    room.fault("no-consent", on=False)
    share = {"share": "yes", "share_what": ["progress"], "share_signers": ["RelatedPerson/noor-moeder"],
             "share_until": "1-6-2027"}  # fmt: skip
    save_fails(room, "no-consent", 502, NOTHING_SAVED, consent=share)


def test_no_care_team_write_refuses_the_whole_save(room: Room) -> None:
    save_fails(room, "no-care-team-write", 502, NOTHING_SAVED, support={"functions": ["practical"]})


def test_read_only_refuses_and_says_that_nothing_was_saved(room: Room) -> None:
    save_fails(room, "read-only", 502, NOTHING_SAVED)


def test_drops_related_person_participants_is_never_called_saved(room: Room) -> None:
    room.open()
    draft = fill(room, support={"functions": ["practical"]})
    room.fault("drops-related-person-participants")
    room.post(f"{draft}check", 502)
    assert SAVED not in room.text()
    assert "niet alles bewaard" in room.text()
    room.fault("drops-related-person-participants", on=False)
    room.get(f"{draft}check")
    assert "Praktisch" in room.text()
    room.post(f"{draft}check")
    assert SAVED in room.text()
    assert len(ans(room)) == 1
    (saved,) = ans(room)
    assert f"RelatedPerson/{saved['id']}" in str(room.stored("CareTeam"))


@pytest.mark.parametrize(
    "fault",
    ["no-access", "create-only", "patch-only", "no-if-match", "server-ids", "no-related-person-write", "stu3"],
)
def test_whatever_an_ehr_cannot_do_a_save_is_whole_or_not_there(room: Room, fault: str) -> None:
    """The EHRs of the degradation matrix: saved and there once, or a page that says it is not."""
    room.open()
    draft = fill(room, support={"functions": ["practical"]})
    room.fault(fault)
    answer = room.client.post(room.path + draft.removeprefix(room.path) + "check", data=room.guard, base_url=APP)
    done = answer.status_code == 303
    assert done or answer.status_code >= 400
    assert len(ans(room)) == (1 if done else 0)
    assert done or ("Referentienummer" in answer.text and SAVED not in answer.text)
    room.fault(fault, on=False)
    if not done:
        kept(room, draft)


@pytest.mark.parametrize("user", ["moeder-noor", "tante-noor"])
def test_hides_safety_block_is_seen_by_access_of_the_apps_own(tmp_path: Path, waits: list[float], user: str) -> None:
    fault = "hides-safety-block"
    room = open_room(tmp_path, watching=True)
    room.fault(fault)
    assert "tante Sam" in room.open("noor", user).text(), "there is no block yet"
    room.open("noor")
    made_on = room.get("safety").xpath("string(//input[@name='made_on']/@value)")
    room.post("safety", made_on=made_on, why="Het is nu niet veilig.")
    room.open("noor", user)
    assert "kan nu niet worden getoond" in room.text()
    assert "tante Sam" not in room.text()
    room.get("figure/noor-tante-sam", 404)
    room.open("noor")
    made_on = room.get("safety").xpath("string(//input[@name='made_on']/@value)")
    room.post("safety", made_on=made_on, why="Het kan weer.")
    assert "tante Sam" in room.open("noor", user).text(), "a block that is over blocks nothing"


def test_a_block_of_another_child_is_not_one_of_this_child_whatever_a_search_gives(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, code = FhirClient.pages, {"coding": [{"system": CodeSystems.SAFETY_BLOCK, "code": "no-sharing"}]}
    hers = {"resourceType": "Flag", "id": "x", "status": "active", "subject": {"reference": "Patient/lotte"}}

    def with_hers(client: FhirClient, first: Any, where: str) -> Iterator[dict[str, Any]]:
        yield from pages(client, first, where)
        if where == "search Flag":
            yield {**hers, "code": code}

    room = open_room(tmp_path, watching=True)
    monkeypatch.setattr(FhirClient, "pages", with_hers)
    assert "tante Sam" in room.open("noor", "moeder-noor").text()
    hers["subject"] = {"reference": "Patient/noor"}
    assert "kan nu niet worden getoond" in room.open("noor", "moeder-noor").text()


def test_a_block_that_the_apps_own_access_cannot_rule_out_counts_as_one(tmp_path: Path, waits: list[float]) -> None:
    room = open_room(tmp_path, watching=True)
    (client,) = room.parts.server.clients.values()
    none_of_its_own = replace(client, grant_types=("authorization_code", "refresh_token"))
    room.parts.server.clients[client.client_id] = none_of_its_own
    room.open("noor", "moeder-noor")
    assert "kan nu niet worden getoond" in room.text()


def test_every_fault_of_the_sandbox_has_its_test_here() -> None:
    told = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in FAULTS if f'"{name}"' not in told] == []
