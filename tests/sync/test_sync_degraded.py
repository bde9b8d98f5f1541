"""EHRs that offer less: the same outcome by another way, or a word about what cannot be done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from sync_desk import CONSENT, Desk, row

from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.ehr.memory import Behaviour
from fhir_plugin.ehr.memory_adapter import memory_session

ROWS = [row(1001, "F1", **CONSENT), row(1002, "F2", Voornaam="Henk", **CONSENT), row(1003, "F3", Voornaam="Loes")]


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(transaction=False),
        Behaviour(transaction=False, batch=False),
        Behaviour(conflict_status=409),
        Behaviour(honours_conditions=False),
        Behaviour(honours_conditions=False, transaction=False),
        Behaviour(page_size=2),
    ],
)
def test_the_outcome_is_the_same_and_a_second_run_writes_nothing(
    desk_with: Callable[[Behaviour], Desk], behaviour: Behaviour
) -> None:
    desk = desk_with(behaviour)
    assert {step.state for step in desk.sync(ROWS)} == {"done"}
    assert [len(desk.figures(f"p{number}")) for number in (1001, 1002, 1003)] == [1, 1, 1]
    assert [len(desk.ehr.all(kind)) for kind in ("Consent", "CareTeam", "Provenance")] == [2, 2, 3]
    for team in desk.ehr.all("CareTeam"):
        assert team["participant"][0]["member"]["reference"].startswith("RelatedPerson/")
    before = desk.writes()
    assert {step.state for step in desk.sync(ROWS)} <= {"same"}
    assert desk.writes() == before


def test_without_transactions_access_never_precedes_consent_and_ends_before_it(
    desk_with: Callable[[Behaviour], Desk],
) -> None:
    desk = desk_with(Behaviour(transaction=False))
    desk.plan([row(**CONSENT)])
    desk.ehr.asked.clear()
    desk.apply()
    written = [path.split("/")[1] for method, path in desk.ehr.asked if path]
    assert written == ["RelatedPerson", "Consent", "CareTeam", "Provenance"]
    desk.plan([row(Toestemming="ingetrokken", Band_tot="01-11-2026")])
    desk.ehr.asked.clear()
    desk.apply()
    written = [path.split("/")[1] for method, path in desk.ehr.asked if path]
    assert written == ["CareTeam", "Consent", "RelatedPerson", "Provenance"]


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("handled", [False, True])
def test_a_saga_that_is_broken_off_anywhere_is_finished_by_the_next_run(
    desk_with: Callable[[Behaviour], Desk], at: int, handled: bool
) -> None:
    desk = desk_with(Behaviour(transaction=False))
    desk.plan([row(**CONSENT)])
    seen: list[str] = []

    def broken(method: str, path: str) -> None:
        if path.startswith(("/RelatedPerson", "/Consent", "/CareTeam", "/Provenance")):
            seen.append(path)
            if len(seen) == at:
                raise requests.ConnectionError

    if handled:
        desk.ehr.after = broken
    else:
        desk.ehr.before = broken
    desk.apply()
    desk.ehr.before = desk.ehr.after = None
    desk.sync([row(**CONSENT)])
    assert len(desk.figures()) == 1
    assert [len(desk.ehr.all(kind)) for kind in ("Consent", "CareTeam")] == [1, 1]
    before = desk.writes()
    desk.sync([row(**CONSENT)])
    assert desk.writes() == before


def test_an_ehr_that_takes_no_writes_keeps_everything_as_it_was(desk_with: Callable[[Behaviour], Desk]) -> None:
    desk = desk_with(Behaviour(interactions=frozenset({"read", "search-type"})))
    before = desk.writes()
    steps = desk.sync(ROWS)
    assert {step.state for step in steps} == {"to-enter"}
    assert desk.writes() == before


def test_an_ehr_that_claims_consents_and_takes_none_knows_the_figure_and_opens_nothing(
    desk_with: Callable[[Behaviour], Desk],
) -> None:
    desk = desk_with(Behaviour(refused=frozenset({("create", "Consent")}), transaction=False))
    (step,) = desk.sync([row(**CONSENT)])
    assert step.state == "failed"
    assert desk.ehr.all("CareTeam") == []
    assert len(desk.figures()) == 1
    assert len(desk.ehr.all("Provenance")) == 1


def test_a_refused_consent_does_not_hold_up_somebody_elses_withdrawal(desk_with: Callable[[Behaviour], Desk]) -> None:
    for transaction in (True, False):
        desk = desk_with(Behaviour(transaction=transaction))
        desk.sync([row(**CONSENT)])
        desk.ehr.behaviour = Behaviour(transaction=transaction, refused=frozenset({("create", "Consent")}))
        rows = [row(Toestemming="ingetrokken"), row(key="F2", Voornaam="Henk", Mobiel="06-12345602", **CONSENT)]
        assert [step.state for step in desk.sync(rows)] == ["failed"]
        (team,) = desk.ehr.all("CareTeam")
        assert [item["period"]["end"] for item in team["participant"]] == ["2026-11-23"]
        (desk.folder / "journal.sqlite").unlink()
        (desk.folder / "journal.own.sqlite").unlink()


def test_what_an_ehr_does_not_do_although_it_says_so_is_reported(desk_with: Callable[[Behaviour], Desk]) -> None:
    desk = desk_with(Behaviour(transaction=False, claims_transaction=True))
    assert {step.state for step in desk.sync(ROWS)} == {"done"}
    assert desk.noticed() == {"untrue:transaction": 1}


def test_what_waits_for_a_person_stays_on_the_work_list_when_writing_it_fails(
    desk_with: Callable[[Behaviour], Desk],
) -> None:
    desk = desk_with(Behaviour(interactions=frozenset({"read", "search-type"})))
    desk.sync([row(**CONSENT)])
    desk.ehr.behaviour = Behaviour()
    desk.client = FhirClient(desk.ehr.base_url, session=memory_session(desk.ehr), retry=Retry(sleep=lambda _: None))
    desk.plan([row(**CONSENT)])
    desk.ehr.asked.clear()

    def broken(method: str, _path: str) -> None:
        if method == "POST" and desk.ehr.asked.count(("POST", "")) > 1:
            raise requests.ConnectionError

    desk.ehr.before = broken
    assert [step.state for step in desk.apply()] == ["unknown"]
    with desk.reached() as (_, ehr):
        assert len(ehr.store.waiting("jim")) == 1
    desk.ehr.before = None
    assert [step.state for step in desk.apply()] == ["done"]
    with desk.reached() as (_, ehr):
        assert ehr.store.waiting("jim") == []
