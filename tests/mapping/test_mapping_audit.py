"""AuditEvents in the shape of IHE BALP: who took in what from where, of whom, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import pytest

from fhir_plugin.mapping.audit import AuditedAct, Outcome, Purpose, audit_event
from fhir_plugin.validation import Validator

READ = AuditedAct(
    action="R",
    patient_id="p",
    what="RelatedPerson/sam",
    user="Practitioner/joke",
    role="professional",
    purpose=Purpose.CARE,
    recorded=datetime.fromisoformat("2026-11-26T09:00:00.123456+01:00"),
    client_id="steunfiguren",
    client_host="app.example.nl",
    server="https://ehr.example.nl/fhir",
    trace="t-1",
)


def act(action: Literal["R", "C", "U"], **more: Any) -> dict[str, Any]:
    return audit_event(replace(READ, action=action, **more))


def codes(event: dict[str, Any]) -> list[str]:
    return [agent["type"]["coding"][0]["code"] for agent in event["agent"]]


@pytest.mark.parametrize(
    ("action", "agents", "profile"),
    [
        ("R", ["110152", "110153", "IRCP"], "PatientRead"),
        ("C", ["110153", "110152", "AUT"], "PatientCreate"),
        ("U", ["110153", "110152", "AUT"], "PatientUpdate"),
    ],
)
def test_data_goes_from_its_source_to_its_destination(
    action: Literal["R", "C", "U"], agents: list[str], profile: str
) -> None:
    event = act(action)

    assert codes(event) == agents
    assert event["meta"]["profile"] == [
        f"https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.{profile}"
    ]
    assert [agent["requestor"] for agent in event["agent"]] == [False, False, True]
    assert event["recorded"] == "2026-11-26T08:00:00.123Z"


def test_a_refusal_claims_no_profile_and_says_why() -> None:
    event = act("R", outcome=Outcome.REFUSED, why_not="consent-safety-block")

    assert "meta" not in event
    assert (event["outcome"], event["outcomeDesc"]) == ("4", "consent-safety-block")


def test_what_is_named_is_a_resource_of_a_patient_and_nothing_that_is_in_it() -> None:
    named = [entity["what"] for entity in act("U")["entity"]]

    assert named == [{"reference": "RelatedPerson/sam"}, {"reference": "Patient/p"}, {"identifier": {"value": "t-1"}}]


def test_a_user_the_record_system_does_not_name_is_said_not_to_be_known() -> None:
    (person,) = [agent for agent in act("R", user="", purpose=None)["agent"] if agent["requestor"]]

    assert person["who"] == {"display": "not said by the record system"}
    assert "purposeOfUse" not in person


@pytest.mark.parametrize("action", ["R", "C", "U"])
def test_it_is_fhir(action: Literal["R", "C", "U"]) -> None:
    assert not Validator.load().validate(act(action)).has_errors
