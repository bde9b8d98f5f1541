"""A run from list to record: what is written, what is left alone, and that a second run writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import requests
from sync_desk import CONSENT, Desk, row

from fhir_plugin.ehr.memory import Behaviour
from fhir_plugin.errors import EhrUnreachable, StoreError
from fhir_plugin.model.terms import FIGURE_IDENTIFIER
from fhir_plugin.sync.plans.planfile import PlanReader


def test_a_new_figure_is_added_to_the_record_of_its_client(desk: Desk) -> None:
    steps = desk.sync([row()])
    (figure,) = desk.figures()
    assert [step.state for step in steps] == ["done"]
    assert figure["active"] is True
    assert any(item["system"] == FIGURE_IDENTIFIER for item in figure["identifier"])
    assert {item["value"] for item in figure["telecom"]} == {"+31612345601"}
    assert len(desk.ehr.all("Provenance")) == 1


def test_a_second_run_writes_nothing(desk: Desk) -> None:
    rows = [row(), row(key="F2", Voornaam="Henk", Achternaam="Vries", Mobiel=""), row(1002, "F3", **CONSENT)]
    desk.sync(rows)
    before = desk.writes()
    plan = desk.plan(rows)
    assert plan.totals["clients-written"] == 0
    assert {step.state for step in desk.apply()} <= {"same"}
    assert desk.writes() == before


def test_a_run_in_which_nothing_changed_decides_nothing_and_sees_a_later_edit(desk: Desk) -> None:
    rows = [row(**CONSENT)]
    desk.sync(rows)
    plan = desk.plan(rows)
    assert (plan.totals["clients"], plan.totals["none"], list(plan.clients())) == (1, 1, [])
    desk.edit(desk.figures()[0], birthDate="1980-01-01")
    assert len(list(desk.plan(rows).clients())) == 1
    assert len(list(desk.plan([row(Mobiel="06-12345677", **CONSENT)]).clients())) == 1


def test_a_second_run_without_its_journal_writes_nothing_either(desk: Desk) -> None:
    rows = [row(**CONSENT), row(1002, "F3", **CONSENT)]
    desk.sync(rows)
    before = desk.writes()
    (desk.folder / "journal.sqlite").unlink()
    desk.sync(rows)
    assert desk.writes() == before


def test_planning_writes_nothing_to_the_ehr(desk: Desk) -> None:
    before = desk.writes()
    desk.plan([row(**CONSENT)])
    assert desk.writes() == before


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    before = desk.writes()
    desk.plan([row()])
    assert [step.state for step in desk.apply(dry_run=True)] == ["would"]
    assert desk.writes() == before


def test_only_and_limit_narrow_a_plan(desk: Desk) -> None:
    rows = [row(1001, "F1"), row(1002, "F2"), row(1003, "F3")]
    assert desk.plan(rows, only="p1002").totals["clients"] == 1
    assert desk.plan(rows, limit=2).totals["clients"] == 2


def test_a_change_in_the_source_changes_that_element_alone(desk: Desk) -> None:
    desk.sync([row()])
    before = desk.figures()[0]
    desk.sync([row(Mobiel="06-12345677")])
    after = desk.figures()[0]
    assert [item["value"] for item in after["telecom"]] == ["+31612345677"]
    assert {name for name in after if after[name] != before.get(name)} == {"telecom", "meta"}


def test_elements_and_extensions_of_others_survive_an_update(desk: Desk) -> None:
    desk.sync([row()])
    foreign = {"url": "https://ander.example.nl/ext", "valueString": "van een ander"}
    figure = desk.figures()[0]
    desk.edit(figure, extension=[*figure["extension"], foreign], photo=[{"url": "https://ander.example.nl/f.png"}])
    desk.sync([row(Mobiel="06-12345677")])
    after = desk.figures()[0]
    assert foreign in after["extension"]
    assert after["photo"] == [{"url": "https://ander.example.nl/f.png"}]


def test_an_edit_by_a_professional_is_never_undone_by_a_source_that_did_not_change(desk: Desk) -> None:
    desk.sync([row()])
    figure = desk.figures()[0]
    desk.edit(figure, telecom=[{"system": "phone", "value": "+31201234567"}], birthDate="1980-01-01")
    desk.sync([row()])
    after = desk.figures()[0]
    assert after["telecom"] == [{"system": "phone", "value": "+31201234567"}]
    assert after["birthDate"] == "1980-01-01"


def test_what_both_changed_is_a_conflict_and_the_ehrs_value_stays(desk: Desk) -> None:
    desk.sync([row(Geboortedatum="01-02-1980")])
    desk.edit(desk.figures()[0], birthDate="1981-02-01")
    plan = desk.plan([row(Geboortedatum="01-02-1982")])
    assert plan.totals["conflict"] == 1
    desk.apply()
    assert desk.figures()[0]["birthDate"] == "1981-02-01"
    assert desk.plan([row(Geboortedatum="01-02-1982")]).totals["conflict"] == 1


@pytest.mark.parametrize(("answer", "value"), [("source", "1982-02-01"), ("ehr", "1981-02-01")])
def test_a_conflict_is_settled_by_an_answer_in_the_plan(desk: Desk, answer: str, value: str) -> None:
    desk.sync([row(Geboortedatum="01-02-1980")])
    desk.edit(desk.figures()[0], birthDate="1981-02-01")
    rows = [row(Geboortedatum="01-02-1982")]
    desk.plan(rows)
    body = json.loads(desk.plan_path.read_text(encoding="utf-8"))
    body["clients"][0]["figures"][0]["conflicts"][0]["answer"] = answer
    desk.plan_path.write_text(json.dumps(body, indent=2), encoding="utf-8")
    desk.apply()
    assert desk.figures()[0]["birthDate"] == value
    assert "conflict" not in desk.plan(rows).totals


def test_a_record_that_changed_since_the_plan_is_not_written(desk: Desk) -> None:
    desk.sync([row(Geboortedatum="01-02-1980")])
    desk.plan([row(Geboortedatum="01-02-1982")])
    desk.edit(desk.figures()[0], birthDate="1979-01-01")
    (step,) = desk.apply()
    assert step.state == "changed"
    assert desk.figures()[0]["birthDate"] == "1979-01-01"


def test_an_edit_of_something_else_since_the_plan_is_no_hindrance(desk: Desk) -> None:
    desk.sync([row()])
    desk.plan([row(Mobiel="06-12345677")])
    desk.edit(desk.figures()[0], language="nl")
    (step,) = desk.apply()
    assert step.state == "done"
    assert desk.figures()[0]["language"] == "nl"


def test_applying_a_plan_twice_writes_once(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    before = desk.writes()
    assert [step.state for step in desk.apply()] == ["same"]
    assert desk.writes() == before


def test_one_client_that_is_refused_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.plan([row(1001, "F1"), row(1002, "F2"), row(1003, "F3")])
    raced: list[str] = []

    def race(method: str, path: str) -> None:
        # somebody edits a mother's record between our read and our write: versions differ, nothing of ours does
        if method == "POST" and not path and len(desk.ehr.asked) > 1 and not raced:
            raced.append(path)

    desk.ehr.before = race
    assert [step.state for step in desk.apply()] == ["done"] * 3


def test_a_lost_answer_is_looked_up_and_not_sent_again(desk: Desk) -> None:
    desk.plan([row(**CONSENT)])
    lost: list[str] = []

    def lose(method: str, path: str) -> None:
        if not lost and len(desk.ehr.all("Provenance")) == 1:
            lost.append(path)
            raise requests.ConnectionError

    desk.ehr.after = lose
    (step,) = desk.apply()
    assert lost
    assert step.state == "done"
    assert len(desk.figures()) == 1
    assert len(desk.ehr.all("CareTeam")) == 1
    assert desk.plan([row(**CONSENT)]).totals["clients-written"] == 0


def test_an_ehr_that_stops_answering_ends_the_run_and_resume_finishes_it(desk: Desk) -> None:
    desk.plan([row(1001, "F1"), row(1002, "F2"), row(1003, "F3")])

    def down(method: str, path: str) -> None:
        if desk.ehr.all("Provenance"):
            raise requests.ConnectionError

    desk.ehr.before = down
    steps = desk.apply(group=1)
    assert sorted(step.state for step in steps) == ["done", "unknown", "unknown"] or any(
        step.state in ("failed", "unknown") for step in steps
    )
    desk.ehr.before = None
    desk.apply()
    assert [len(desk.figures(f"p{number}")) for number in (1001, 1002, 1003)] == [1, 1, 1]
    assert desk.plan([row(1001, "F1"), row(1002, "F2"), row(1003, "F3")]).totals["clients-written"] == 0


def test_an_ehr_that_is_down_from_the_start_is_an_error_of_the_tree(desk: Desk) -> None:
    def down(method: str, path: str) -> None:
        raise requests.ConnectionError

    desk.plan([row()])
    desk.ehr.before = down
    with pytest.raises(EhrUnreachable):
        desk.apply()


def test_what_an_ehr_silently_drops_is_reported(desk_with: Callable[[Behaviour], Desk]) -> None:
    desk = desk_with(Behaviour(keeps_related_participants=False))
    (step,) = desk.sync([row(**CONSENT)])
    assert (step.state, step.code) == ("done", "sync-dropped")


def test_a_place_that_an_ehr_dropped_is_told_in_every_run_and_written_once_it_keeps_it(
    desk_with: Callable[[Behaviour], Desk],
) -> None:
    behaviour = Behaviour(keeps_related_participants=False)
    desk = desk_with(behaviour)
    for _ in range(2):
        (step,) = desk.sync([row(**CONSENT)])
        assert (step.state, step.code) == ("done", "sync-dropped")
    desk.ehr.behaviour = replace(behaviour, keeps_related_participants=True)
    (step,) = desk.sync([row(**CONSENT)])
    assert (step.state, step.code) == ("done", "")
    (team,) = desk.ehr.all("CareTeam")
    assert [each["member"]["reference"].partition("/")[0] for each in team["participant"]] == ["RelatedPerson"]
    assert desk.plan([row(**CONSENT)]).totals["clients-written"] == 0
    assert len(desk.ehr.all("Consent")) == 1


def test_a_place_that_somebody_took_out_is_no_place_that_an_ehr_dropped(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    (team,) = desk.ehr.all("CareTeam")
    desk.edit({**team, "participant": []})
    assert desk.plan([row(**CONSENT)]).totals["clients-written"] == 0


def test_an_undo_writes_what_was_there_before_and_deletes_nothing(desk: Desk) -> None:
    desk.sync([row()])
    held = desk.figures()[0]
    desk.sync([row(Mobiel="06-12345677")])
    (step,) = desk.undo(desk.last_run())
    assert step.state == "undone"
    after = desk.figures()[0]
    assert after["telecom"] == held["telecom"]
    assert after["meta"]["versionId"] == "3"


def test_an_undo_of_a_first_run_leaves_nobody_with_access(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.undo(desk.last_run())
    assert [figure["active"] for figure in desk.figures()] == [False]
    assert {body["status"] for body in [*desk.ehr.all("CareTeam"), *desk.ehr.all("Consent")]} == {"entered-in-error"}


def test_an_undo_leaves_what_somebody_changed_since(desk: Desk) -> None:
    desk.sync([row()])
    desk.edit(desk.figures()[0], birthDate="1980-01-01")
    (step,) = desk.undo(desk.last_run())
    assert step.state == "changed"
    assert desk.figures()[0]["active"] is True


def test_only_one_run_uses_a_journal_at_a_time(desk: Desk) -> None:
    with desk.journal(), pytest.raises(StoreError), desk.journal():
        pass


def test_a_journal_tells_nothing_about_people_without_its_key(desk: Desk) -> None:
    desk.sync([row(Opmerking="woont om de hoek", **CONSENT)])
    raw = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.name.startswith("journal.sqlite"))
    for secret in (b"Samira", b"Amrani", b"12345601", b"om de hoek"):
        assert secret not in raw
    (desk.folder / "journal.sqlite.key").unlink()
    with pytest.raises(StoreError):
        desk.plan([row()])


def test_a_plan_names_totals_first_and_is_read_line_by_line(desk: Desk) -> None:
    desk.plan([row(1001, "F1"), row(1002, "F2")])
    lines = desk.plan_path.read_text(encoding="utf-8").splitlines()
    assert '"totals"' in lines[0]
    assert len(lines) == 5
    assert json.loads("\n".join(lines))["totals"]["add"] == 2
    assert PlanReader(desk.plan_path).totals["clients"] == 2
    assert desk.plan_path.stat().st_mode & 0o077 == 0
