"""Making a plan a second time: nothing a person did in between is lost, and mended rows stay rows of their source."""

from __future__ import annotations

import errno
import json
import stat
from typing import Any

import pytest
from sync_desk import CLIENT_SYSTEM, CONSENT, Desk, as_csv, row
from test_sync_command import Command, command, plan

from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.sync.plans.carrying import EarlierAnswers
from fhir_plugin.sync.sources.fhir_source import FhirSource

__all__ = ["command"]

_KNOWN = {"resourceType": "RelatedPerson", "id": "c1", "patient": {"reference": "Patient/p1001"}}
_NAMED = {**_KNOWN, "name": [{"use": "official", "given": ["Samira"], "family": "Amrani"}]}


def body(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((desk.folder / "sync-plan.json").read_text(encoding="utf-8"))
    return found


def answer(desk: Desk, given: str) -> None:
    """Fill in the one question of the plan, as a person does in an editor."""
    held = body(desk)
    held["clients"][0]["figures"][0]["answer"] = given
    (desk.folder / "sync-plan.json").write_text(json.dumps(held), encoding="utf-8")


def test_an_answer_to_the_same_question_stands_in_the_new_plan(command: Command, desk: Desk) -> None:
    desk.ehr.add(_NAMED)
    plan(command, desk, [row(Mobiel="")])
    answer(desk, "RelatedPerson/c1")
    again = plan(command, desk, [row(Mobiel="")])
    assert "1 eerder gegeven antwoord is overgenomen" in again.output
    assert body(desk)["clients"][0]["figures"][0]["answer"] == "RelatedPerson/c1"
    assert not list(desk.folder.glob("*.kept-*"))


def test_an_answer_whose_question_changed_is_not_carried_and_the_plan_is_kept(command: Command, desk: Desk) -> None:
    desk.ehr.add(_NAMED)
    plan(command, desk, [row(Mobiel="")])
    answer(desk, "RelatedPerson/c1")
    before = (desk.folder / "sync-plan.json").read_bytes()
    again = plan(command, desk, [row(Mobiel="", Geboortedatum="01-02-1980")])
    assert "sync-plan.kept-1.json" in again.output
    assert body(desk)["clients"][0]["figures"][0]["answer"] == ""
    kept = desk.folder / "sync-plan.kept-1.json"
    assert kept.read_bytes() == before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_an_answer_is_not_carried_onto_somebody_who_was_edited_since(command: Command, desk: Desk) -> None:
    desk.ehr.add(_NAMED)
    plan(command, desk, [row(Mobiel="")])
    answer(desk, "RelatedPerson/c1")
    desk.edit(_NAMED, birthDate="1950-01-01")
    plan(command, desk, [row(Mobiel="")])
    assert body(desk)["clients"][0]["figures"][0].get("answer", "") == ""


@pytest.mark.parametrize(("born", "carried"), [("1980-02-03", 1), ("1990-02-03", 0)])
def test_an_answer_to_a_conflict_is_not_carried_over_a_later_edit(desk: Desk, born: str, carried: int) -> None:
    desk.sync([row()])
    desk.edit(desk.figures()[0], birthDate="1980-02-03")
    desk.plan([row(Geboortedatum="01-02-1981")])
    held = json.loads(desk.plan_path.read_text(encoding="utf-8"))
    (conflict,) = held["clients"][0]["figures"][0]["conflicts"]
    conflict["answer"] = "source"
    desk.plan_path.write_text(json.dumps(held), encoding="utf-8")
    earlier = EarlierAnswers.of(desk.plan_path, ehr=desk.client.base_url, source="jim")
    desk.edit(desk.figures()[0], birthDate=born)
    for planned in desk.plan([row(Geboortedatum="01-02-1981")]).clients():
        earlier.onto(planned)
    assert earlier.carried == carried


def test_an_answer_to_a_conflict_is_not_carried_onto_another_person_the_same_row_means_now(desk: Desk) -> None:
    listed = [row(Geboortedatum="01-02-1981")]
    desk.sync([row()])
    desk.edit(desk.figures()[0], birthDate="1980-02-03")
    desk.plan(listed)
    held = json.loads(desk.plan_path.read_text(encoding="utf-8"))
    held["clients"][0]["figures"][0]["conflicts"][0]["answer"] = "source"
    desk.plan_path.write_text(json.dumps(held), encoding="utf-8")
    earlier = EarlierAnswers.of(desk.plan_path, ehr=desk.client.base_url, source="jim")
    (first,) = desk.figures()
    desk.edit(first, id="other")  # somebody merged two records of her: another one holds her number now
    desk.edit(first, identifier=[], active=False, patient={"reference": "Patient/p1002"})
    (planned,) = desk.plan(listed).clients()
    assert [(figure.target, len(figure.conflicts)) for figure in planned.plan.figures] == [("RelatedPerson/other", 1)]
    earlier.onto(planned)
    assert earlier.carried == 0


def test_answers_of_another_source_are_kept_and_never_carried(command: Command, desk: Desk) -> None:
    desk.ehr.add(_NAMED)
    plan(command, desk, [row(Mobiel="")])
    answer(desk, "RelatedPerson/c1")
    (desk.folder / "ander.csv").write_text(as_csv([row(Mobiel="")]), encoding="utf-8")
    arguments = ("--fhir", desk.client.base_url, "--client-system", CLIENT_SYSTEM, "-q")
    again = command("plan", "ander.csv", *arguments)
    assert "sync-plan.kept-1.json" in again.output
    assert body(desk)["clients"][0]["figures"][0]["answer"] == ""


def test_a_plan_whose_answers_were_applied_is_not_kept(command: Command, desk: Desk) -> None:
    desk.ehr.add(_NAMED)
    plan(command, desk, [row(Mobiel="")])
    answer(desk, "RelatedPerson/c1")
    assert command("apply", "sync-plan.json", "-q").exit_code == 0
    plan(command, desk, [row(Mobiel="")])
    assert not list(desk.folder.glob("*.kept-*"))


def test_a_file_that_is_no_plan_is_not_overwritten(command: Command, desk: Desk) -> None:
    (desk.folder / "sync-plan.json").write_text("mijn aantekeningen", encoding="utf-8")
    result = plan(command, desk, [row()])
    assert result.exit_code != 0
    assert (desk.folder / "sync-plan.json").read_text(encoding="utf-8") == "mijn aantekeningen"


def test_a_plan_that_was_cut_off_is_not_overwritten_either(command: Command, desk: Desk) -> None:
    desk.ehr.add(_NAMED)
    plan(command, desk, [row(Mobiel="")])
    path = desk.folder / "sync-plan.json"
    cut = path.read_bytes()[:-40]
    path.write_bytes(cut)
    again = plan(command, desk, [row(Mobiel="")])
    assert isinstance(again.exception, UsageError)
    assert again.exception.code == "sync-plan-in-the-way"
    assert path.read_bytes() == cut


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "steunfiguren-sync-plan/0"}, "sync-plan-version"),
        ({"format": "another"}, "sync-no-plan"),
        ({"clients": {}}, "sync-no-plan"),
        ({"totals": None}, "sync-no-plan"),
    ],
)
def test_a_plan_that_was_spoilt_or_is_of_another_version_is_not_applied(
    command: Command, desk: Desk, changes: dict[str, Any], code: str
) -> None:
    plan(command, desk, [row()])
    (desk.folder / "sync-plan.json").write_text(json.dumps({**body(desk), **changes}), encoding="utf-8")
    result = command("apply", "sync-plan.json", "-q")
    assert isinstance(result.exception, InputError)
    assert result.exception.code == code
    assert not desk.figures()


