"""Which of several copies of a resource counts: the newest, and of a consent or a block never just one."""

from __future__ import annotations

import pytest

from fhir_plugin.mapping.network import from_fhir, to_fhir
from fhir_plugin.mapping.safety import BLOCK_CODE
from fhir_plugin.model.consent import Status
from fhir_plugin.model.terms import NETWORK_IDENTIFIER, Extensions

CHILD = {"resourceType": "Patient", "id": "p"}
CONSENT = {
    "resourceType": "Consent",
    "id": "c",
    "status": "active",
    "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
    "patient": {"reference": "Patient/p"},
    "performer": [{"reference": "RelatedPerson/m"}],
    "provision": {"type": "permit"},
}
BLOCK = {
    "resourceType": "Flag",
    "id": "f",
    "status": "active",
    "code": {"coding": [{"system": BLOCK_CODE.system, "code": BLOCK_CODE.code}]},
    "subject": {"reference": "Patient/p"},
}


def figure(**more):
    label = [{"url": Extensions.OWN_LABEL, "valueString": "tante Sam"}]
    body = {"resourceType": "RelatedPerson", "id": "s", "patient": {"reference": "Patient/p"}, "extension": label}
    return body | more


def test_the_same_resource_twice_gives_its_newest_version():
    old = figure(meta={"versionId": "9"}, gender="male")
    new = figure(meta={"versionId": "10"}, gender="female")
    assert [figure.gender for figure in from_fhir([CHILD, new, old], patient_id="p").network.figures] == ["female"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-06-01T12:00:00Z", "2026-06-01T12:00:00.5Z"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00"),
    ],
    ids=["a fraction of a second later", "after the clock went back"],
)
def test_the_newest_version_is_told_by_the_moment_not_by_how_it_is_written(older, newer):
    old = {**CONSENT, "meta": {"lastUpdated": older}}
    new = {**CONSENT, "status": "inactive", "meta": {"lastUpdated": newer}}
    teams = [
        {"resourceType": "CareTeam", "id": name, "status": "active", "subject": {"reference": "Patient/p"}}
        | {"identifier": [{"system": NETWORK_IDENTIFIER, "value": "p"}], "meta": {"lastUpdated": moment}}
        for name, moment in (("new", newer), ("old", older))
    ]
    for bodies in ([old, new, *teams], [new, old, *reversed(teams)]):
        network = from_fhir([CHILD, *bodies], patient_id="p").network
        assert [consent.status for consent in network.consents] == [Status.INACTIVE]
        assert network.team.id == "new"


def test_of_two_different_consents_or_blocks_of_one_version_none_permits_and_any_blocks():
    withdrawn = {**CONSENT, "status": "inactive"}
    lifted = {**BLOCK, "status": "inactive"}
    for bodies in ([CONSENT, withdrawn, lifted, BLOCK], [withdrawn, CONSENT, BLOCK, lifted]):
        network = from_fhir([CHILD, *bodies], patient_id="p").network
        assert all("Consent.id" in consent.not_understood for consent in network.consents)
        assert network.sharing_is_off
        kept = [entry["resource"] for entry in to_fhir(network)["entry"]]
        assert all(body in kept for body in bodies)


def test_two_different_bodies_of_one_version_are_reported_and_the_first_is_used():
    first, second = figure(gender="male"), figure(gender="female")
    mapped = from_fhir([CHILD, first, second], patient_id="p")
    assert [figure.gender for figure in mapped.network.figures] == ["male"]
    assert [issue.code for issue in mapped.report] == ["contradicting-copies"]
