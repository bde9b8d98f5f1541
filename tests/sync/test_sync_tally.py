"""What a report counts of a run: what was written or taken back, and who needs a person."""

from __future__ import annotations

from fhir_plugin.sync.applying.run_report import RunReport, Tally
from fhir_plugin.sync.journals.journal import Step


def test_only_what_was_written_or_taken_back_counts_as_resources() -> None:
    did = Tally().add(Step(patient=state, state=state, resources=2) for state in ("done", "undone", "would", "failed"))
    assert (did.clients, did.resources) == (4, 4)


def test_a_client_that_was_written_with_a_word_to_a_person_is_named_and_the_run_is_not_clean() -> None:
    did = Tally().add([Step(patient="p1", state="done", code="lost-update-seen"), Step(patient="p2", state="done")])
    assert [step.patient for step in did.trouble] == ["p1"]
    assert not RunReport(run=1, did=did, seconds=1.0).clean
