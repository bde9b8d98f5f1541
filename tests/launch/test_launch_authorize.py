"""The authorization request and its answer (App Launch 2.2, *Request an authorization code*)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from flask import Flask
from launch_fakes import APP, Browser, Clock, FakeEhr, query_of

from smart_app.settings import Settings


@pytest.mark.rule("authorize-parameters")
@pytest.mark.requirement(
    "3", "161", "211", "32", "33", "34", "35", "37", "39", "41", "44", "45", "50", "51", "47", "195", "196"
)
def test_an_ehr_launch_asks_for_a_code_with_every_required_parameter(browser: Browser, ehr: FakeEhr) -> None:
    params = browser.start(ehr, launch="opaque-value")
    assert params["response_type"] == "code"
    assert params["client_id"] == "app-at-noord"
    assert params["redirect_uri"] == f"{APP}/callback/noord"
    assert params["launch"] == "opaque-value"
    assert params["aud"] == ehr.iss
    assert params["code_challenge_method"] == "S256"
    assert {"launch", "openid", "fhirUser"} <= set(params["scope"].split())
    assert "launch/patient" not in params["scope"].split()
    assert params["state"]
    assert "max_age" not in params


@pytest.mark.rule("authorize-standalone")
@pytest.mark.requirement("36")
def test_a_standalone_launch_sends_no_launch_and_asks_for_a_patient(browser: Browser, ehr: FakeEhr) -> None:
    answer = browser.get("/start", query_string={"issuer": "noord"})
    assert answer.status_code == 303
    params = query_of(answer.location)
    assert "launch" not in params
    assert "launch/patient" in params["scope"].split()
    assert "launch" not in params["scope"].split()


def test_the_start_page_offers_only_ehrs_that_may_be_started_from(browser: Browser) -> None:
    page = browser.get("/start").text
    assert "Jeugdhulp Noord" in page
    assert "Jeugdhulp Zuid" not in page


def test_a_launch_by_form_post_is_the_same_launch(browser: Browser, ehr: FakeEhr) -> None:
    answer = browser.post("/launch", {"iss": ehr.iss, "launch": "by-post"}, headers={"Sec-Fetch-Dest": "document"})
    assert answer.status_code == 303
    assert "launch=by-post" in answer.location


@pytest.mark.rule("authorize-post")
@pytest.mark.requirement("52")
def test_the_request_goes_as_a_form_where_the_ehr_takes_forms_and_the_settings_ask_for_it(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr
) -> None:
    ehr.metadata["capabilities"] = ["launch-ehr", "authorize-post"]
    noord = replace(settings.issuers[0], authorize_post=True)
    browser = Browser(make_app(replace(settings, issuers=(noord,))).test_client())
    answer = browser.get(
        "/launch", query_string={"iss": ehr.iss, "launch": "l"}, headers={"Sec-Fetch-Dest": "document"}
    )
    assert answer.status_code == 200
    assert f'action="{ehr.issuer}/authorize"' in answer.text
    assert 'name="code_challenge"' in answer.text
    assert "form-action 'self' https://noord.example.nl;" in answer.headers["Content-Security-Policy"]


@pytest.mark.rule("authorize-state")
@pytest.mark.requirement("2", "40")
def test_state_and_verifier_are_unpredictable_and_never_repeated(browser: Browser, ehr: FakeEhr) -> None:
    launches = [browser.start(ehr) for _ in range(20)]
    assert len({params["state"] for params in launches}) == 20
    assert len({params["code_challenge"] for params in launches}) == 20
    assert all(len(params["state"]) * 6 >= 122 for params in launches)


@pytest.mark.rule("authorize-parameters", "token-form")
@pytest.mark.requirement("13", "62", "67", "68", "69", "70")
def test_the_code_is_traded_with_the_verifier_behind_the_challenge(browser: Browser, ehr: FakeEhr) -> None:
    params = browser.start(ehr)
    browser.answer(ehr, params["state"], code="the-code")
    form, headers = ehr.token_requests[0]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == "the-code"
    assert form["redirect_uri"] == params["redirect_uri"]
    challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    assert challenge == params["code_challenge"]
    assert 43 <= len(form["code_verifier"]) <= 128


def test_the_callback_ends_in_a_clean_address_without_code_or_state(browser: Browser, ehr: FakeEhr) -> None:
    answer = browser.answer(ehr, browser.start(ehr)["state"])
    assert answer.status_code == 303
    assert answer.location.startswith("/l/")
    assert "?" not in answer.location


@pytest.mark.rule("authorize-state")
@pytest.mark.requirement("4", "39", "60", "61")
@pytest.mark.parametrize("change", ["missing", "unknown", "other-browser", "replayed", "expired"])
def test_an_answer_without_a_living_state_of_this_browser_is_refused_before_any_request(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr, clock: Clock, change: str
) -> None:
    state = browser.start(ehr)["state"]
    sender = browser
    if change == "missing":
        state = ""
    elif change == "unknown":
        state = "x" * 43
    elif change == "other-browser":
        sender = new_browser()
    elif change == "replayed":
        assert browser.answer(ehr, state).status_code == 303
    else:
        clock.advance(601)
    before = len(ehr.token_requests)
    answer = sender.answer(ehr, state)
    assert answer.status_code == 400
    assert len(ehr.token_requests) == before


@pytest.mark.rule("authorize-error")
@pytest.mark.threat("login-csrf")
def test_an_error_with_a_made_up_state_is_refused_as_a_bad_state_and_not_as_the_ehrs_error(
    browser: Browser, ehr: FakeEhr
) -> None:
    answer = browser.get("/callback/noord", query_string={"state": "bogus", "error": "access_denied"})
    assert answer.status_code == 400
    state = browser.start(ehr)["state"]
    denied = browser.get("/callback/noord", query_string={"state": state, "error": "access_denied"})
    assert denied.status_code == 403


def test_a_repeated_parameter_is_refused(browser: Browser, ehr: FakeEhr) -> None:
    state = browser.start(ehr)["state"]
    answer = browser.get(f"/callback/noord?state={state}&code=a&code=b")
    assert answer.status_code == 400
    assert not ehr.token_requests


def test_a_launch_without_launch_value_says_what_to_do(browser: Browser, ehr: FakeEhr) -> None:
    assert browser.get("/launch", query_string={"iss": ehr.iss}).status_code == 403
