"""What a report counts of a run: what was written or taken back, and who needs a person."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from sync_desk import Desk, row

from fhir_plugin.ehr.memory import Behaviour
from fhir_plugin.sync.applying.run_report import RunReport, Tally
from fhir_plugin.sync.journals.journal import Step


def test_only_what_was_written_or_taken_back_counts_as_resources() -> None:
    did = Tally().add(Step(patient=state, state=state, resources=2) for state in ("done", "undone", "would", "failed"))
    assert (did.clients, did.resources) == (4, 4)


def test_a_client_that_was_written_with_a_word_to_a_person_is_named_and_the_run_is_not_clean() -> None:
    did = Tally().add([Step(patient="p1", state="done", code="lost-update-seen"), Step(patient="p2", state="done")])
    assert [step.patient for step in did.trouble] == ["p1"]
    assert not RunReport(run=1, did=did, seconds=1.0).clean


def test_clients_with_one_reason_are_told_together_and_by_name_in_a_report_that_is_kept() -> None:
    steps = [Step(patient=f"p{number}", state="to-enter", code="sync-to-enter") for number in range(100)]
    report = RunReport(
        run=1, did=Tally().add([*steps, Step(patient="x", state="changed", code="sync-changed")]), seconds=1.0
    )
    told = report.text("nl")
    assert told.count("zelf in het EPD invoeren.") == 1
    assert "Patient/p7 en 92 andere" in told
    assert "Patient/x: " in told
    assert all(
        f"Patient/p{number}" in report.in_form(kind, "nl") for number in range(100) for kind in (".txt", ".html")
    )


class Slow(Counter[str]):
    """A count that others may look at between being read and being written."""

    def __init__(self, meet: threading.Barrier) -> None:
        super().__init__()
        self._meet = meet

    def __getitem__(self, key: str) -> int:
        found = super().__getitem__(key)
        with suppress(threading.BrokenBarrierError):
            self._meet.wait(0.05)
        return found


def test_what_several_threads_notice_at_once_is_counted_in_full(
    desk_with: Callable[[Behaviour], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_with(Behaviour(honours_if_match=False, transaction=False, versioning="no-version"))
    desk.sync([row(1001), row(1002)])
    desk.plan([row(1001, Mobiel="06-12345677"), row(1002, Mobiel="06-12345678")])
    meet = threading.Barrier(2)
    monkeypatch.setattr("fhir_plugin.sync.applying.writing.Counter", lambda: Slow(meet))
    desk.apply(workers=2, group=1)
    assert desk.noticed() == {"lost-update-window": 2}
