"""The whole flow against real HTTP servers: the sandbox, and sekmet-fhir, which no one here wrote."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from sync_desk import CLIENT_SYSTEM, CONSENT, V3, VEKTIS, Desk, row

from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import MemoryEhr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "ehr"))
from ehr_servers import SERVERS  # the servers of the contract suite, started once for both


def add_child(client: FhirClient, number: int, born: str) -> str:
    """A child with a mother who has authority, new in this server."""
    identifier = [{"system": CLIENT_SYSTEM, "value": str(number)}]
    child = client.create({"resourceType": "Patient", "identifier": identifier, "birthDate": born}).id
    relationship = [{"coding": [{"system": V3, "code": "MTH"}]}, {"coding": [{"system": VEKTIS, "code": "24"}]}]
    client.create(
        {
            "resourceType": "RelatedPerson",
            "active": True,
            "patient": {"reference": f"Patient/{child}"},
            "name": [{"family": "Amrani", "given": ["Fatima"]}],
            "relationship": relationship,
        }
    )
    return child


def held(client: FhirClient, kind: str, child: str) -> list[dict[str, Any]]:
    found = client.search(kind, {"patient": f"Patient/{child}"})  # sekmet-fhir gives every CareTeam there is
    return [body for body in found if child in str(body.get("subject") or body.get("patient"))]


@pytest.mark.parametrize("name", ["sandbox", "sekmet"])
def test_a_list_is_brought_in_changed_and_withdrawn_and_a_last_run_writes_nothing(name: str, tmp_path: Path) -> None:
    client = SERVERS[name]().client()
    first = uuid.uuid4().int % 10**8
    child = add_child(client, first, "2012-05-01")
    other = add_child(client, first + 1, "2018-01-01")
    desk = Desk(folder=tmp_path, ehr=MemoryEhr(), client=client)
    desk.probe(add_child(client, first + 2, "2015-01-01"))
    rows = [row(first, "F1", **CONSENT), row(first, "F2", Voornaam="Henk"), row(first + 1, "F3", **CONSENT)]
    assert [step.state for step in desk.sync(rows, workers=2)] == ["done", "done"]
    assert len(held(client, "RelatedPerson", child)) == 3
    assert len(held(client, "RelatedPerson", other)) == 2
    (team,) = held(client, "CareTeam", child)
    assert len(team["participant"]) == 1
    desk.sync([row(first, "F1", Toestemming="ingetrokken", Mobiel="06-12345677"), *rows[1:]])
    (team,) = held(client, "CareTeam", child)
    assert team["participant"][0]["period"]["end"] == "2026-11-23"
    assert [consent["status"] for consent in held(client, "Consent", child)] == ["inactive"]
    last = [row(first, "F1", Toestemming="ingetrokken", Mobiel="06-12345677"), *rows[1:]]
    assert desk.plan(last).totals["clients-written"] == 0
    assert {step.state for step in desk.apply()} <= {"same"}
    assert {step.state for step in desk.undo(desk.last_run() - 1)} == {"undone"}
    (team,) = held(client, "CareTeam", child)
    assert "end" not in team["participant"][0].get("period", {})
    assert [consent["status"] for consent in held(client, "Consent", child)] == ["active"]
