"""Somebody who wants an edit lost, a child mixed up with another, or something shared without consent.

Each test is one way to try it: a race, a clock, an EHR that lies or is untidy, people who move things about.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sync_desk import CLIENT_SYSTEM, CONSENT, Desk, make_desk, row

from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.ehr.memory import Behaviour, MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.errors import EhrProtocolError

Json = dict[str, Any]


class Untidy(MemoryEhr):
    """An EHR whose answers are changed on the way out; writes are as they should be."""

    change: Callable[[str, Json], Json] = staticmethod(lambda _path, body: body)

    def handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Json]:
        status, answer = super().handle(method, path, query, headers, body)
        return status, self.change(path, copy.deepcopy(answer))


def untidy(desk: Desk, change: Callable[[str, Json], Json]) -> None:
    """Let the desk's EHR answer otherwise from now on."""
    there = Untidy(behaviour=desk.ehr.behaviour, base_url=desk.ehr.base_url, store=desk.ehr.store, _ids=desk.ehr._ids)
    there.change = change  # type: ignore[method-assign]
    desk.ehr = there
    desk.client = FhirClient(there.base_url, session=memory_session(there), retry=Retry(sleep=lambda _: None))


def once_before_a_write(desk: Desk, act: Callable[[], None]) -> None:
    """Do something in the EHR between what a run reads and what it writes."""

    def first(method: str, path: str) -> None:
        if (method == "POST" and path == "" and _writes(desk)) or method in ("PUT", "PATCH"):
            desk.ehr.before = None
            act()

    desk.ehr.before = first


def _writes(desk: Desk) -> bool:
    """Whether the record was read before: the Bundle that comes now is the write."""
    return desk.ehr.asked.count(("POST", "")) > 1


def members(desk: Desk) -> list[str]:
    """Who has an open place in a team, as they stand there."""
    today = desk.now.date().isoformat()
    return [
        item["member"]["reference"]
        for team in desk.ehr.all("CareTeam")
        for item in team.get("participant", ())
        if item.get("period", {}).get("end", "9999") > today
    ]


