"""Killed in the middle (SIGKILL), at any step, on a line that loses answers and delivers twice; and run again.

The process that is killed and the EHR are both real processes. Whatever happened, the resumed run ends with no
duplicate, no orphan and no half-ended engagement. A sample runs by default, every step × seed in the nightly run.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
from crash_driver import run
from crash_server import WAYS
from sync_desk import CLIENT_SYSTEM, CONSENT, V3, VEKTIS, Desk, row

from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.sync.applying.ways.tasks import own_identifier

Json = dict[str, Any]
BEFORE = [row(1001, "F1", Betrokken_sinds="01-01-2026", **CONSENT), row(1002, "F2", Voornaam="Henk", **CONSENT)]
AFTER = [
    row(1001, "F1", Toestemming="ingetrokken", Band_tot="01-11-2026"),
    row(1001, "F4", Voornaam="Bea", Mobiel="06-12345604", **CONSENT),
    row(1002, "F2", Voornaam="Henk", **{**CONSENT, "Mobiel": "06-12345677"}),
    row(1003, "F3", Voornaam="Loes", Mobiel="06-12345603"),
]
SEEDS = range(4)
MOST_STEPS = 120
SAMPLE = 1


@dataclass
class World:
    """The EHR's process, and an integrator's desk that reaches it over a bad line."""

    way: str
    port: int
    desk: Desk
    eyes: FhirClient

    def line(self, seed: int, *, lost: float = 0.0, doubled: float = 0.0, fill: tuple[Json, ...] = ()) -> None:
        body = {"seed": seed, "lost": lost, "doubled": doubled, "fill": fill}
        requests.post(f"http://127.0.0.1:{self.port}/line", json=body, timeout=10).raise_for_status()

    def provenances(self) -> list[Json]:
        people = ",".join(f"RelatedPerson/{body['id']}" for body in self.all("RelatedPerson"))
        return [*self.eyes.search("Provenance", {"target": people, "_count": "100"}), *self.kept("Provenance")]

    def versions(self) -> int:
        kinds = ("RelatedPerson", "Consent", "CareTeam")
        listed = [body for kind in kinds for body in [*self.all(kind), *self.kept(kind)]]
        return sum(int(body["meta"]["versionId"].removeprefix("own-")) for body in listed)

    def all(self, kind: str) -> list[Json]:
        if (self.way, kind) == ("no-consent", "Consent"):
            return []
        patients = ",".join(f"Patient/p{number}" for number in (1001, 1002, 1003))
        return list(self.eyes.search(kind, {"patient": patients, "_count": "100"}))

    def kept(self, kind: str) -> list[Json]:
        with self.desk.reached() as (_, ehr):
            held = list(ehr.store.kept(["p1001", "p1002", "p1003"]))
        return [item.body for item in held if item.body["resourceType"] == kind]


@cache
def _server(way: str) -> tuple[subprocess.Popen[str], int]:
    script = Path(__file__).with_name("crash_server.py")
    process = subprocess.Popen([sys.executable, str(script), way], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@pytest.fixture(scope="module", autouse=True)
def _stopped() -> Iterator[None]:
    yield
    for way in WAYS:
        process, _ = _server(way) if way in _started else (None, 0)
        if process is not None:
            process.terminate()
            process.wait(10)


_started: set[str] = set()


def world(way: str, folder: Path) -> World:
    """An EHR with three children, and a first run that went well."""
    _started.add(way)
    _, port = _server(way)
    found = World(
        way=way,
        port=port,
        desk=Desk(folder=folder, ehr=MemoryEhr(), client=FhirClient(f"http://127.0.0.1:{port}/fhir")),
        eyes=FhirClient(f"http://127.0.0.1:{port}/quiet/fhir"),
    )
    people: list[Json] = []
    for number, born in ((1001, "2012-05-01"), (1002, "2018-01-01"), (1003, "2009-06-01")):
        identifier = [{"system": CLIENT_SYSTEM, "value": str(number)}]
        child = {"resourceType": "Patient", "id": f"p{number}", "identifier": identifier, "birthDate": born}
        relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
        mother = {
            "resourceType": "RelatedPerson",
            "id": f"m{number}",
            "active": True,
            "patient": {"reference": f"Patient/p{number}"},
            "name": [{"family": "Amrani", "given": ["Fatima"]}],
            "relationship": relationship,
        }
        people += [child, mother]
    found.line(0, fill=tuple(people))
    assert {step.state for step in found.desk.sync(BEFORE)} == {"done"}
    found.desk.plan(AFTER)
    return found


def resumed(found: World, seed: int, *, doubled: float) -> None:
    """Resume until it goes well: on the bad line a few times, then on a good one."""
    code = -1
    for attempt in range(6):
        found.line(seed + attempt, lost=0.3 if attempt < 3 else 0.0, doubled=doubled if attempt < 3 else 0.0)
        code, _ = run(found.desk.folder, "resume")
        if code == 0:
            break
    found.line(0)
    assert code == 0, (found.desk.folder / "output.txt").read_text()


def assert_whole(found: World) -> None:
    """No duplicate, no orphan, no half-ended engagement, no consent or access that should have ended."""
    figures = [body for body in found.all("RelatedPerson") if own_identifier(body)]
    assert len({own_identifier(body) for body in figures}) == len(figures) == 4
    consents = [*found.all("Consent"), *found.kept("Consent")]
    assert sorted(body["status"] for body in consents) == ["active", "active", "inactive"]
    assert len({own_identifier(body) for body in consents}) == 3
    teams = found.all("CareTeam")
    assert len({body["subject"]["reference"] for body in teams}) == len(teams) == 2
    by_id = {body["id"]: body for body in figures}
    members = [(item["member"]["reference"].split("/")[-1], item) for team in teams for item in team["participant"]]
    assert len(members) == len({who for who, _ in members}) == 3
    assert {who for who, _ in members} <= set(by_id)
    ended = [who for who, item in members if "end" in item.get("period", {})]
    assert [by_id[who]["name"][0]["given"][0] for who in ended] == ["Samira"]
    assert [body["active"] for body in figures if body["id"] in ended] == [False]
    permitted = {
        actor["reference"]["reference"].split("/")[-1]
        for body in consents
        if body["status"] == "active"
        for actor in body["provision"]["actor"]
    }
    assert {who for who, _ in members if who not in ended} == permitted
    told = {item["reference"] for body in found.provenances() for item in body["target"]}
    assert {f"RelatedPerson/{body['id']}" for body in figures} <= told
    versions = found.versions()
    found.desk.now = datetime.now(UTC)  # the clock of the commands that were killed and resumed
    assert {step.state for step in found.desk.sync(AFTER)} <= {"same"}
    assert found.versions() == versions


def killed_and_resumed(way: str, folder: Path, at: int, seed: int) -> bool:
    """Kill an apply at its n-th step and resume it; False when the run has fewer steps."""
    doubled = 0.0 if way == "no-conditional" else 0.3
    found = world(way, folder)
    found.line(seed, lost=0.3, doubled=doubled)
    code, steps = run(folder, "apply", at)
    if code != -signal.SIGKILL:
        assert steps < at
        return False
    resumed(found, seed + 100, doubled=doubled)
    assert_whole(found)
    return True


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_run_that_is_killed_somewhere_is_resumed_without_a_double_or_a_loose_end(way: str, tmp_path: Path) -> None:
    chance = random.Random(way)
    for number in range(SAMPLE):
        (tmp_path / str(number)).mkdir()
        killed_and_resumed(way, tmp_path / str(number), chance.randrange(2, 30), seed=number)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_run_that_is_killed_at_any_step_is_resumed(way: str, seed: int, tmp_path: Path) -> None:
    for at in range(1, MOST_STEPS):
        (tmp_path / str(at)).mkdir()
        if not killed_and_resumed(way, tmp_path / str(at), at, seed):
            assert at > 15
            return
    pytest.fail("there are more steps than were tried")


def test_a_create_that_arrives_twice_where_nothing_prevents_it_is_put_in_quarantine(tmp_path: Path) -> None:
    found = world("no-conditional", tmp_path)
    found.line(1, doubled=1.0)
    code, _ = run(tmp_path, "apply")
    assert code == 1
    versions = found.versions()
    run(tmp_path, "resume")
    assert found.versions() == versions
    consents = [body for body in found.all("Consent") if body["status"] == "active"]
    figures = [body for body in found.all("RelatedPerson") if own_identifier(body)]
    assert len(figures) > len({own_identifier(body) for body in figures})
    assert len(consents) <= 2


def test_a_run_that_was_killed_can_be_taken_back(tmp_path: Path) -> None:
    for way, at in (("transaction", 12), ("saga", 20)):
        folder = tmp_path / way
        folder.mkdir()
        found = world(way, folder)
        first = found.desk.last_run()
        code, _ = run(folder, "apply", at)
        assert code == -signal.SIGKILL
        resumed(found, 5, doubled=0.0)
        for number in range(found.desk.last_run(), first, -1):
            assert {step.state for step in found.desk.undo(number)} <= {"undone"}
        teams = found.all("CareTeam")
        assert all("end" not in item.get("period", {}) for team in teams for item in team["participant"])
        active = [body["name"][0]["given"][0] for body in found.all("RelatedPerson") if body["active"]]
        assert sorted(active) == ["Fatima", "Fatima", "Fatima", "Henk", "Samira"]
