"""Access never precedes consent, and ends with it: seen from the EHR, request by request, in every way of writing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from crash_server import WAYS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sync_desk import CONSENT, Desk, make_desk, row

from fhir_plugin.ehr.memory import Behaviour
from fhir_plugin.errors import PermitRequired
from fhir_plugin.sync.applying.writing import unit_of
from fhir_plugin.sync.deciding.decisions import decide_client
from fhir_plugin.sync.journals.vault import open_vault
from fhir_plugin.sync.plans.planfile import PlanReader

Json = dict[str, Any]
BEHAVIOURS = {
    **WAYS,
    "no-care-team": Behaviour(refused=frozenset({("create", "CareTeam"), ("update", "CareTeam")})),
    "not-atomic": Behaviour(atomic=False),
    "create-only": Behaviour(interactions=frozenset({"read", "search-type", "create"}), transaction=False),
}
STATES = {
    "unknown": {},
    "given": CONSENT,
    "renewed": {**CONSENT, "Toestemming vanaf": "01-10-2026", "Toestemming tot": "30-09-2027"},
    "half": {**CONSENT, "Toestemming van": "moeder"},
    "withdrawn": {"Toestemming": "ingetrokken"},
    "refused": {"Toestemming": "nee"},
}
KEYS = ("F1", "F2", "F3")
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking: a case takes a second, and is short as it is."""
LISTS = st.lists(st.tuples(*(st.sampled_from(sorted(STATES)) for _ in KEYS)), min_size=1, max_size=3)


@contextmanager
def watched(desk: Desk) -> Iterator[list[str]]:
    """What was wrong after any request the EHR handled."""
    wrong: list[str] = []

    def look(method: str, path: str) -> None:
        if method != "GET":
            wrong.extend(f"{method} {path}: {who}" for who in without_consent(desk))

    desk.ehr.after = look
    yield wrong
    desk.ehr.after = None


def without_consent(desk: Desk) -> set[str]:
    """Figures of ours with an open place in a team and no active consent, in the EHR or in our own store."""
    with desk.storage.own_store(desk.client.base_url, open_vault(desk.storage.file)) as store:
        kept = [item.body for item in store.kept(["p1001"])]
    consents = [body for body in [*desk.ehr.all("Consent"), *kept] if body["resourceType"] == "Consent"]
    permitted = {
        actor["reference"]["reference"].split("/")[-1]
        for body in consents
        if body["status"] == "active"
        for actor in body["provision"]["actor"]
    }
    return {who for who in open_members(desk) if who not in permitted}


def open_members(desk: Desk) -> set[str]:
    teams = [body for body in desk.ehr.all("CareTeam") if body["status"] == "active"]
    return {
        item["member"]["reference"].split("/")[-1]
        for team in teams
        for item in team.get("participant", ())
        if date.fromisoformat(item.get("period", {}).get("end", "9999-01-01")) > desk.now.date()
    }


def rows_of(states: tuple[str, ...]) -> list[dict[str, str]]:
    names = ("Samira", "Henk", "Bea")
    return [
        row(1001, key, Voornaam=name, Mobiel=f"06-1234560{number}", **STATES[state])
        for number, (key, name, state) in enumerate(zip(KEYS, names, states, strict=True), start=1)
    ]


def held_to(way: str, lists: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = make_desk(Path(folder), BEHAVIOURS[way], clients=(1001,))
        for states in lists:
            with watched(desk) as wrong:
                desk.sync(rows_of(states))
            assert wrong == []
            if way not in ("create-only", "no-care-team"):
                ended = {
                    body["id"]
                    for body, state in zip(by_name(desk), states, strict=False)
                    if state in ("withdrawn", "refused")
                }
                assert not ended & open_members(desk)


def by_name(desk: Desk) -> list[Json]:
    given = {body["name"][0]["given"][0]: body for body in desk.figures("p1001")}
    return [given[name] for name in ("Samira", "Henk", "Bea")]


@pytest.mark.parametrize("way", sorted(BEHAVIOURS))
@given(lists=LISTS)
@settings(max_examples=3, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.too_slow])
def test_at_no_moment_does_somebody_take_part_without_a_consent(way: str, lists: list[tuple[str, ...]]) -> None:
    held_to(way, lists)


@pytest.mark.nightly
@pytest.mark.parametrize("way", sorted(BEHAVIOURS))
@given(lists=LISTS)
@settings(max_examples=300, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.too_slow])
def test_at_no_moment_does_somebody_take_part_without_a_consent_in_many_lists(
    way: str, lists: list[tuple[str, ...]]
) -> None:
    held_to(way, lists)


@pytest.mark.parametrize("way", sorted(BEHAVIOURS))
def test_without_its_permit_no_way_of_writing_sends_anything(way: str, tmp_path: Path) -> None:
    desk = make_desk(tmp_path, BEHAVIOURS[way], clients=(1001,))
    desk.plan([row(**CONSENT)])
    (planned,) = PlanReader(desk.plan_path).clients()
    with desk.reached() as (_, ehr):
        network = ehr.population.network(ehr.population.records(["p1001"])["p1001"], "p1001")
        decided = decide_client(network, planned.rows, {}, desk.context(), {})
        unit = unit_of(decided)
        assert unit.decided.permits
        object.__setattr__(decided, "permits", ())
        writes, writer = desk.writes(), desk.writer_for(ehr)
        with pytest.raises(PermitRequired):
            writer.write([unit], desk.now)
    assert desk.writes() == writes


def test_a_permit_of_an_hour_ago_lets_nothing_through(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, clients=(1001,))
    desk.plan([row(**CONSENT)])
    (planned,) = PlanReader(desk.plan_path).clients()
    with desk.reached() as (_, ehr):
        network = ehr.population.network(ehr.population.records(["p1001"])["p1001"], "p1001")
        unit = unit_of(decide_client(network, planned.rows, {}, desk.context(), {}))
        with pytest.raises(PermitRequired):
            desk.writer_for(ehr).write([unit], datetime(2026, 11, 23, 10, 0, tzinfo=UTC))


def test_an_undo_gives_no_access_back_once_the_consent_is_over(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, clients=(1001,))
    desk.sync([row(**CONSENT)])
    desk.sync([row(Toestemming="ingetrokken")])
    desk.now = datetime(2028, 1, 3, 9, 0, tzinfo=UTC)
    assert [(step.state, step.code) for step in desk.undo(desk.last_run())] == [("failed", "sync-undo-no-consent")]
    assert open_members(desk) == set()
