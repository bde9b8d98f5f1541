"""The command as an integrator uses it: what it says, what it writes, and its exit codes."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import lxml.html
import pytest
from click.testing import CliRunner, Result
from sync_desk import CLIENT_SYSTEM, CONSENT, Desk, as_csv, row

from fhir_plugin.cli.sync import sync_command
from fhir_plugin.cli.sync_options import Connection
from fhir_plugin.ehr import FhirClient
from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.sync.journals.opening import open_journal
from fhir_plugin.sync.plans.planfile import PlanReader, PlanWriter
from fhir_plugin.sync.plans.unlisted import Unlisted
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.texts import words

Command = Callable[..., Result]


@pytest.fixture
def command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Command:
    def client(_self: Connection, _base_url: str) -> FhirClient:
        return desk.client

    monkeypatch.setattr(Connection, "client", client)
    monkeypatch.chdir(desk.folder)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(sync_command, [*arguments])

    return run


def plan(command: Command, desk: Desk, rows: list[dict[str, str]]) -> Result:
    (desk.folder / "lijst.csv").write_text(as_csv(rows), encoding="utf-8")
    return command("plan", "lijst.csv", "--fhir", desk.client.base_url, "--client-system", CLIENT_SYSTEM, "-q")


def test_plan_apply_status_and_undo_say_what_they_did(command: Command, desk: Desk) -> None:
    planned = plan(command, desk, [row(**CONSENT)])
    assert planned.exit_code == 0, planned.output
    assert "1  steunfiguur erbij" in planned.output
    applied = command("apply", "sync-plan.json", "--report", "run.html", "-q")
    assert applied.exit_code == 0, applied.output
    assert "geschreven" in applied.output
    page = lxml.html.fromstring((desk.folder / "run.html").read_bytes())
    told = {row[0].text_content(): row[1].text_content() for row in page.iter("tr")}
    assert (told["Bron"], told["EPD"], told["Plan"]) == ("lijst", desk.client.base_url, "sync-plan.json")
    assert told["geschreven"] == "1"
    assert re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d", told["Begonnen"])
    assert stat.S_IMODE((desk.folder / "run.html").stat().st_mode) == 0o600
    status = command("status", "sync-plan.json")
    assert (status.exit_code, "geschreven" in status.output) == (0, True)
    undone = command("undo", "1", "sync-plan.json", "-q")
    assert (undone.exit_code, "teruggedraaid" in undone.output) == (0, True)
    assert [figure["active"] for figure in desk.figures()] == [False]
    assert "Run 1 was al teruggedraaid" in command("undo", "1", "sync-plan.json", "-q").output


def test_a_trial_is_no_run(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    trial = command("apply", "sync-plan.json", "--dry-run", "-q").output
    assert "Proef, er is niets geschreven" in trial
    assert "zou worden geschreven" in trial
    assert not desk.figures()


def test_a_refused_row_is_shown_and_reported_with_exit_code_one(command: Command, desk: Desk) -> None:
    result = plan(command, desk, [row(), row(key="F2", Mobiel="06-1")])
    assert result.exit_code == 1
    assert "lijst.csv:3, Mobiel: Dit is geen bestaand telefoonnummer." in result.output
    assert (desk.folder / "sync-plan.rows.csv").exists()


def test_rows_refused_for_one_reason_are_told_together(command: Command, desk: Desk) -> None:
    wrong = [row(key=f"F{number}", Mobiel="06-1", Soort="tovenaar" if number < 2 else "JIM") for number in range(30)]
    output = plan(command, desk, wrong).output
    assert output.count("Dit is geen bestaand telefoonnummer.") == 1
    assert "ook op regel 3, 4, 5, 6, 7, 8, 9, 10, en 21 keer meer" in output
    assert "lijst.csv:2, Soort: Dit woord kennen we hier niet." in output
    assert "ook op regel 3\n" in output
    assert "30 rijen geweigerd" in output


def test_a_list_without_rows_is_called_so(command: Command, desk: Desk) -> None:
    assert "De lijst heeft geen rijen." in plan(command, desk, []).output


def test_init_proposes_a_mapping_that_plan_accepts(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    assert command("init", "lijst.csv", "-o", "jim.toml").exit_code == 0
    text = (desk.folder / "jim.toml").read_text(encoding="utf-8")
    (desk.folder / "jim.toml").write_text(text.replace('system = ""', f'system = "{CLIENT_SYSTEM}"', 1), "utf-8")
    result = command("plan", "lijst.csv", "--fhir", desk.client.base_url, "--columns", "jim.toml", "-q")
    assert result.exit_code == 0, result.output
    assert command("init", "lijst.csv", "-o", "jim.toml").exit_code != 0


def test_apply_says_what_nobody_answered_with_exit_code_one(command: Command, desk: Desk) -> None:
    known = {"resourceType": "RelatedPerson", "id": "c1", "patient": {"reference": "Patient/p1001"}}
    desk.ehr.add({**known, "name": [{"use": "official", "given": ["Samira"], "family": "Amrani"}]})
    plan(command, desk, [row(Mobiel="")])
    result = command("apply", "sync-plan.json", "-q", "--lang", "en", "--report", "run.json")
    assert result.exit_code == 1
    assert "Still without an answer (questions: 1, conflicts: 0)" in result.output
    body = json.loads((desk.folder / "run.json").read_text(encoding="utf-8"))
    assert body["unanswered"] == {"questions": 1, "conflicts": 0}


def test_a_report_for_programs_names_clients_that_need_a_person(command: Command, desk: Desk) -> None:
    desk.sync([row(Geboortedatum="01-02-1980")])
    plan(command, desk, [row(1002, "F2")])
    desk.ehr.store["Patient"].pop("p1002")
    result = command("apply", "sync-plan.json", "--report", "run.json", "-q")
    assert result.exit_code == 1
    body = json.loads((desk.folder / "run.json").read_text(encoding="utf-8"))
    assert (body["source"], body["plan"]) == ("lijst", "sync-plan.json")
    assert body["attention"] == [{"client": "Patient/p1002", "state": "changed", "code": "sync-changed"}]


def test_a_report_on_paper_says_what_needs_a_person_and_what_it_was_of(command: Command, desk: Desk) -> None:
    plan(command, desk, [row(1002, "F2")])
    desk.ehr.store["Patient"].pop("p1002")
    command("apply", "sync-plan.json", "--report", "run.txt", "--lang", "en", "-q")
    text = (desk.folder / "run.txt").read_text(encoding="utf-8")
    assert text.startswith("Source: lijst\nEHR: ")
    assert "Patient/p1002: " in text
    assert "The record changed since the plan: nothing was written." in text


def test_a_run_that_was_broken_off_is_told_with_how_to_go_on(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    with open_journal(desk.folder / "var/sync.sqlite", desk.client.base_url, "lijst") as journal:
        journal.begin("another plan", 1)
    status = command("status", "sync-plan.json")
    assert status.exit_code == 1
    assert "Run 1 is niet klaar" in status.output
    assert "`sync resume PLAN` gaat verder" in status.output


def test_the_output_is_english_when_asked_for(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    assert "written" in command("apply", "sync-plan.json", "--lang", "en", "-q").output


def test_a_plan_with_nothing_to_do_is_applied_without_asking_the_ehr(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    gone = "http://127.0.0.1:9/fhir"
    PlanWriter(plan, ehr=gone, source="jim", file="l.csv", made="now").close(0, settled=(3, 12))
    files = [str(plan), "--journal", str(tmp_path / "journal.sqlite")]
    assert CliRunner().invoke(sync_command, ["apply", *files]).exit_code == 0
    with open_journal(tmp_path / "journal.sqlite", gone, "jim") as journal:
        (run,) = journal.runs()
    assert (run.clients, run.resources, bool(run.finished)) == (3, 0, True)


def test_a_client_who_is_not_in_the_plan_is_no_run(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    refused = command("apply", "sync-plan.json", "--only", "Patient/zzz", "-q")
    assert isinstance(refused.exception, UsageError)
    with open_journal(desk.folder / "var" / "sync.sqlite", desk.client.base_url, "lijst") as journal:
        assert journal.runs() == []


@pytest.mark.parametrize("applied", [False, True])
def test_a_plan_for_somebody_who_is_not_in_the_list_is_wrong_usage(command: Command, desk: Desk, applied: bool) -> None:
    plan(command, desk, [row()])
    if applied:
        command("apply", "sync-plan.json", "-q")
        plan(command, desk, [row()])
    before = (desk.folder / "sync-plan.json").read_bytes()
    asked = ("--fhir", desk.client.base_url, "--client-system", CLIENT_SYSTEM, "-q", "--only")
    refused = command("plan", "lijst.csv", *asked, "Patient/zzz").exception
    assert isinstance(refused, UsageError)
    assert refused.code == "sync-client-not-listed"
    assert (desk.folder / "sync-plan.json").read_bytes() == before
    assert command("plan", "lijst.csv", *asked, "Patient/p1001").exit_code == 0


def test_an_answer_that_means_nothing_begins_no_run(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    command("apply", "sync-plan.json", "-q")
    (figure,) = desk.figures()
    desk.edit(figure, birthDate="1980-01-01")
    assert plan(command, desk, [row(Geboortedatum="02-01-1980")]).exit_code == 1
    path = desk.folder / "sync-plan.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"answer": ""', '"answer": "both"'), encoding="utf-8")
    assert isinstance(command("apply", "sync-plan.json", "-q").exception, InputError)
    with open_journal(desk.folder / "var" / "sync.sqlite", desk.client.base_url, "lijst") as journal:
        assert [bool(run.finished) for run in journal.runs()] == [True]


def test_a_plan_of_a_new_source_beside_a_known_one_says_so(command: Command, desk: Desk) -> None:
    plan(command, desk, [row()])
    command("apply", "sync-plan.json", "-q")
    (desk.folder / "lijst.csv").rename(desk.folder / "lijst-november.csv")
    words = ("plan", "lijst-november.csv", "--fhir", desk.client.base_url, "--client-system", CLIENT_SYSTEM, "-q")
    assert "‘lijst-november’ is een nieuwe bron voor dit EPD; bekend is: lijst" in command(*words).output
    assert "nieuwe bron" not in command(*words, "--source", "lijst").output


def test_a_plan_names_who_of_earlier_runs_has_no_row_any_more(command: Command, desk: Desk) -> None:
    first = [row(**CONSENT), row(key="F2", Voornaam="Bea", Mobiel="06-12345602"), row(1002, "F3")]
    assert "bruikbare rij" not in plan(command, desk, first).output
    command("apply", "sync-plan.json", "-q")
    output = plan(command, desk, first[1:2]).output
    assert "zonder bruikbare rij in deze lijst: cliënten 1, mensen die meedoen 1." in output
    assert "Cliënt p1001: Samira Amrani" in output
    assert "Cliënt p1002" in output
    desk.edit(desk.ehr.all("Consent")[0], status="inactive")
    for _ in range(2):  # when their place is to end, and once it ended
        output = plan(command, desk, first[1:2]).output
        command("apply", "sync-plan.json", "-q")
        assert "mensen die meedoen 0." in output
        assert "Cliënt p1001: Samira Amrani" not in output


def test_of_many_without_a_row_twenty_are_named_and_the_rest_is_counted() -> None:
    unlisted = Unlisted()
    unlisted.count(f"p{number}" for number in range(30))
    assert (unlisted.clients, len(unlisted.names)) == (30, 20)
    assert words("sync-unlisted-more", "nl", count="10").strip() == "… en nog 10"


def test_rows_that_were_mended_and_fed_back_say_nothing_of_who_is_not_among_them(command: Command, desk: Desk) -> None:
    plan(command, desk, [row(**CONSENT), row(key="F2", Voornaam="Bea", Mobiel="06-1"), row(1002, "F3")])
    command("apply", "sync-plan.json", "-q")
    mended = desk.folder / "sync-plan.rows.csv"
    mended.write_text(mended.read_text(encoding="utf-8-sig").replace("06-1;", "06-12345602;"), encoding="utf-8")
    words = ("plan", mended.name, "--fhir", desk.client.base_url, "--client-system", CLIENT_SYSTEM, "-q")
    output = command(*words).output
    assert "1  steunfiguur erbij" in output
    assert "bruikbare rij" not in output


def test_the_work_list_names_what_was_written_over_until_somebody_says_it_is_seen_to(
    command: Command, desk: Desk
) -> None:
    plan(command, desk, [row()])
    reader, storage = PlanReader(desk.folder / "sync-plan.json"), Storage(file=desk.folder / "var" / "sync.sqlite")
    body = {"resourceType": "RelatedPerson", "id": "7", "meta": {"versionId": "4"}, "birthDate": "1980-02-03"}
    with storage.journal(reader.ehr, reader.source) as held, storage.own_store(reader.ehr, held.vault) as store:
        store.lose(reader.source, "p1001", [body])
    listed = command("worklist", "sync-plan.json", "-o", "open.json")
    assert listed.exit_code == 1
    assert "RelatedPerson/7/_history/4" in listed.output
    assert json.loads((desk.folder / "open.json").read_bytes())[0]["resources"] == [body]
    assert command("worklist", "sync-plan.json", "--done", "Patient/p1001").exit_code == 0
