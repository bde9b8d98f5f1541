"""Who saw or changed what, of whom, when and why: read back from the EHR, or from the app's log."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from sandbox_room import APP, Room, open_room

from fhir_plugin.cli.audit import audit_command
from fhir_plugin.errors import InputError
from fhir_plugin.mapping.audit import AuditedAct, Outcome, Purpose, audit_event
from fhir_plugin.model.issues import Severity
from fhir_plugin.validation import Validator
from smart_app.audit.log import AuditLog, entries, verify
from smart_app.settings import AuditSettings

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."


def in_log(room: Room) -> list[dict[str, Any]]:
    folder = room.app.extensions["steunfiguren.settings"].data_dir / "audit"
    return [entry.event for entry in entries(folder)] if folder.exists() else []


def told(event: dict[str, Any]) -> tuple[str, str, str, str, str, str]:
    """(who, capacity, why, did, of whom, what) of an AuditEvent."""
    user = next(agent for agent in event["agent"] if agent["requestor"])
    what = {one["type"]["code"]: one["what"].get("reference", "") for one in event["entity"]}
    why = next((one["coding"][0]["code"] for one in user.get("purposeOfUse", ())), "")
    return user["who"].get("reference", ""), user["role"][0]["text"], why, event["action"], what["1"], what["2"]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return open_room(tmp_path)


@pytest.fixture(scope="module")
def valid() -> Callable[[dict[str, Any]], list[str]]:
    validator = Validator.load()
    passed_over = {
        "profile-unknown",
        "dom-6",
    }  # BALP is not shipped: its shape is asserted here; dom-6 wants a narrative
    extended = "binding-extensible AuditEvent.entity[2].type"  # BALP's own code for a request id

    def check(event: dict[str, Any]) -> list[str]:
        report = validator.validate(event).of(Severity.ERROR, Severity.FATAL, Severity.WARNING)
        said = [f"{one.code} {one.expression}" for one in report if one.code not in passed_over]
        return [one for one in said if one != extended]

    return check


def test_what_is_seen_stands_in_the_ehr(room: Room, valid: Callable[[dict[str, Any]], list[str]]) -> None:
    room.open()
    room.get("figure/noor-tante-sam")
    events = room.stored("AuditEvent")
    who = ("Practitioner/joke-de-vries", "professional", "TREAT", "R", "Patient/noor")
    assert sorted(map(told, events)) == [(*who, "Patient/noor"), (*who, "RelatedPerson/noor-tante-sam")]
    for event in events:
        assert valid(event) == []
        assert event["meta"]["profile"] == [f"{BALP}PatientRead"]
        assert event["outcome"] == "0"
    assert in_log(room) == []


def test_what_is_changed_stands_there_resource_by_resource(
    room: Room, valid: Callable[[dict[str, Any]], list[str]]
) -> None:
    room.open()
    draft = room.begin("add")
    room.post(f"{draft}who", own_label="Juf Ans", first_name="Ans", adult="yes")
    room.post(f"{draft}support", functions=["practical"])
    room.post(f"{draft}check")
    written = [event for event in room.stored("AuditEvent") if event["action"] != "R"]
    (ans,) = [one for one in room.stored("RelatedPerson") if "Juf Ans" in str(one)]
    (team,) = [one for one in room.stored("CareTeam") if ans["id"] in str(one)]
    assert {told(event)[3:] for event in written} == {
        ("C", "Patient/noor", f"RelatedPerson/{ans['id']}"),
        ("U", "Patient/noor", f"CareTeam/{team['id']}"),
    }
    for event in written:
        assert valid(event) == []
        assert event["meta"]["profile"] == [BALP + {"C": "PatientCreate", "U": "PatientUpdate"}[event["action"]]]
    said = str(room.stored("AuditEvent"))
    for content in ("Juf", "Ans", "Noor ", "Joke", "praktisch"):
        assert content not in said, "an audit event holds no record content"


@pytest.mark.parametrize(
    ("user", "capacity", "why"),
    [("moeder-noor", "parent", "FAMRQT"), ("tante-noor", "figure", "FAMRQT")],
)
def test_a_family_member_is_written_down_in_their_own_capacity(room: Room, user: str, capacity: str, why: str) -> None:
    room.open("noor", user)
    (event,) = [one for one in room.stored("AuditEvent") if one["outcome"] == "0"]
    assert told(event)[1:5] == (capacity, why, "R", "Patient/noor")


def test_denials_are_written_down_with_their_reason_and_without_the_id_that_was_tried(
    room: Room, valid: Callable[[dict[str, Any]], list[str]]
) -> None:
    room.open("noor", "tante-noor")
    room.get("worklist", 403)
    room.get("figure/lotte-iemand-anders", 404)
    room.client.post(f"{room.path}add", data={"csrf_token": "x", "patient": "noor"}, base_url=APP, buffered=True)
    denied = [one for one in room.stored("AuditEvent") if one["outcome"] == "4"]
    assert sorted((one["action"], one["outcomeDesc"]) for one in denied) == [
        ("R", "no-figure"), ("R", "not-yours"), ("U", "csrf"),
    ]  # fmt: skip
    for event in denied:
        assert valid(event) == []
        assert "profile" not in event.get("meta", {})
        assert "lotte" not in str(event)


def test_somebody_who_may_see_nothing_was_refused_and_not_shown(room: Room) -> None:
    room.parts.people._users["bram"] = room.parts.people._users["lotte"].__class__(
        id="bram", name="Bram", fhir_user="Patient/bram", role="youth", record="bram",
        scope=room.parts.people._users["lotte"].scope,
    )  # fmt: skip
    room.open("bram", "bram")
    (event,) = room.stored("AuditEvent")
    assert (event["outcome"], event["outcomeDesc"]) == ("4", "nothing-to-see")


@pytest.mark.parametrize(
    ("fault", "reason"), [("read-only", "not-offered"), ("500", "ehr-failed"), ("401-mid-session", "")]
)
def test_what_the_ehr_does_not_take_is_in_the_log_with_the_reason(tmp_path: Path, fault: str, reason: str) -> None:
    room = open_room(tmp_path)
    room.open()
    if fault == "read-only":
        room.app.extensions["steunfiguren.auditor"]._offers.clear()
    room.fault(fault)
    room.get("", 502 if fault == "500" else 200)
    kept = list(entries(tmp_path / "audit")) if reason else []
    assert [one.reason for one in kept] == ([reason] if reason else [])
    total = len(room.stored("AuditEvent")) + len(kept)
    assert total == 2, "one for each page, wherever it is"


def test_an_app_without_the_scope_or_the_wish_keeps_its_own_log(tmp_path: Path) -> None:
    room = open_room(tmp_path, settings={"audit": AuditSettings(to_ehr=False)})
    room.open()
    (entry,) = entries(tmp_path / "audit")
    assert entry.reason == "not-wanted"
    assert told(entry.event)[4] == "Patient/noor"
    assert room.stored("AuditEvent") == []


def test_an_ehr_that_grants_no_audit_scope_is_no_notice_to_who_looks(tmp_path: Path) -> None:
    room = open_room(tmp_path)
    (client,) = room.parts.server.clients.values()
    fewer = replace(client, scope=client.scope.replace("patient/AuditEvent.crs ", ""))
    room.parts.server.clients[client.client_id] = fewer
    room.open()
    assert "AuditEvent" not in room.text()
    assert [entry.reason for entry in entries(tmp_path / "audit")] == ["not-granted"]


def test_a_disk_that_is_full_stands_in_nobodys_way_and_is_an_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room = open_room(tmp_path, settings={"audit": AuditSettings(to_ehr=False)})

    def full(*_given: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AuditLog, "append", full)
    room.open()
    assert "Netwerk van Noor" in room.text()
    assert [one.levelname for one in caplog.records if one.message == "audit event lost"] == ["CRITICAL"]


def test_break_glass_is_written_down_as_such(valid: Callable[[dict[str, Any]], list[str]]) -> None:
    event = audit_event(an_act(purpose=Purpose.BREAK_GLASS))
    assert valid(event) == []
    assert told(event)[2] == "BTG"


# --- the log itself ---


def an_act(**changes: Any) -> AuditedAct:
    values = {
        "action": "R", "patient_id": "noor", "what": "Patient/noor", "user": "Practitioner/kim",
        "role": "professional", "purpose": Purpose.CARE, "recorded": NOW, "client_id": "app",
        "client_host": "app.example.nl", "server": "https://ehr.example.nl/fhir", "trace": "ABCD-EFGH",
    }  # fmt: skip
    return AuditedAct(**{**values, **changes})


def fill(folder: Path, count: int, clock: Callable[[], datetime] = lambda: NOW, years: int = 5) -> AuditLog:
    log = AuditLog(folder, retention_years=years, clock=clock)
    for number in range(count):
        log.append(audit_event(an_act(trace=f"T{number}")), issuer="noord", reason="not-offered")
    return log


def test_the_chain_is_whole_over_threads_months_and_restarts(tmp_path: Path) -> None:
    moments = iter(NOW + timedelta(days=20 * number) for number in range(100))
    fill(tmp_path, 4, lambda: next(moments))
    logs = [fill(tmp_path, 0, lambda: NOW + timedelta(days=61)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda log: log.append(audit_event(an_act()), issuer="noord", reason="x"), logs * 5))
    assert len(list(tmp_path.glob("audit-*.jsonl"))) == 3
    found = verify(tmp_path)
    assert found.count == 24
    assert found.faults == ()


@pytest.mark.parametrize("damage", ["changed", "removed", "put in", "swapped"])
def test_whatever_is_done_to_a_line_breaks_the_chain(tmp_path: Path, damage: str) -> None:
    fill(tmp_path, 6)
    (file,) = tmp_path.glob("*.jsonl")
    lines = file.read_bytes().splitlines()
    if damage == "changed":
        lines[2] = lines[2].replace(b"Practitioner/kim", b"Practitioner/els")
    elif damage == "removed":
        del lines[2]
    elif damage == "put in":
        lines.insert(2, lines[4])
    else:
        lines[2], lines[3] = lines[3], lines[2]
    file.write_bytes(b"\n".join(lines) + b"\n")
    faults = verify(tmp_path).faults
    assert faults
    assert faults[0].startswith(f"{file.name}:3: ")


def test_what_is_cut_off_at_the_end_is_found_by_a_hash_that_was_noted(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    noted = verify(tmp_path).head
    (file,) = tmp_path.glob("*.jsonl")
    run = CliRunner().invoke
    assert run(audit_command, ["verify", str(tmp_path), "--holds", noted]).exit_code == 0
    file.write_bytes(b"\n".join(file.read_bytes().splitlines()[:2]) + b"\n")
    assert run(audit_command, ["verify", str(tmp_path)]).exit_code == 0
    cut = run(audit_command, ["verify", str(tmp_path), "--holds", noted])
    assert cut.exit_code == 1
    assert "cut off" in cut.output


def test_a_line_that_a_crash_cut_short_is_named_and_the_log_goes_on(tmp_path: Path) -> None:
    log = fill(tmp_path, 2)
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("ab") as stream:
        stream.write(b'{"issuer": "noord", "ev')
    log.append(audit_event(an_act()), issuer="noord", reason="x")
    found = verify(tmp_path)
    assert found.count == 4
    assert found.faults == (f"{file.name}:3: this line was changed or damaged",)


def test_a_line_that_the_disk_takes_in_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    log = AuditLog(tmp_path, retention_years=20, clock=lambda: NOW)
    for number in range(2):
        log.append({"resourceType": "AuditEvent", "id": str(number)}, issuer="x", reason="not-offered")
    assert (verify(tmp_path).count, verify(tmp_path).faults) == (2, ())


def test_months_past_the_retention_are_removed_and_no_others(tmp_path: Path) -> None:
    for year, month in ((2020, 12), (2021, 5), (2021, 6), (2026, 5)):
        fill(tmp_path, 1, lambda year=year, month=month: datetime(year, month, 20, tzinfo=UTC), years=50)
    fill(tmp_path, 1)
    left = sorted(file.name for file in tmp_path.glob("*.jsonl"))
    assert left == ["audit-2021-06.jsonl", "audit-2026-05.jsonl", "audit-2026-06.jsonl"]
    assert verify(tmp_path).faults == ()


def test_the_command_says_who_saw_what(tmp_path: Path) -> None:
    log = fill(tmp_path, 1)
    for act in (
        an_act(patient_id="bram", what="RelatedPerson/opa", action="U", user="RelatedPerson/mam", role="parent",
               purpose=Purpose.FAMILY_REQUEST),
        an_act(outcome=Outcome.REFUSED, why_not="not-yours", user="", purpose=None),
    ):  # fmt: skip
        log.append(audit_event(act), issuer="noord", reason="not-offered")
    run = CliRunner().invoke
    text = run(audit_command, ["show", str(tmp_path)]).output.splitlines()
    assert text[1] == (
        "2026-06-15T10:00:00.000Z  noord  RelatedPerson/mam (parent, FAMRQT)  changed RelatedPerson/opa  "
        "of Patient/bram  done  ABCD-EFGH"
    )
    assert "somebody (professional, -)  tried to see Patient/noor  of Patient/noor  refused (not-yours)" in text[2]
    assert run(audit_command, ["show", str(tmp_path), "--patient", "bram"]).output.count("\n") == 1
    assert run(audit_command, ["show", str(tmp_path), "--user", "Practitioner/kim"]).output.count("\n") == 1
    assert run(audit_command, ["show", str(tmp_path), "--since", "2026-06-16"]).output == ""
    events = run(audit_command, ["show", str(tmp_path), "--format", "ndjson"]).output.splitlines()
    assert [orjson.loads(line)["resourceType"] for line in events] == ["AuditEvent"] * 3


def test_a_folder_without_a_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audit log"):
        verify(tmp_path)
