"""A launch by Koppeltaal: a signed message, judged by the EHR; data through Backend Services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
import requests
from flask import Flask
from launch_fakes import Browser, Clock, FakeEhr

from smart_app.launch.phases import ActiveLaunch
from smart_app.settings import ClientType, Settings

TASK = {"resource": "Task/t-1", "definition": "ActivityDefinition/steunfiguren", "intent": "plan"}


class Koppeltaal:
    """A Koppeltaal server: introspection, NOOP tokens, and backend tokens that work."""

    def __init__(self, ehr: FakeEhr, clock: Clock) -> None:
        self.ehr = ehr
        self.message: dict[str, Any] = {"active": True, "jti": "m-1", "sub": "Practitioner/7", "exp": clock() + 120}
        self.asked: list[dict[str, list[str]]] = []
        ehr.metadata |= {
            "capabilities": ["context-ehr-hti", "authorize-post"],
            "introspection_endpoint": f"{ehr.issuer}/introspect",
        }
        ehr.token = {
            "access_token": "NOOP",
            "refresh_token": None,
            "scope": "launch openid fhirUser",
            "sub": "Practitioner/7",
            "patient": "Patient/kind-1",
            **TASK,
        }
        ehr.claims = {"fhirUser": None}
        ehr.mock.add_callback("POST", f"{ehr.issuer}/introspect", self._introspect)

    def _introspect(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(parse_qs(str(request.body)))
        return 200, {}, orjson.dumps(self.message)


@pytest.fixture
def koppeltaal(ehr: FakeEhr, clock: Clock) -> Koppeltaal:
    return Koppeltaal(ehr, clock)


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings, signing_keys: tuple[Path, ...]) -> Flask:
    noord = replace(
        settings.issuers[0], client_type=ClientType.ASYMMETRIC, backend_scopes=("system/*.cruds",), scopes=("launch",)
    )
    return make_app(replace(settings, issuers=(noord,), signing_keys=signing_keys))


def active(browser: Browser, app: Flask, path: str) -> ActiveLaunch:
    launch_id = path.split("/")[2]
    cookie = browser.client.get_cookie(f"__Host-sf-l-{launch_id}", domain="steun.example.nl")
    assert cookie is not None
    found: ActiveLaunch = app.extensions["steunfiguren.launcher"].active(launch_id, cookie.value)
    return found


def post(browser: Browser, ehr: FakeEhr, message: str = "signed.message") -> Any:
    return browser.post("/launch", {"iss": ehr.iss, "launch": message}, headers={"Sec-Fetch-Dest": "document"})


@pytest.mark.requirement("270", "317", "319")
def test_the_message_is_judged_by_the_ehr_before_anything_else(
    browser: Browser, ehr: FakeEhr, koppeltaal: Koppeltaal
) -> None:
    answer = post(browser, ehr)
    assert answer.status_code == 303
    asked = koppeltaal.asked[0]
    assert asked["token"] == ["signed.message"]
    assert asked["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert "client_assertion" in asked
    assert "scope=launch+openid+fhirUser&" in answer.location.replace("%20", "+") + "&"


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"active": "true"},
        {"jti": ""},
        {"sub": "Device/1"},
        {"exp": 1_799_999_900},
        {"exp": 1_800_003_600},
    ],
    ids=str,
)
def test_a_message_that_is_refused_incomplete_or_lives_too_long_opens_nothing(
    browser: Browser, ehr: FakeEhr, koppeltaal: Koppeltaal, change: dict[str, Any]
) -> None:
    koppeltaal.message |= change
    assert post(browser, ehr).status_code == 403


def test_a_message_is_accepted_once(browser: Browser, ehr: FakeEhr, koppeltaal: Koppeltaal) -> None:
    assert post(browser, ehr).status_code == 303
    assert post(browser, ehr).status_code == 400


@pytest.mark.rule("backend-token")
@pytest.mark.requirement("233", "234", "235", "236", "237", "238", "239", "263", "264")
def test_data_come_with_a_token_of_our_own_and_never_with_the_one_that_means_nothing(
    browser: Browser, app: Flask, ehr: FakeEhr, koppeltaal: Koppeltaal, clock: Clock
) -> None:
    answer = post(browser, ehr)
    path = browser.answer(ehr, parse_qs(answer.location.partition("?")[2])["state"][0]).location
    launch = active(browser, app, path)
    assert launch.by_backend
    assert (launch.patient_id, launch.user.reference, launch.intent) == ("kind-1", "Practitioner/7", "plan")
    assert launch.fhir_context == (("launch", "Task/t-1"), ("launch", "ActivityDefinition/steunfiguren"))
    assert launch.lacking == ()
    ehr.token = {"id_token": None, "patient": None}
    assert browser.get(f"{path}probe").get_json()["patient"] == "kind-1"
    assert browser.get(f"{path}probe").status_code == 200
    clock.advance(700)
    assert browser.get(f"{path}probe").status_code == 200
    backend = [form for form, _ in ehr.token_requests if form["grant_type"] == "client_credentials"]
    assert [form["scope"] for form in backend] == ["system/*.cruds"] * 2, (
        "one token for two pages, renewed with its scope"
    )
    assert "Bearer NOOP" not in ehr.fhir_tokens


def test_the_patient_is_the_user_where_the_launch_names_no_other(
    browser: Browser, app: Flask, ehr: FakeEhr, koppeltaal: Koppeltaal
) -> None:
    ehr.token |= {"sub": "Patient/kind-1", "patient": None}
    answer = post(browser, ehr)
    path = browser.answer(ehr, parse_qs(answer.location.partition("?")[2])["state"][0]).location
    launch = active(browser, app, path)
    assert (launch.patient_id, launch.user.reference) == ("kind-1", "Patient/kind-1")


@pytest.mark.rule("authorize-post")
def test_a_long_message_goes_on_as_a_form(browser: Browser, ehr: FakeEhr, koppeltaal: Koppeltaal) -> None:
    answer = post(browser, ehr, "x" * 3000)
    assert answer.status_code == 200
    assert 'method="post"' in answer.text
