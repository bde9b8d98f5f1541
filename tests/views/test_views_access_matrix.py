"""Every route × every kind of user: what is theirs is shown, and nothing else is shown, written or even begun.

The routes come from the app itself: one that nobody decided about fails here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from views_record import AUNT, CHILD, MOTHER, NOW, PROFESSIONAL, STRANGER, YOUTH, Room, figures, open_room
from werkzeug.test import TestResponse

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import Note, SupportFigure
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import V3_ROLE_CODE
from smart_app.launch.cookies import csrf_token
from smart_app.launch.phases import LaunchUser, UserKind
from smart_app.presenters.figure_form import held
from smart_app.store.drafts import Draft, Drafts

TEN = replace(CHILD, birth_date=PartialDate(2016, 1, 1))
SEVENTEEN = replace(CHILD, birth_date=PartialDate(2009, 1, 1))
FORMER = (replace(figures()[0], active=False), *figures()[1:])
ROLE = LaunchUser(reference="PractitionerRole/kim", kind=UserKind.PRACTITIONER_ROLE, name="Kim", subject="kim")
OTHER_CHILD = LaunchUser(reference="Patient/bram", kind=UserKind.PATIENT, name="Bram", subject="bram")
UNCLE = LaunchUser(reference="RelatedPerson/piet", kind=UserKind.RELATED_PERSON, name="Piet", subject="piet")
UNSAID = LaunchUser()

KINDS: dict[str, dict[str, Any]] = {
    "professional": {"user": PROFESSIONAL},
    "professional in a role": {"user": ROLE},
    "youth of 14": {"user": YOUTH},
    "youth of 10": {"user": YOUTH, "child": TEN},
    "parent of one of 10": {"user": MOTHER, "child": TEN},
    "parent of one of 14": {"user": MOTHER},
    "parent of one of 17": {"user": MOTHER, "child": SEVENTEEN},
    "figure": {"user": AUNT},
    "former figure": {"user": AUNT, "people": FORMER},
    "relative who is no figure": {"user": UNCLE},
    "another child": {"user": OTHER_CHILD},
    "unlinked person": {"user": STRANGER},
    "nobody the EHR names": {"user": UNSAID},
}
PROFESSIONALS = {"professional", "professional in a role"}
SEES = PROFESSIONALS | {"youth of 14", "parent of one of 10", "parent of one of 14"}
EVERYBODY = set(KINDS)

RIGHTS: dict[tuple[str, str], set[str]] = {
    ("network.show", "GET"): SEES | {"figure"},
    ("network.ecogram", "GET"): SEES,
    ("network.paper", "GET"): SEES,
    ("network.preview", "GET"): PROFESSIONALS,
    ("figures.show", "GET"): SEES | {"figure"},
    ("figures.show other", "GET"): SEES,
    ("figures.add", "POST"): PROFESSIONALS,
    ("figures.change", "POST"): PROFESSIONALS,
    ("figures.change note", "POST"): SEES,
    ("wizard.page", "GET"): PROFESSIONALS,
    ("wizard.page note", "GET"): SEES,
    ("wizard.answer", "POST"): PROFESSIONALS,
    ("wizard.answer note", "POST"): SEES,
    ("wizard.consent", "GET"): PROFESSIONALS,
    ("wizard.agree", "POST"): PROFESSIONALS,
    ("checking.check", "GET"): PROFESSIONALS,
    ("checking.check note", "GET"): SEES,
    ("checking.save", "POST"): PROFESSIONALS,
    ("checking.save note", "POST"): SEES,
    ("checking.over", "GET"): PROFESSIONALS,
    ("checking.resume", "POST"): PROFESSIONALS,
    ("checking.resume note", "POST"): SEES,
    ("checking.conflict", "GET"): PROFESSIONALS,
    ("checking.settle", "POST"): PROFESSIONALS,
    ("checking.drop", "POST"): PROFESSIONALS,
    ("consents.ask", "GET"): PROFESSIONALS,
    ("consents.end", "POST"): PROFESSIONALS,
    ("history.show", "GET"): PROFESSIONALS,
    ("worklist.show", "GET"): PROFESSIONALS,
    ("safety.ask", "GET"): PROFESSIONALS,
    ("safety.decide", "POST"): PROFESSIONALS,
    ("launch.look", "GET"): EVERYBODY,
    ("launch.sign_out", "POST"): EVERYBODY,
}
"""Who may what (Jeugdwet 7.3.8–7.3.10; L4); a word behind an endpoint is a case of it."""

SIGNED = {"share": "yes", "share_what": ["progress"], "share_until": "1-6-2027"}
NEVER = ("Opa", "Coach", "buurvrouw", "Ruud", "Vader wil liever", "Rechtbank")
"""Words of others in the network: who has no right to it reads none of them anywhere."""


def _figures(people: tuple[SupportFigure, ...]) -> tuple[SupportFigure, ...]:
    note = Note(text="Kim twijfelt.", author=Ref(reference="Practitioner/kim"), at=PartialDate(2026, 3))
    return (replace(people[0], notes=(*people[0].notes, note)), *people[1:])


class Visit:
    """A user of one kind with a launch, and forms under way that were theirs, whether or not they may have any."""

    def __init__(self, kind: str) -> None:
        given = {"people": figures(), **KINDS[kind]}
        self.room: Room = open_room(**{**given, "people": _figures(given["people"])})
        self.room.ehr.add(_consent())
        secret = self.room.client.get_cookie(f"sf-l-{self.room.launch_id}")
        assert secret is not None
        self.guard = {"csrf_token": csrf_token(secret.value, self.room.launch_id), "patient": "noor"}
        self.people = given["people"]
        store = self.room.app.extensions["steunfiguren.launcher"].store
        self.kept = Drafts(store, store.launch(self.room.launch_id, secret.value))
        self.drafts = {entry: self._draft(entry) for entry in ("who", "note")}

    def _draft(self, entry: str) -> str:
        base = held(self.people[0])
        typed = {"note_text": ("Een woord.",)} if entry == "note" else {"own_label": ("Tantetje",)}
        draft = Draft(figure_id="sam", entry=entry, base=base, values={**base, **typed})
        self.kept.put(draft)
        return draft.id

    def ask(self, case: str, method: str) -> TestResponse:
        """Ask a route, and follow it to where it leads."""
        endpoint, _, which = case.partition(" ")
        figure = "opa" if which == "other" else "sam"
        step = which if which == "note" else "consent" if endpoint == "wizard.agree" else "who"
        values = {
            "launch_id": self.room.launch_id, "figure_id": figure, "step_name": step, "viewer": "youth",
            "language": "en", "consent_id": "ja", "draft_id": self.drafts.get(which, self.drafts["who"]),
        }  # fmt: skip
        rule = next(one for one in self.room.app.url_map.iter_rules(endpoint) if method in (one.methods or ()))
        adapter = self.room.app.url_map.bind("localhost")
        path = adapter.build(endpoint, {name: values[name] for name in rule.arguments}, method=method)
        if method == "GET":
            return self.room.client.get(path, follow_redirects=True)
        form = self.guard | {"own_label": "Gekaapt", "note_text": "Een woord.", "by": "Patient/noor"}
        return self.room.client.post(path, data=form, follow_redirects=True)

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        return {kind: self.room.ehr.all(kind) for kind in ("RelatedPerson", "CareTeam", "Consent", "Provenance")}


@cache
def _consent() -> dict[str, Any]:
    """A consent about Sam, as a professional records it."""
    room = _guarded(open_room())
    draft = room.begin("figure/sam/change/consent")
    room.post(f"{draft}/consent", SIGNED | {"share_signers": ["Patient/noor"]})
    room.post(f"{draft}/check")
    return {**room.ehr.all("Consent")[0], "id": "ja", "meta": {}}


def test_every_route_of_a_launch_is_decided_about() -> None:
    app = open_room().app
    found = {
        (one.endpoint, method)
        for one in app.url_map.iter_rules()
        if "launch_id" in one.arguments
        for method in (one.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == {(case.partition(" ")[0], method) for case, method in RIGHTS}


@pytest.mark.parametrize("kind", KINDS)
def test_each_user_gets_what_is_theirs_and_nothing_else(kind: str) -> None:
    wrong, visit = [], Visit(kind)
    for (case, method), allowed in RIGHTS.items():
        before = visit.stored()
        answer = visit.ask(case, method)
        may = kind in allowed
        if may and method == "POST":
            visit = Visit(kind)
        refused = answer.status_code in (403, 404) or "Je kunt dit hier niet zien" in answer.text
        if may == refused:
            wrong.append(f"{method} {case}: {answer.status_code}")
        if not may and visit.stored() != before:
            wrong.append(f"{method} {case}: something was written")
        if kind not in SEES and (read := [word for word in NEVER if word in answer.text]):
            wrong.append(f"{method} {case}: shows {read}")
        if kind not in PROFESSIONALS and "Kim twijfelt" in answer.text:
            wrong.append(f"{method} {case}: shows a professional's note")
        if kind not in PROFESSIONALS | {"figure"} and "12345678" in answer.text:
            wrong.append(f"{method} {case}: shows a telephone number")
    assert wrong == []


def _guarded(room: Room) -> Room:
    secret = room.client.get_cookie(f"sf-l-{room.launch_id}")
    assert secret is not None
    room._guard = {"csrf_token": csrf_token(secret.value, room.launch_id), "patient": "noor"}  # type: ignore[attr-defined]
    return room


def _tomorrow(room: Room) -> None:
    room.app.config["CLOCK"] = lambda: NOW + timedelta(days=1)


def _turns(age: int) -> Any:
    """A child whose birthday is the day after the tests' day."""
    day = (NOW + timedelta(days=1)).date()
    return replace(CHILD, birth_date=PartialDate(day.year - age, day.month, day.day))