def test_an_edit_between_reading_and_writing_survives_two_lists_that_are_applied_through_each_other(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    second = replace(desk, source="school")
    second.sync([row(**{"E-mail": "samira@example.nl"})])
    desk.plan([row(**{**CONSENT, "Mobiel": "06-12345677"})])
    first_plan = desk.plan_path.read_bytes()
    second.plan([row(**{"E-mail": "s.amrani@example.nl", "Opmerking": "belt graag"})])
    second.apply()
    desk.plan_path.write_bytes(first_plan)
    assert [step.state for step in desk.apply()] == ["changed"]
    desk.plan([row(**{**CONSENT, "Mobiel": "06-12345677"})])
    desk.ehr.asked.clear()
    once_before_a_write(desk, lambda: desk.edit(desk.figures()[0], birthDate="1980-02-03"))
    assert [step.state for step in desk.apply()] == ["failed"]
    assert [step.state for step in desk.sync([row(**{**CONSENT, "Mobiel": "06-12345677"})])] == ["done"]
    (figure,) = desk.figures()
    said = {item["value"] for item in figure["telecom"]}
    assert figure["birthDate"] == "1980-02-03"
    assert {"+31612345677", "s.amrani@example.nl"} <= said
    assert not {"+31612345601", "samira@example.nl"} & said


def test_a_consent_of_people_that_is_taken_back_in_the_moment_of_writing_opens_nothing_that_lasts(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = make_desk(tmp_path_factory.mktemp("elsewhere"))
    elsewhere.sync([row(**CONSENT)])
    (theirs,) = elsewhere.ehr.all("Consent")
    desk.sync([row()])
    (figure,) = desk.figures()
    theirs["provision"]["actor"][0]["reference"]["reference"] = f"RelatedPerson/{figure['id']}"
    consent = desk.ehr.add({key: value for key, value in theirs.items() if key not in ("identifier", "meta", "id")})
    desk.plan([row(**CONSENT)])
    desk.ehr.asked.clear()
    once_before_a_write(desk, lambda: desk.edit(consent, status="inactive"))
    assert [(step.state, step.code) for step in desk.apply()] == [("done", "sync-access-ended")]
    desk.sync([row(**CONSENT)])
    assert members(desk) == []


def test_a_consent_taken_back_between_plan_and_apply_opens_nothing(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.sync([row(**CONSENT, **{"Betrokken tot": "01-12-2026"})])
    desk.plan([row(**CONSENT, **{"Betrokken tot": "01-06-2027"})])
    desk.edit(desk.ehr.all("Consent")[0], status="inactive")
    held = desk.ehr.all("CareTeam")[0]["participant"]
    assert [step.state for step in desk.apply()] == ["changed"]
    assert desk.ehr.all("CareTeam")[0]["participant"] == held


@pytest.mark.parametrize("now", [datetime(2025, 1, 1, 9, tzinfo=UTC), datetime(2027, 9, 1, 0, 1, tzinfo=UTC)])
def test_a_clock_that_jumps_between_plan_and_apply_opens_nothing(desk: Desk, now: datetime) -> None:
    desk.plan([row(**CONSENT)])
    desk.now = now
    assert [step.state for step in desk.apply()] == ["changed"]
    assert members(desk) == []


def test_an_ehr_whose_clock_runs_back_loses_no_edit_and_no_withdrawal(desk: Desk) -> None:
    desk.ehr.clock = lambda: desk.now
    desk.sync([row(**CONSENT)])
    desk.sync([row(**CONSENT)])
    desk.ehr.clock = lambda: datetime(2026, 1, 1, tzinfo=UTC)
    desk.edit(desk.figures()[0], birthDate="1980-02-03")
    desk.sync([row(**{**CONSENT, "Mobiel": "06-12345677", "Geboortedatum": ""})])
    assert desk.figures()[0]["birthDate"] == "1980-02-03"
    desk.sync([row(Toestemming="ingetrokken")])
    assert members(desk) == []


def test_a_person_who_was_moved_to_another_child_is_asked_about_and_mixes_with_nobody(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    (figure,) = desk.figures()
    desk.edit(figure, patient={"reference": "Patient/p1002"})
    before = desk.writes()
    plan = desk.plan([row(**{**CONSENT, "Mobiel": "06-12345677"})])
    assert plan.totals["question"] == 1
    assert [step.state for step in desk.apply()] == ["waits"]
    assert desk.writes() == before
    desk.answer("new")
    assert [step.state for step in desk.apply()] == ["done"]
    (moved,), (again,) = desk.figures("p1002"), desk.figures()
    assert {item["value"] for item in moved["telecom"]} == {"+31612345601"}
    assert {item["value"] for item in again["telecom"]} == {"+31612345677"}
    assert members(desk) == [f"RelatedPerson/{again['id']}"]
    consents = {actors(body): body["status"] for body in desk.ehr.all("Consent")}
    assert consents == {f"RelatedPerson/{moved['id']}": "inactive", f"RelatedPerson/{again['id']}": "active"}
    assert [step.state for step in desk.sync([row(**{**CONSENT, "Mobiel": "06-12345677"})])] == ["same"]
    assert len(desk.ehr.all("Consent")) == 2


def actors(consent: Json) -> str:
    """Whom a consent names."""
    return ",".join(actor["reference"]["reference"] for actor in consent["provision"]["actor"])


def test_a_consent_that_people_ended_before_somebody_was_moved_is_not_recorded_again(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    desk.edit(desk.ehr.all("Consent")[0], status="inactive")
    desk.edit(desk.figures()[0], patient={"reference": "Patient/p1002"})
    desk.plan([row(**{**CONSENT, "Mobiel": "06-12345677"})])
    desk.answer("new")
    desk.apply()
    assert members(desk) == []
    assert [body["status"] for body in desk.ehr.all("Consent")] == ["inactive"]


@pytest.mark.parametrize("consented", [CONSENT, {}], ids=["takes part", "does not"])
def test_somebody_of_another_server_with_the_id_of_our_figure_stays_in_the_team(
    desk: Desk, consented: dict[str, str]
) -> None:
    desk.sync([row(**CONSENT), row(1001, "F2", Voornaam="Bo", Mobiel="06-12345602", **consented)])
    (team,) = desk.ehr.all("CareTeam")
    figure = next(each for each in desk.figures() if each["name"][0]["given"] == ["Bo"])
    theirs = {
        **team["participant"][0],
        "member": {"reference": f"https://elders.example/fhir/RelatedPerson/{figure['id']}"},
    }
    desk.edit(team, participant=[*team["participant"], theirs])
    desk.sync([row(**CONSENT), row(1001, "F2", Voornaam="Bo", Mobiel="06-12345602", Toestemming="ingetrokken")])
    held = desk.ehr.all("CareTeam")[0]["participant"]
    assert held[len(team["participant"])] == theirs
    assert f"RelatedPerson/{figure['id']}" not in members(desk)
    desk.sync([row(**CONSENT), row(1001, "F2", Voornaam="Bo", Mobiel="06-12345602", **CONSENT)])
    assert theirs in desk.ehr.all("CareTeam")[0]["participant"]


def test_a_withdrawal_ends_the_place_of_a_figure_whom_the_ehr_names_in_full(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    (team,) = desk.ehr.all("CareTeam")
    (place,) = team["participant"]
    full = {**place, "member": {"reference": f"{desk.ehr.base_url}/{place['member']['reference']}"}}
    desk.edit(team, participant=[full])
    desk.sync([row(Toestemming="ingetrokken")])
    assert members(desk) == []


def test_participants_that_were_put_in_another_order_stay_in_it(desk: Desk) -> None:
    rows = [row(1001, f"F{n}", Voornaam=name, Mobiel=f"06-1234560{n}", **CONSENT) for n, name in enumerate("ABC", 1)]
    desk.sync(rows)
    (team,) = desk.ehr.all("CareTeam")
    doctor = {"member": {"reference": "Practitioner/d1"}, "role": [{"text": "arts"}]}
    order = [team["participant"][2], doctor, team["participant"][0], team["participant"][1]]
    desk.edit(team, participant=order)
    desk.sync([row(1001, "F1", Voornaam="A", Toestemming="ingetrokken"), *rows[1:]])
    (after,) = desk.ehr.all("CareTeam")
    ended = {**order[2], "period": {"end": "2026-11-23"}}
    assert after["participant"] == [order[0], doctor, ended, order[3]]


def test_two_patients_with_one_number_are_both_left_alone(desk: Desk) -> None:
    identifier = [{"system": CLIENT_SYSTEM, "value": "1001"}]
    desk.ehr.add({"resourceType": "Patient", "id": "twin", "identifier": identifier, "birthDate": "2012-05-01"})
    before = desk.writes()
    desk.sync([row(**CONSENT)])
    assert [problem.code for problem in desk.problems] == ["sync-client-double"]
    assert desk.writes() == before


def test_a_resource_that_is_on_two_pages_is_one_resource(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])

    def twice(_path: str, body: Json) -> Json:
        for bundle in [body, *(entry.get("resource", {}) for entry in body.get("entry", ()))]:
            if bundle.get("type") == "searchset":
                bundle["entry"] = [*bundle.get("entry", ()), *bundle.get("entry", ())]
        return body

    untidy(desk, twice)
    assert [step.state for step in desk.sync([row(**{**CONSENT, "Mobiel": "06-12345677"})])] == ["done"]
    assert len(desk.figures()) == 1
    assert len(desk.ehr.all("CareTeam")[0]["participant"]) == 1


@pytest.mark.parametrize("kind", ["RelatedPerson", "CareTeam", "Consent"])
def test_what_an_untidy_page_leaves_out_is_not_made_again(desk: Desk, kind: str) -> None:
    desk.sync([row(**CONSENT)])

    def without(_path: str, body: Json) -> Json:
        for bundle in [body, *(entry.get("resource", {}) for entry in body.get("entry", ()))]:
            if bundle.get("type") == "searchset":
                bundle["entry"] = [
                    entry for entry in bundle.get("entry", ()) if entry["resource"]["resourceType"] != kind
                ]
        return body

    untidy(desk, without)
    desk.sync([row(**{**CONSENT, "Mobiel": "06-12345677"})])
    assert len([body for body in desk.figures() if body["active"]]) == 1
    assert len(desk.ehr.all("CareTeam")) == 1
    assert len([body for body in desk.ehr.all("Consent") if body["status"] == "active"]) == 1


def test_a_next_link_to_another_host_is_not_followed_and_nothing_is_planned(
    desk_with: Callable[[Behaviour], Desk],
) -> None:
    desk = desk_with(Behaviour(page_size=1, origin_of_next="https://elsewhere.example"))
    with pytest.raises(EhrProtocolError):
        desk.plan([row(1001, **CONSENT), row(1002, "F2", **CONSENT)])
    assert not desk.plan_path.exists()


def test_answers_to_a_transaction_in_another_order_mix_nobody_up(desk: Desk) -> None:
    def reversed_answers(_path: str, body: Json) -> Json:
        if body.get("type") == "transaction-response":
            people = [entry for entry in body["entry"] if "/RelatedPerson/" in f"/{entry['response']['location']}"]
            turned = iter(people[::-1])
            body["entry"] = [next(turned) if entry in people else entry for entry in body["entry"]]
        return body

    untidy(desk, reversed_answers)
    people = {"F1": ("Samira", "06-12345601"), "F2": ("Henk", "06-12345602"), "F3": ("Bea", "06-12345603")}
    rows = [row(1001, key, Voornaam=name, Mobiel=phone, **CONSENT) for key, (name, phone) in people.items()]
    desk.sync(rows)
    desk.sync([{**each, "E-mail": f"{each['Voornaam'].lower()}@example.nl"} for each in rows])
    for figure in desk.figures():
        (name,) = figure["name"][0]["given"]
        assert f"{name.lower()}@example.nl" in {item["value"] for item in figure["telecom"]}
    assert len(desk.figures()) == 3


def test_ids_that_all_changed_by_a_migration_are_found_back_by_what_is_ours(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    held = {kind: desk.ehr.all(kind) for kind in ("RelatedPerson", "Consent", "CareTeam")}
    (figure,) = desk.figures()
    moved = make_desk(desk.folder)
    swap = {f"RelatedPerson/{figure['id']}": "RelatedPerson/new-1"}
    for body in [figure, *held["Consent"], *held["CareTeam"]]:
        moved.ehr.add(_renamed({**body, "id": "new-1"}, swap))
    before = moved.writes()
    assert {step.state for step in moved.sync([row(**CONSENT)])} == {"same"}
    assert moved.writes() == before
    moved.sync([row(**{**CONSENT, "Mobiel": "06-12345677"})])
    assert [body["id"] for body in moved.figures()] == ["new-1"]


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def test_what_names_a_patient_of_another_server_is_of_another_child(desk: Desk) -> None:
    desk.sync([row(**CONSENT)])
    [figure], [consent] = desk.figures(), desk.ehr.all("Consent")
    theirs = {"reference": "https://elsewhere.example/fhir/Patient/p1001"}
    own = {"reference": f"{desk.ehr.base_url}/Patient/p1001"}
    desk.edit(figure, id="theirs", identifier=[], patient=theirs)
    desk.edit(figure, id="own", identifier=[], patient=own)
    desk.ehr.add({**consent, "id": "theirs", "identifier": [], "patient": theirs})
    with desk.reached() as (_, ehr):
        network = ehr.population.networks(["p1001"])["p1001"]
    assert {each.id for each in network.figures} == {figure["id"], "own"}
    assert [record.id for record in network.consents] == [consent["id"]]