def test_a_full_disk_leaves_the_plan_that_was_there(
    command: Command, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    plan(command, desk, [row()])
    path = desk.folder / "sync-plan.json"
    before, beside = path.read_bytes(), set(desk.folder.iterdir())
    monkeypatch.setattr("fhir_plugin.sync.plans.planfile.shutil.copyfileobj", full)
    again = plan(command, desk, [row(), row(key="F2", Achternaam="Vos")])
    assert isinstance(again.exception, OSError)
    assert path.read_bytes() == before
    assert set(desk.folder.iterdir()) == beside


def test_who_is_passed_over_is_counted_apart(command: Command, desk: Desk) -> None:
    plan(command, desk, [row(**CONSENT), row(1002, "F2")])
    command("apply", "sync-plan.json", "-q")
    again = plan(command, desk, [row(**CONSENT), row(1002, "F2", Achternaam="Bos")])
    assert "1  ongewijzigd sinds de vorige run: overgeslagen" in again.output


def test_mended_rows_stay_rows_of_the_source_they_were_refused_from(command: Command, desk: Desk) -> None:
    plan(command, desk, [row(), row(key="F2", Mobiel="06-1")])
    command("apply", "sync-plan.json", "-q")
    report = desk.folder / "sync-plan.rows.csv"
    report.write_text(report.read_text(encoding="utf-8-sig").replace("06-1", "06-12345679"), encoding="utf-8")
    arguments = ("--fhir", desk.client.base_url, "--client-system", CLIENT_SYSTEM, "-q")
    mended = command("plan", "sync-plan.rows.csv", *arguments)
    assert "bron ‘lijst’" in mended.output
    command("apply", "sync-plan.json", "-q")
    assert "bron ‘lijst’" in command("status", "sync-plan.json").output
    assert command("undo", "1", "sync-plan.json", "-q").exit_code == 0


def test_a_run_of_another_source_is_not_undone_and_the_source_is_named(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    result = command("undo", "7", "sync-plan.json", "-q")
    assert result.exit_code != 0
    assert "no run 7 of source 'lijst'" in str(result.exception)


def test_a_server_is_never_planned_onto_itself(command: Command, desk: Desk) -> None:
    result = command("plan", desk.client.base_url, "--fhir", f"{desk.client.base_url}/", "--client-system", "urn:x")
    assert "same server" in str(result.exception)


def test_a_mapping_file_that_was_written_is_named(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    assert "--columns jim.toml" in command("init", "lijst.csv", "-o", "jim.toml").output


def test_two_servers_on_one_host_are_two_sources() -> None:
    names = {
        FhirSource(base_url=f"https://jim.example.nl{rest}", client_system="").name for rest in ("/a", "/b", ":8/a")
    }
    assert len(names) == 3
