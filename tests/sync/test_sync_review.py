"""Answering a plan: on the page or in the file, by whoever started it, and never by halves."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sync_desk import CONSENT, Desk, row
from werkzeug.test import TestResponse

from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.sync.plans.answering import count_open, waiting, write_answers
from fhir_plugin.sync.plans.planfile import PlanReader
from fhir_plugin.sync.plans.rendering import plan_lines
from smart_app.review.app import create_review_app

KNOWN = {
    "resourceType": "RelatedPerson",
    "id": "c1",
    "patient": {"reference": "Patient/p1001"},
    "name": [{"use": "official", "given": ["Samira"], "family": "Amrani"}],
    "gender": "female",
}
QUESTION = "answer lijst.csv:2"


@pytest.fixture
def asking(desk: Desk) -> Desk:
    """A plan with one question."""
    desk.ehr.add(KNOWN)
    desk.plan([row(Mobiel="", Geboortedatum="01-02-1980")])
    return desk


class Page:
    """A browser that was given the address in the terminal."""

    def __init__(self, plan: Path, token: str = "once") -> None:
        self.http = create_review_app(plan, token).test_client()
        self.opened = self.http.get(f"/open/{token}", base_url="http://127.0.0.1:5000")

    def get(self, path: str = "/?lang=en", **more: Any) -> TestResponse:
        return self.http.get(path, base_url="http://127.0.0.1:5000", **more)

    def save(self, answers: dict[str, str], **hidden: str) -> TestResponse:
        shown = self.get().get_data(as_text=True)
        found = {name: re.search(f'name="{name}" value="([^"]+)"', shown) for name in ("form", "digest")}
        held = {name: match[1] for name, match in found.items() if match}
        return self.http.post("/?lang=en", data={**held, **hidden, **answers}, base_url="http://127.0.0.1:5000")


def test_both_persons_and_what_follows_stand_side_by_side(asking: Desk) -> None:
    shown = Page(asking.plan_path).get().get_data(as_text=True)
    for text in (
        "Who is Samira Amrani?",
        "In the list",
        "In the record",
        "birth date: — → 1 February 1980",
        "Somebody else",
    ):
        assert text in shown, text


def test_a_question_says_that_the_answer_records_a_consent_too(desk: Desk) -> None:
    desk.ehr.add(KNOWN)
    desk.plan([row(Mobiel="", Geboortedatum="01-02-1980", **CONSENT)])
    assert "<li>record consent</li>" in Page(desk.plan_path).get().get_data(as_text=True)
    [planned] = PlanReader(desk.plan_path).clients()
    shown = "\n".join(plan_lines([planned.plan], "nl"))
    assert "          toestemming vastleggen" in shown.splitlines()


def test_an_answer_goes_into_the_plan_and_is_applied(asking: Desk) -> None:
    saved = Page(asking.plan_path).save({QUESTION: "RelatedPerson/c1"})
    assert saved.status_code == 303
    assert not count_open(waiting(planned.plan for planned in PlanReader(asking.plan_path).clients()))
    assert asking.apply()[0].state == "done"
    [figure] = asking.figures()
    assert (figure["id"], figure["birthDate"]) == ("c1", "1980-02-01")


def test_a_conflict_is_answered_for_the_record_or_for_the_list(desk: Desk) -> None:
    desk.sync([row(Geboortedatum="01-02-1980")])
    [figure] = desk.figures()
    desk.edit({**figure, "birthDate": "1980-02-03"})
    desk.plan([row(Geboortedatum="01-02-1981")])
    page = Page(desk.plan_path)
    assert "3 February 1980" in page.get().get_data(as_text=True)
    assert "3 februari 1980" in page.get("/?lang=nl").get_data(as_text=True)
    page.save({"answer lijst.csv:2|birth_date": "source"})
    desk.apply()
    assert desk.figures()[0]["birthDate"] == "1981-02-01"


def test_what_an_answer_leads_to_is_answered_on_the_same_page_and_one_round_suffices(desk: Desk) -> None:
    desk.ehr.add({**KNOWN, "birthDate": "1980-01-01"})
    listed = row(Mobiel="", Geboortedatum="02-02-1982")
    desk.plan([listed])
    page = Page(desk.plan_path)
    assert "Only if this is the same person as RelatedPerson/c1." in page.get().get_data(as_text=True)
    assert count_open(waiting(planned.plan for planned in PlanReader(desk.plan_path).clients())).conflicts == 0
    page.save({QUESTION: "RelatedPerson/c1"})
    assert count_open(waiting(planned.plan for planned in PlanReader(desk.plan_path).clients())).conflicts == 1
    page.save({f"{QUESTION}|RelatedPerson/c1|birth_date": "source"})
    assert [(step.state, step.code) for step in desk.apply()] == [("done", "")]
    assert desk.figures()[0]["birthDate"] == "1982-02-02"
    assert [step.state for step in desk.sync([listed])] == ["same"]


@pytest.mark.parametrize(("answer", "state"), [("source", "changed"), ("ehr", "same")])
def test_a_value_that_was_edited_since_it_was_answered_beforehand_is_not_written_over(
    desk: Desk, answer: str, state: str
) -> None:
    replace(desk, source="school").sync([row(Mandaat="formeel", Mobiel="06-12345699")])
    (figure,) = desk.figures()
    desk.plan([row(Mandaat="informeel", Mobiel="")])
    target = f"RelatedPerson/{figure['id']}"
    Page(desk.plan_path).save({QUESTION: target, f"{QUESTION}|{target}|mandate": answer})
    edited = json.loads(json.dumps(figure).replace('"formal"', '"other"'))
    assert edited != figure
    desk.edit(edited)
    assert [step.state for step in desk.apply()] == [state]
    assert desk.figures()[0]["extension"] == edited["extension"]


def test_a_form_that_was_tampered_with_is_refused(asking: Desk) -> None:
    assert Page(asking.plan_path).save({QUESTION: "RelatedPerson/other"}).status_code == 400


def test_an_answer_can_be_taken_back(asking: Desk) -> None:
    page = Page(asking.plan_path)
    page.save({QUESTION: "new"})
    page.save({QUESTION: ""})
    assert count_open(waiting(planned.plan for planned in PlanReader(asking.plan_path).clients())).questions == 1


def test_a_plan_that_changed_meanwhile_is_not_overwritten_and_the_answers_are_still_there(asking: Desk) -> None:
    page = Page(asking.plan_path)
    shown = page.save({QUESTION: "new"}, digest="of an earlier file")
    assert shown.status_code == 409
    assert re.search(r'value="new" id="[^"]+" checked', shown.get_data(as_text=True))
    assert '"answer": ""' in asking.plan_path.read_text(encoding="utf-8")


def test_nobody_else_can_open_or_answer(asking: Desk) -> None:
    page = Page(asking.plan_path)
    stranger = create_review_app(asking.plan_path, "once").test_client()
    assert stranger.get("/", base_url="http://127.0.0.1:5000").status_code == 403
    assert stranger.get("/open/guess", base_url="http://127.0.0.1:5000").status_code == 403
    assert page.get("/open/once").status_code == 403
    assert page.http.get("/", base_url="http://evil.example").status_code == 403
    assert page.save({QUESTION: "new"}, form="made elsewhere").status_code == 403
    assert '"answer": ""' in asking.plan_path.read_text(encoding="utf-8")


def test_a_secret_that_is_no_ascii_is_a_wrong_one_and_no_fault(asking: Desk) -> None:
    client = create_review_app(asking.plan_path, "once").test_client()
    assert client.get("/open/één", base_url="http://127.0.0.1").status_code == 403
    client.set_cookie("steunfiguren-review", "één", domain="127.0.0.1")
    assert client.get("/", base_url="http://127.0.0.1").status_code == 403


def test_the_pages_are_kept_by_no_cache_and_shown_in_no_frame(asking: Desk) -> None:
    headers = Page(asking.plan_path).get().headers
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_the_file_stays_the_owners_alone_and_everything_else_in_it_as_it_was(asking: Desk) -> None:
    before = asking.plan_path.read_text(encoding="utf-8")
    Page(asking.plan_path).save({QUESTION: "new"})
    after = asking.plan_path.read_text(encoding="utf-8")
    assert after.replace('"answer": "new"', '"answer": ""') == before
    assert asking.plan_path.stat().st_mode & 0o077 == 0


def test_a_plan_that_an_editor_laid_out_anew_takes_answers_too(asking: Desk) -> None:
    body = json.loads(asking.plan_path.read_text(encoding="utf-8"))
    asking.plan_path.write_text(json.dumps(body, indent=2), encoding="utf-8")
    Page(asking.plan_path).save({QUESTION: "new"})
    assert asking.apply()[0].state == "done"


def test_an_answer_that_means_nothing_changes_nothing(asking: Desk) -> None:
    before = asking.plan_path.read_bytes()
    with pytest.raises(InputError):
        write_answers(asking.plan_path, PlanReader(asking.plan_path).digest, {"lijst.csv:2": "RelatedPerson/other"})
    with pytest.raises(UsageError):
        write_answers(asking.plan_path, "another", {"lijst.csv:2": "new"})
    assert asking.plan_path.read_bytes() == before
    assert [path.name for path in asking.folder.iterdir() if path.name.startswith(".plan")] == []


def test_many_clients_come_in_pages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smart_app.review.app.PER_PAGE", 1)
    for number in (1001, 1002):
        desk.ehr.add({**KNOWN, "id": f"c{number}", "patient": {"reference": f"Patient/p{number}"}})
    desk.plan([row(1001, Mobiel=""), row(1002, "F2", Mobiel="")])
    page = Page(desk.plan_path)
    first, second = (page.get(f"/?lang=nl&page={number}").get_data(as_text=True) for number in (1, 2))
    assert ("Patient/p1001" in first, "Patient/p1002" in first) == (True, False)
    assert ("Patient/p1001" in second, "Patient/p1002" in second) == (False, True)
    assert page.get("/?page=99").status_code == 200
