"""An EHR that says it looks at versions and does not: an edit in the very moment of writing is put back, or kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from sync_desk import CONSENT, Desk, row
from test_sync_attacks import members, once_before_a_write

from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import Behaviour
from smart_app.sandbox.testing import RunningSandbox

Json = dict[str, Any]
KIM = {"member": {"reference": "Practitioner/kim"}}
OLD, NEW = "+31612345601", "+31612345677"
CHANGED = row(**{**CONSENT, "Mobiel": "06-12345677"})


@pytest.fixture(params=[True, False], ids=["transaction", "one by one"])
def lying(request: pytest.FixtureRequest, desk_with: Callable[[Behaviour], Desk]) -> Desk:
    """A desk whose EHR takes a stale If-Match, with one figure who takes part."""
    desk = desk_with(Behaviour(honours_if_match=False, transaction=request.param))
    desk.sync([row(**CONSENT)])
    return desk


def apply_over(desk: Desk, rows: list[dict[str, str]], act: Callable[[], object]) -> list[tuple[str, str]]:
    """Plan, and apply while somebody does something in the moment of writing."""
    desk.plan(rows)
    desk.ehr.asked.clear()
    once_before_a_write(desk, lambda: (act(), None)[1])
    return [(step.state, step.code) for step in desk.apply()]


def phone(desk: Desk) -> str:
    return str(desk.figures()[0]["telecom"][0]["value"])


def lost(desk: Desk) -> list[tuple[str, list[Json]]]:
    with desk.reached() as (_, ehr):
        return [(item.patient, item.content["resources"]) for item in ehr.store.lost("jim")]


def test_an_edit_that_was_written_over_is_put_back_and_the_plan_can_be_applied_again(lying: Desk) -> None:
    edit = lambda: lying.edit(lying.figures()[0], birthDate="1980-02-03")  # noqa: E731
    told = len(lying.ehr.all("Provenance"))
    assert apply_over(lying, [CHANGED], edit) == [("changed", "lost-update-put-back")]
    assert lying.noticed()["untrue:stale-if-match"] == 1
    assert (lying.figures()[0]["birthDate"], phone(lying)) == ("1980-02-03", OLD)
    assert len(lying.ehr.all("Provenance")) == told + 2  # of the write, and of putting back
    assert [step.state for step in lying.apply()] == ["done"]
    assert (lying.figures()[0]["birthDate"], phone(lying)) == ("1980-02-03", NEW)
    assert lost(lying) == []


def test_an_edit_that_was_written_over_is_put_back_also_where_the_answer_to_that_write_was_lost(lying: Desk) -> None:
    def edit() -> None:
        lying.edit(lying.figures()[0], birthDate="1980-02-03")
        lying.ehr.after = lose

    def lose(method: str, _path: str) -> None:
        if method in ("PUT", "POST"):
            lying.ehr.after = None
            raise requests.ConnectionError

    assert apply_over(lying, [CHANGED], edit) == [("changed", "lost-update-put-back")]
    assert (lying.figures()[0]["birthDate"], phone(lying)) == ("1980-02-03", OLD)
    assert [step.state for step in lying.apply()] == ["done"]


def test_an_edit_in_the_moment_of_putting_another_back_is_kept_too(lying: Desk) -> None:
    def edit() -> None:
        lying.edit(lying.figures()[0], birthDate="1980-02-03")
        lying.ehr.before = again

    def again(method: str, path: str) -> None:
        if method == "PUT" or (method == "POST" and path == ""):
            lying.ehr.before = None
            lying.edit(lying.figures()[0], gender="female")

    assert apply_over(lying, [CHANGED], edit) == [("done", "lost-update-seen")]
    [(patient, [kept])] = lost(lying)
    assert (patient, kept["gender"], lying.figures()[0]["birthDate"]) == ("p1001", "female", "1980-02-03")


def test_an_edit_of_the_same_element_is_a_conflict_of_the_next_plan(lying: Desk) -> None:
    gender = row(**{**CONSENT, "Geboortedatum": "01-02-1980"})
    apply_over(lying, [gender], lambda: lying.edit(lying.figures()[0], birthDate="1981-03-04"))
    (client,) = lying.plan([gender]).clients()
    assert [item.element for item in client.plan.figures[0].conflicts] == ["birth_date"]
    assert lying.figures()[0]["birthDate"] == "1981-03-04"


def test_a_withdrawal_ends_access_also_where_it_wrote_over_an_edit_of_the_team(lying: Desk) -> None:
    (team,) = lying.ehr.all("CareTeam")
    joined = lambda: lying.edit(team, participant=[*team["participant"], KIM])  # noqa: E731
    apply_over(lying, [row(Toestemming="ingetrokken")], joined)
    assert members(lying) == ["Practitioner/kim"]
    assert lying.ehr.all("Consent")[0]["status"] == "inactive"


def test_a_place_somebody_opened_in_the_moment_of_writing_is_not_opened_again_by_putting_it_back(lying: Desk) -> None:
    (team,) = lying.ehr.all("CareTeam")
    lying.ehr.add({**lying.figures()[0], "id": "aunt", "identifier": [], "telecom": []})
    aunt = {**team["participant"][0], "member": {"reference": "RelatedPerson/aunt"}}
    opened = lambda: lying.edit(team, participant=[*team["participant"], aunt])  # noqa: E731
    assert apply_over(lying, [row(Toestemming="ingetrokken")], opened) == [("done", "lost-update-seen")]
    assert members(lying) == []
    [(_, [kept])] = lost(lying)
    assert kept["participant"][1]["member"]["reference"] == "RelatedPerson/aunt"


def test_a_consent_that_was_withdrawn_is_not_made_active_by_putting_an_edit_of_it_back(lying: Desk) -> None:
    (consent,) = lying.ehr.all("Consent")
    policy = [{"uri": "https://example.nl/reglement"}]
    apply_over(lying, [row(Toestemming="ingetrokken")], lambda: lying.edit(consent, policy=policy))
    (now,) = lying.ehr.all("Consent")
    assert (now["status"], now["policy"], members(lying)) == ("inactive", policy, [])


def test_what_cannot_be_put_back_is_kept_and_stays_on_the_work_list_until_somebody_saw_to_it(lying: Desk) -> None:
    def edit() -> None:
        lying.edit(lying.figures()[0], birthDate="1980-02-03")
        lying.ehr.before = second

    def second(method: str, path: str) -> None:
        if method in ("PUT", "PATCH") or (method == "POST" and path == ""):
            lying.ehr.before = None
            lying.ehr.behaviour = replace(lying.ehr.behaviour, interactions=frozenset({"read", "search-type", "vread"}))

    behaviour = lying.ehr.behaviour
    assert apply_over(lying, [CHANGED], edit)[0][1] == "lost-update-seen"
    lying.ehr.behaviour = behaviour
    lying.sync([CHANGED])
    lying.sync([CHANGED])
    [(patient, [kept])] = lost(lying)
    assert (patient, kept["birthDate"], kept["meta"]["versionId"]) == ("p1001", "1980-02-03", "2")
    with lying.reached() as (_, ehr):
        ehr.store.see_to("jim", "p1001")
    assert lost(lying) == []


def test_an_edit_that_the_sandbox_let_be_written_over_is_there_again(
    play: Any, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    played, transaction = play("server-assigned ids"), FhirClient.transaction
    played.states(played.row())
    (figure,) = played.held("RelatedPerson")
    sandbox.parts.faults.turn("stale-if-match-ignored", on=True)

    def meanwhile(client: FhirClient, *arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(FhirClient, "transaction", transaction)
        played.eyes.update({**figure, "birthDate": "1980-02-03"}, if_match=figure["meta"]["versionId"])
        return transaction(client, *arguments, **options)

    monkeypatch.setattr(FhirClient, "transaction", meanwhile)
    assert played.states(played.row(Mobiel="06-12345677")) == [("changed", "lost-update-put-back")]
    assert played.held("RelatedPerson")[0]["birthDate"] == "1980-02-03"
    assert played.states(played.row(Mobiel="06-12345677")) == [("done", "")]
    (figure,) = played.held("RelatedPerson")
    assert (figure["birthDate"], figure["telecom"][0]["value"]) == ("1980-02-03", NEW)
