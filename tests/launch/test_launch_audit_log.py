"""The app's own audit log: append-only and chained, checked and read by ``steunfiguren audit``."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from fhir_plugin.cli.audit import audit_command
from fhir_plugin.errors import InputError
from fhir_plugin.mapping.audit import AuditedAct, Outcome, Purpose, audit_event
from smart_app.audit.log import AuditLog, verify

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)


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
    assert run(audit_command, ["show", str(tmp_path), "--until", "2026-06-14"]).output == ""
    of_the_day = ["show", str(tmp_path), "--since", "2026-06-15", "--until", "2026-06-15"]
    assert run(audit_command, of_the_day).output.count("\n") == 3
    events = run(audit_command, ["show", str(tmp_path), "--format", "ndjson"]).output.splitlines()
    assert [orjson.loads(line)["resourceType"] for line in events] == ["AuditEvent"] * 3


def test_a_folder_without_a_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audit log"):
        verify(tmp_path)
