"""References that may be the same refuse and do not permit: patients, grantors, actors and data alike."""

from __future__ import annotations

from typing import Any

import pytest
from consent_cases import POLICY, consent, facts_of, request_of, standard_facts, standard_request

from fhir_plugin.consent import decide
from fhir_plugin.mapping.consent import consents_from_fhir

ELSEWHERE = "https://ehr.example/fhir/"


def made_absolute(body: dict[str, Any], *path: str | int) -> dict[str, Any]:
    *parents, last = path
    held: Any = body
    for step in parents:
        held = held[step]
    held[last] = {**held[last], "reference": ELSEWHERE + held[last]["reference"]}
    return body


@pytest.mark.parametrize(
    "path",
    [
        ("patient",),
        ("performer", 0),
        ("provision", "actor", 0, "reference"),
        ("provision", "data", 0, "reference"),
    ],
    ids=["patient", "grantor", "actor", "data"],
)
def test_an_absolute_reference_may_be_the_same_so_it_refuses_but_does_not_permit(path: tuple[str | int, ...]) -> None:
    data = [{"meaning": "instance", "reference": "CarePlan/plan"}]
    request = request_of(standard_request(data=[{"reference": "CarePlan/plan"}]))
    facts = facts_of(standard_facts())

    def said(index: int, **words: Any) -> dict[str, Any]:
        return made_absolute(consent(index, data=data, **words), *path)

    assert decide(request, consents_from_fhir([consent(1)]), facts, POLICY)
    assert not decide(request, consents_from_fhir([said(2)]), facts, POLICY)
    assert not decide(request, consents_from_fhir([consent(1), said(2, says="deny")]), facts, POLICY)


@pytest.mark.parametrize("path", [("patient",), ("performer", 0), ("provision", "actor", 0, "reference")])
def test_another_version_of_a_reference_is_the_same(path: tuple[str | int, ...]) -> None:
    body = consent()
    *parents, last = path
    held: Any = body
    for step in parents:
        held = held[step]
    held[last] = {"reference": held[last]["reference"] + "/_history/7"}

    assert decide(request_of(standard_request()), consents_from_fhir([body]), facts_of(standard_facts()), POLICY)


def test_a_refusal_for_a_team_of_theirs_that_is_named_in_full_refuses() -> None:
    request, facts = request_of(standard_request()), facts_of(standard_facts(team_until=""))
    refusal = consent(2, says="deny", to=["team"])
    permit = made_absolute(consent(3, to=["team"]), "provision", "actor", 0, "reference")

    assert decide(request, consents_from_fhir([consent(1)]), facts, POLICY)
    assert not decide(request, consents_from_fhir([consent(1), refusal]), facts, POLICY)
    assert not decide(
        request,
        consents_from_fhir([consent(1), made_absolute(refusal, "provision", "actor", 0, "reference")]),
        facts,
        POLICY,
    )
    assert not decide(request, consents_from_fhir([permit]), facts, POLICY)