def _note(room: Room) -> str:
    draft = room.begin("figure/sam/change/note")
    room.post(f"{draft}/note", {"note_text": "Ik vind dit niet goed."})
    return draft


def test_a_parent_who_wrote_before_the_sixteenth_birthday_cannot_save_after_it() -> None:
    room = _guarded(open_room(MOTHER, child=_turns(16)))
    draft = _note(room)
    _tomorrow(room)
    text = room.post(f"{draft}/check", status=403).text_content()
    assert "Er is niets opgeslagen" in text
    assert "Tante Sam" not in text
    assert room.ehr.all("Provenance") == []
    assert "Vanaf 16 jaar beslist de jongere" in room.get().text_content()


def test_a_parent_whose_authority_ended_meanwhile_cannot_save_or_see_any_more() -> None:
    room = _guarded(open_room(MOTHER))
    draft = _note(room)
    (mother,) = (one for one in room.ehr.all("RelatedPerson") if one["id"] == "moeder")
    kept = [one for one in mother["relationship"] if one["coding"][0]["system"] == V3_ROLE_CODE]
    room.ehr.add({**mother, "relationship": kept})
    text = room.post(f"{draft}/check", status=403).text_content()
    assert "Er is niets opgeslagen" in text
    assert room.ehr.all("Provenance") == []
    assert "Tante Sam" not in room.get().text_content()
    room.get("figure/sam", status=404)


