"""The launch context and the user (App Launch 2.2, *Scopes and Launch Context*)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from launch_fakes import Browser, FakeEhr

from smart_app.launch.launcher import Launcher
from smart_app.launch.phases import ActiveLaunch


@pytest.fixture
def launched(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> Callable[[], ActiveLaunch]:
    def launch() -> ActiveLaunch:
        launch_id = browser.launch(ehr).split("/")[2]
        cookie = browser.client.get_cookie(f"__Host-sf-l-{launch_id}", domain="steun.example.nl")
        assert cookie is not None
        return launcher.active(launch_id, cookie.value)

    return launch


@pytest.mark.rule("context-banner")
@pytest.mark.parametrize("value", [True, None, "false", 0])
def test_the_patient_banner_is_shown_unless_the_ehr_says_false(
    launched: Callable[[], ActiveLaunch], ehr: FakeEhr, value: Any
) -> None:
    ehr.token["need_patient_banner"] = value
    assert launched().need_patient_banner


@pytest.mark.rule("context-banner")
def test_the_patient_banner_can_be_left_to_the_ehr(launched: Callable[[], ActiveLaunch], ehr: FakeEhr) -> None:
    ehr.token["need_patient_banner"] = False
    assert not launched().need_patient_banner


@pytest.mark.rule("context-items")
@pytest.mark.requirement("191")
def test_fhir_context_items_have_a_reference_a_canonical_or_an_identifier_and_a_role(
    launched: Callable[[], ActiveLaunch], ehr: FakeEhr
) -> None:
    ehr.token["fhirContext"] = [
        {"reference": "CareTeam/1"},
        {"reference": "RelatedPerson/2", "role": "https://example.org/friend"},
        {"canonical": "http://example.org/Questionnaire/q|1"},
        {"identifier": {"system": "urn:x", "value": "y"}, "type": "Organization"},
        {"type": "Nothing"},
        "nonsense",
    ]
    assert launched().fhir_context == (
        ("launch", "CareTeam/1"),
        ("https://example.org/friend", "RelatedPerson/2"),
        ("launch", "http://example.org/Questionnaire/q|1"),
        ("launch", "urn:x|y"),
    )


@pytest.mark.rule("context-intent")
def test_an_unknown_intent_and_a_tenant_are_carried_as_they_are(
    launched: Callable[[], ActiveLaunch], ehr: FakeEhr
) -> None:
    ehr.token |= {"intent": "no-such-view", "tenant": "opaque/…", "encounter": "visit-1"}
    launch = launched()
    assert (launch.intent, launch.tenant, launch.encounter_id) == ("no-such-view", "opaque/…", "visit-1")


@pytest.mark.rule("context-user")
@pytest.mark.parametrize("kind", ["Practitioner", "PractitionerRole", "Patient", "RelatedPerson"])
@pytest.mark.parametrize("base", ["", "https://noord.example.nl/fhir/"])
def test_fhir_user_may_be_relative_or_absolute_and_of_each_kind(
    launched: Callable[[], ActiveLaunch], ehr: FakeEhr, kind: str, base: str
) -> None:
    ehr.claims = {"fhirUser": f"{base}{kind}/a-1"}
    user = launched().user
    assert (user.kind, user.reference) == (kind, f"{kind}/a-1")


@pytest.mark.parametrize(
    "reference",
    ["https://elders.example.nl/fhir/Practitioner/7", "Device/1", "Practitioner/", "Practitioner/../x", 7, None],
    ids=str,
)
def test_a_user_of_another_server_or_kind_is_nobody_we_know(
    launched: Callable[[], ActiveLaunch], ehr: FakeEhr, reference: Any
) -> None:
    ehr.claims = {"fhirUser": reference}
    assert launched().user.kind == "unknown"


@pytest.mark.parametrize("patient", [None, "", 7, "Patient/kind-1", "a b", "x" * 65])
def test_a_launch_without_a_usable_patient_is_refused_because_the_app_never_guesses(
    browser: Browser, ehr: FakeEhr, patient: Any
) -> None:
    ehr.token["patient"] = patient
    assert browser.answer(ehr, browser.start(ehr)["state"]).status_code == 403


def test_the_language_is_what_the_launch_asked_then_the_issuers_then_the_settings(
    browser: Browser, ehr: FakeEhr, app: Flask
) -> None:
    launcher: Launcher = app.extensions["steunfiguren.launcher"]
    for wish, expected in (("en", "en"), ("nl", "nl"), ("xx", "nl"), ("", "nl")):
        launch_id = browser.launch(ehr, lang=wish).split("/")[2]
        cookie = browser.client.get_cookie(f"__Host-sf-l-{launch_id}", domain="steun.example.nl")
        assert cookie is not None
        assert launcher.active(launch_id, cookie.value).language == expected


@pytest.mark.rule("context-user")
@pytest.mark.parametrize(
    ("links", "expected"),
    [
        (["RelatedPerson/of-kind-1"], ("RelatedPerson", "RelatedPerson/of-kind-1")),
        (["RelatedPerson/of-kind-2", "RelatedPerson/of-kind-1"], ("RelatedPerson", "RelatedPerson/of-kind-1")),
        (["https://noord.example.nl/fhir/RelatedPerson/of-kind-1"], ("RelatedPerson", "RelatedPerson/of-kind-1")),
        (["Patient/kind-1"], ("Patient", "Patient/kind-1")),
        (["Practitioner/7"], ("Practitioner", "Practitioner/7")),
        (["RelatedPerson/of-kind-2", "Patient/kind-2"], ("Person", "Person/p-1")),
        (["https://elders.example.nl/fhir/Patient/kind-1"], ("Person", "Person/p-1")),
        (["RelatedPerson/unknown"], ("Person", "Person/p-1")),
        (["RelatedPerson/unknown", "RelatedPerson/of-kind-1"], ("RelatedPerson", "RelatedPerson/of-kind-1")),
        (["RelatedPerson/not-ours", "RelatedPerson/of-kind-1"], ("RelatedPerson", "RelatedPerson/of-kind-1")),
        (["Practitioner/7", "RelatedPerson/of-kind-1"], ("RelatedPerson", "RelatedPerson/of-kind-1")),
        (["RelatedPerson/of-kind-1/_history/2"], ("RelatedPerson", "RelatedPerson/of-kind-1")),
        (["RelatedPerson/a b", "RelatedPerson/../x", "", 7, "Patient/kind-1"], ("Patient", "Patient/kind-1")),
        (["Practitioner/7", "RelatedPerson/of-kind-2"], ("Practitioner", "Practitioner/7")),
        ([], ("Person", "Person/p-1")),
    ],
)
def test_a_person_is_whom_this_childs_record_knows_them_as(
    launched: Callable[[], ActiveLaunch], ehr: FakeEhr, links: list[Any], expected: tuple[str, str]
) -> None:
    ehr.claims = {"fhirUser": "Person/p-1"}
    targets = [{"target": {"reference": link}} for link in links]
    person = {"resourceType": "Person", "id": "p-1", "link": [*targets, {}, "nonsense"]}
    ehr.mock.get(f"{ehr.iss}/Person/p-1", json=person)
    for number in (1, 2):
        related = {"resourceType": "RelatedPerson", "id": f"of-kind-{number}"}
        patient = {"patient": {"reference": f"Patient/kind-{number}"}}
        ehr.mock.get(f"{ehr.iss}/RelatedPerson/of-kind-{number}", json=related | patient)
    ehr.mock.get(f"{ehr.iss}/RelatedPerson/unknown", status=404)
    ehr.mock.get(f"{ehr.iss}/RelatedPerson/not-ours", status=403)
    user = launched().user
    assert (user.kind, user.reference) == expected


@pytest.mark.requirement("202")
@pytest.mark.parametrize(
    ("reference", "resource", "status", "expected"),
    [
        ("Practitioner/7", {"name": [{"given": ["Joke"], "family": "de Vries"}]}, 200, "Joke de Vries"),
        ("PractitionerRole/3", {"practitioner": {"display": "J. de Vries"}}, 200, "J. de Vries"),
        ("PractitionerRole/3", {"practitioner": "nonsense"}, 200, ""),
        ("Practitioner/7", {}, 200, ""),
        ("Practitioner/7", {}, 403, ""),
        ("Practitioner/7", {}, 404, ""),
    ],
)
def test_a_professional_whom_the_id_token_does_not_name_is_called_as_the_record_system_calls_them(
    launched: Callable[[], ActiveLaunch],
    ehr: FakeEhr,
    reference: str,
    resource: dict[str, Any],
    status: int,
    expected: str,
) -> None:
    ehr.claims = {"fhirUser": reference, "name": None}
    kind, _, number = reference.partition("/")
    read = ehr.mock.get(f"{ehr.iss}/{reference}", json={"resourceType": kind, "id": number, **resource}, status=status)
    user = launched().user
    assert (user.name, user.reference) == (expected, reference)
    assert read.calls[0].request.headers["Authorization"] == "Bearer access-1-noord"


def test_a_name_in_the_id_token_spares_the_request(launched: Callable[[], ActiveLaunch], ehr: FakeEhr) -> None:
    assert launched().user.name == "Petra Proefpersoon"
    assert not [call for call in ehr.mock.calls if "/Practitioner/" in str(call.request.url)]
