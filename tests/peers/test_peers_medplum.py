"""The whole sync flow against Medplum's FHIR router and memory repository (Node), which no one here wrote.

``make peers`` installs what ``medplum/package.json`` names, once; without Node it skips. See ``docs/peers.md``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.sync.applying.ways.tasks import own_identifier

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sync"))
from sync_desk import CONSENT, Desk, row
from test_sync_servers import add_child, held

FOLDER = Path(__file__).with_name("medplum")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node and npm are not installed"),
]


@pytest.fixture(scope="module")
def medplum() -> Iterator[FhirClient]:
    if not (FOLDER / "node_modules").is_dir():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=600)
    with subprocess.Popen(["node", "server.mjs"], cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield FhirClient(f"http://127.0.0.1:{port}/fhir")
        process.terminate()


@pytest.fixture
def desk(medplum: FhirClient, tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path, ehr=MemoryEhr(), client=medplum)


def figures(client: FhirClient, child: str) -> list[dict[str, Any]]:
    return [body for body in held(client, "RelatedPerson", child) if own_identifier(body)]


def test_the_probe_sees_that_its_memory_repository_rolls_nothing_back(desk: Desk) -> None:
    checks = desk.probe(add_child(desk.client, uuid.uuid4().int % 10**8, "2015-01-01"))
    assert {check for check, outcome in checks.items() if outcome != "passed"} == {"atomic"}
    with desk.reached() as (_, ehr):
        assert ehr.abilities.untrue == ("atomic",)
        assert not ehr.route.together


@pytest.mark.parametrize("probed", [True, False])
def test_a_list_is_brought_in_changed_withdrawn_and_taken_back(desk: Desk, *, probed: bool) -> None:
    client = desk.client
    number = uuid.uuid4().int % 10**8
    child = add_child(client, number, "2012-05-01")
    if probed:
        desk.probe(add_child(client, number + 1, "2015-01-01"))
    rows = [row(number, "F1", **CONSENT), row(number, "F2", Voornaam="Henk", Mobiel="06-12345602")]
    assert [(step.state, step.code) for step in desk.sync(rows)] == [("done", "")]
    (team,) = held(client, "CareTeam", child)
    (consent,) = held(client, "Consent", child)
    assert [len(figures(client, child)), len(team["participant"]), consent["status"]] == [2, 1, "active"]
    assert desk.plan(rows).totals["clients-written"] == 0
    changed = [row(number, "F1", **{**CONSENT, "Mobiel": "06-12345677"}), rows[1]]
    assert [(step.state, step.code) for step in desk.sync(changed)] == [("done", "")]
    withdrawn = [row(number, "F1", Toestemming="ingetrokken", Mobiel="06-12345677"), rows[1]]
    assert [(step.state, step.code) for step in desk.sync(withdrawn)] == [("done", "")]
    (team,) = held(client, "CareTeam", child)
    assert team["participant"][0]["period"]["end"] == "2026-11-23"
    assert [body["status"] for body in held(client, "Consent", child)] == ["inactive"]
    assert [step.state for step in desk.undo(desk.last_run())] == ["undone"]
    (team,) = held(client, "CareTeam", child)
    assert "end" not in team["participant"][0].get("period", {})
    assert [body["status"] for body in held(client, "Consent", child)] == ["active"]