def test_a_youth_sees_the_own_network_from_the_twelfth_birthday_on() -> None:
    room = open_room(YOUTH, child=_turns(12))
    assert "Tante Sam" not in room.get().text_content()
    _tomorrow(room)
    assert "Tante Sam" in room.get().text_content()


def test_a_figure_who_left_the_network_meanwhile_sees_nothing_on_the_next_click() -> None:
    room = open_room(AUNT)
    assert "Samira" in room.get().text_content()
    (aunt,) = (one for one in room.ehr.all("RelatedPerson") if one["id"] == "sam")
    room.ehr.add({**aunt, "active": False})
    room.get("figure/sam", status=404)
    assert "Samira el Amrani" not in room.get().find(".//main").text_content()


@pytest.mark.parametrize(
    ("age", "signers"),
    [
        (12, ["RelatedPerson/moeder", "RelatedPerson/vader"]),
        (16, ["Patient/noor", "RelatedPerson/moeder", "RelatedPerson/vader"]),
    ],
)
def test_a_consent_that_was_whole_yesterday_is_judged_by_the_age_of_the_moment_it_is_saved(
    age: int, signers: list[str]
) -> None:
    """Whoever must sign from that birthday on is still missing, or signed too: no old rule permits anything."""
    room = _guarded(open_room(child=_turns(age)))
    draft = room.begin("figure/sam/change/consent")
    room.post(f"{draft}/consent", SIGNED | {"share_signers": signers})
    _tomorrow(room)
    answer = room.client.post(room.url(f"{draft}/check"), data=room._guard, follow_redirects=True)  # type: ignore[attr-defined]
    assert answer.status_code in (200, 422)
    text = room.get("figure/sam").text_content()
    assert ("Mag nog niets weten" in text) == ("Patient/noor" not in signers)
