"""One engagement, however many participants an EHR keeps of one member: access is seen in all, and ends in all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fhir_plugin.consent import load_policy, unpermitted
from fhir_plugin.mapping.changes import changes_between
from fhir_plugin.mapping.network import from_fhir
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.edit import end_engagement, replace_figure
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import SNOMED, CodeSystems, Extensions, Profiles

CHILD = {"resourceType": "Patient", "id": "p", "birthDate": "2017-01-20"}
SAM = {
    "resourceType": "RelatedPerson",
    "id": "sam",
    "patient": {"reference": "Patient/p"},
    "extension": [{"url": Extensions.OWN_LABEL, "valueString": "tante Sam"}],
}
CARER, BUDDY = {"system": SNOMED, "code": "407542009"}, {"system": SNOMED, "code": "62071000"}
PRACTICAL = {"system": CodeSystems.FUNCTION, "code": "practical"}
DAY = PartialDate(2026, 11, 26)


def member(*roles: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"member": {"reference": "RelatedPerson/sam"}, "role": [{"coding": [role]} for role in roles]} | more


def team(*held: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"resourceType": "CareTeam", "id": "team", "meta": {"versionId": "7"}, "status": "active"}
    body |= {"meta": {"versionId": "7", "profile": [Profiles.NETWORK]}, "subject": {"reference": "Patient/p"}}
    return body | {"participant": list(held)}


def read(*held: dict[str, Any]) -> SupportNetwork:
    return from_fhir([CHILD, SAM, team(*held)], patient_id="p").network


def written(before: SupportNetwork, after: SupportNetwork) -> list[dict[str, Any]]:
    (change,) = changes_between(before, after)
    held: list[dict[str, Any]] = change.body["participant"]
    return held


def test_an_access_role_in_another_open_participant_is_seen_and_needs_a_consent() -> None:
    network = read(member(CARER), member(PRACTICAL))

    assert [figure.id for figure in unpermitted(network, load_policy(), datetime(2026, 11, 26, tzinfo=UTC))] == ["sam"]
    assert changes_between(network, network) == ()


def test_a_role_that_two_participants_hold_is_one_role_and_stays_as_it_was() -> None:
    network = read(member(CARER), member(CARER, BUDDY))
    (figure,) = network.figures

    assert figure.engagement is not None
    assert [role.code for role in figure.engagement.access_roles] == ["407542009", "62071000"]
    assert changes_between(network, network) == ()


def test_what_is_taken_away_is_taken_from_every_open_participant_and_nothing_else_is() -> None:
    past = member(BUDDY, period={"end": "2020-12-31"})
    network = read(past, member(CARER, onBehalfOf={"reference": "Organization/o"}), member(PRACTICAL, CARER))
    (figure,) = network.figures
    assert figure.engagement is not None
    without = replace(figure, engagement=replace(figure.engagement, access_roles=()))

    first, second, third = written(network, replace_figure(network, without))
    assert first == past
    assert second == {key: value for key, value in member(onBehalfOf={"reference": "Organization/o"}).items() if value}
    assert third == member(PRACTICAL)


def test_an_engagement_that_ends_ends_in_every_open_participant() -> None:
    past = member(BUDDY, period={"end": "2020-12-31"})
    network = read(member(CARER, period={"start": "2025"}), member(PRACTICAL), past)
    ended = written(network, end_engagement(network, "sam", DAY))

    assert [item["period"] for item in ended] == [{"start": "2025", "end": str(DAY)}, {"end": str(DAY)}, past["period"]]
    (figure,) = read(*ended).figures
    assert figure.engagement is not None
    assert figure.engagement.period.end == DAY


def test_of_ended_participants_the_one_that_ends_last_is_the_engagement() -> None:
    (figure,) = read(member(CARER, period={"end": "2031"}), member(PRACTICAL, period={"end": "2020"})).figures

    assert figure.engagement is not None
    assert [role.code for role in figure.engagement.access_roles] == ["407542009"]
