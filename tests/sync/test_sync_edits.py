"""What a plan says of edits in the EHR: only what was agreed with the list, and somebody changed since."""

from __future__ import annotations

from typing import Any

from sync_desk import Desk, row

from fhir_plugin.sync.deciding.decided import ElementChange


def edits(desk: Desk, rows: list[dict[str, str]]) -> list[ElementChange]:
    return [edit for client in desk.plan(rows).clients() for figure in client.plan.figures for edit in figure.edits]


def with_text(desk: Desk) -> dict[str, Any]:
    """The figure with its name written out, as an EHR derives it."""
    (figure,) = desk.figures()
    (name, *others) = figure["name"]
    return {**figure, "name": [{**name, "text": "Samira Amrani"}, *others]}


def test_a_name_the_ehr_writes_out_is_nobodys_edit(desk: Desk) -> None:
    desk.sync([row()])
    desk.ehr.add(with_text(desk))
    assert edits(desk, [row()]) == []


def test_what_the_list_never_spoke_of_is_no_edit_of_what_was_agreed(desk: Desk) -> None:
    desk.sync([row()])
    desk.edit(desk.figures()[0], birthDate="1980-01-01")
    assert edits(desk, [row()]) == []


def test_linking_somebody_the_ehr_knew_with_more_is_no_edit(desk: Desk) -> None:
    desk.sync([row()])
    desk.ehr.add({**with_text(desk), "birthDate": "1980-01-01", "gender": "female"})
    desk.source = "other"
    desk.sync([row()])
    assert edits(desk, [row(Opmerking="nieuw")]) == []


def test_a_name_somebody_changed_is_an_edit_of_its_parts(desk: Desk) -> None:
    desk.sync([row()])
    figure = desk.figures()[0]
    desk.edit(figure, name=[{**figure["name"][0], "family": "Yilmaz", "text": "Samira Yilmaz", "_family": None}])
    found = edits(desk, [row()])
    assert [(edit.element, edit.before, edit.after) for edit in found] == [("name.own_name", "Amrani", "Yilmaz")]


def test_a_date_of_birth_the_list_gave_and_somebody_took_out_is_an_edit(desk: Desk) -> None:
    listed = row(Geboortedatum="01-01-1980")
    desk.sync([listed])
    desk.edit({key: value for key, value in desk.figures()[0].items() if key != "birthDate"})
    assert [(edit.before, edit.after) for edit in edits(desk, [listed])] == [("1980-01-01", "—")]


def led_to_a_difference(desk: Desk) -> list[dict[str, str]]:
    """A question whose answer was applied, and leads to a difference in a date of birth."""
    name = [{"use": "official", "given": ["Samira"], "family": "Amrani"}]
    known = {"resourceType": "RelatedPerson", "id": "c1", "patient": {"reference": "Patient/p1001"}, "name": name}
    desk.ehr.add({**known, "birthDate": "1980-01-01"})
    listed = row(Mobiel="", Geboortedatum="02-02-1982")
    desk.plan([listed])
    assert [step.state for step in desk.apply()] == ["waits"]
    desk.answer("RelatedPerson/c1")
    assert [(step.state, step.code) for step in desk.apply()] == [("done", "sync-asks-more")]
    return [listed]


def test_an_answer_that_leads_to_a_difference_says_that_more_is_asked(desk: Desk) -> None:
    rows = led_to_a_difference(desk)
    assert desk.plan(rows).totals["conflict"] == 1


def test_applying_the_same_plan_again_then_says_what_still_waits_and_not_that_the_record_changed(desk: Desk) -> None:
    led_to_a_difference(desk)
    before = desk.writes()
    assert [(step.state, step.code) for step in desk.apply()] == [("waits", "sync-asks-more")]
    assert desk.writes() == before
