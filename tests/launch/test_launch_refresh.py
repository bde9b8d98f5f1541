"""Renewing access: early, once, with rotation, never onto another child (App Launch 2.2, *Refresh access token*)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from launch_fakes import Browser, Clock, FakeEhr

from smart_app.settings import Settings


def refreshes(ehr: FakeEhr) -> list[dict[str, str]]:
    return [form for form, _ in ehr.token_requests if form["grant_type"] == "refresh_token"]


def test_a_token_is_used_until_shortly_before_its_end(browser: Browser, ehr: FakeEhr, clock: Clock) -> None:
    path = browser.launch(ehr)
    for seconds in (0, 569):
        clock.advance(seconds)
        assert browser.get(f"{path}probe").status_code == 200
    assert ehr.fhir_tokens == ["Bearer access-1-noord"] * 2
    assert not refreshes(ehr)


@pytest.mark.rule("refresh-once")
@pytest.mark.requirement("93", "105", "106", "107", "108", "117", "216")
def test_a_token_near_its_end_is_renewed_first_and_each_refresh_token_is_used_once(
    browser: Browser, ehr: FakeEhr, clock: Clock
) -> None:
    path = browser.launch(ehr)
    for _ in range(3):
        clock.advance(571)
        assert browser.get(f"{path}probe").status_code == 200
    assert [form["refresh_token"] for form in refreshes(ehr)] == [f"refresh-{n}-noord" for n in (1, 2, 3)]
    assert ehr.fhir_tokens == [f"Bearer access-{n}-noord" for n in (2, 3, 4)]
    assert all(set(form) == {"grant_type", "refresh_token", "client_id"} for form in refreshes(ehr))


def test_a_refresh_token_stays_when_the_answer_brings_no_new_one(browser: Browser, ehr: FakeEhr, clock: Clock) -> None:
    path = browser.launch(ehr)
    ehr.token["refresh_token"] = None
    for _ in range(2):
        clock.advance(571)
        assert browser.get(f"{path}probe").status_code == 200
    assert [form["refresh_token"] for form in refreshes(ehr)] == ["refresh-1-noord"] * 2


def test_a_401_in_the_middle_is_answered_by_one_refresh_and_one_more_try(browser: Browser, ehr: FakeEhr) -> None:
    path = browser.launch(ehr)
    ehr.fhir_status = [401, 200]
    assert browser.get(f"{path}probe").status_code == 200
    assert len(refreshes(ehr)) == 1
    assert ehr.fhir_tokens == ["Bearer access-1-noord", "Bearer access-2-noord"]


@pytest.mark.rule("refresh-patient")
@pytest.mark.parametrize("change", [{"patient": "kind-2"}, {"patient": ""}, {"patient": 7}])
def test_a_refresh_that_names_another_patient_ends_the_launch(
    browser: Browser, ehr: FakeEhr, clock: Clock, change: dict[str, Any]
) -> None:
    path = browser.launch(ehr)
    ehr.token |= change
    clock.advance(571)
    shown = len(ehr.fhir_tokens)
    assert browser.get(f"{path}probe").status_code == 409
    ehr.token = {}
    assert browser.get(f"{path}probe").status_code == 409
    assert len(ehr.fhir_tokens) == shown


def test_a_refresh_for_another_user_ends_the_launch(browser: Browser, ehr: FakeEhr, clock: Clock) -> None:
    path = browser.launch(ehr)
    ehr.claims = {"sub": "user-2"}
    clock.advance(571)
    assert browser.get(f"{path}probe").status_code == 409


@pytest.mark.parametrize("claims", [{"aud": None}, {"exp": 1}, {"sub": "user-2"}], ids=["no-audience", "old", "other"])
@pytest.mark.parametrize(("checked", "status"), [(True, 409), (False, 200)])
def test_an_identity_that_comes_with_a_refresh_must_hold_unless_the_settings_leave_it_unread(
    make_app: Callable[[Settings], Flask],
    settings: Settings,
    ehr: FakeEhr,
    clock: Clock,
    claims: dict[str, Any],
    checked: bool,
    status: int,
) -> None:
    noord = replace(settings.issuers[0], check_refreshed_identity=checked)
    browser = Browser(make_app(replace(settings, issuers=(noord,))).test_client())
    path = browser.launch(ehr)
    ehr.claims = claims
    clock.advance(571)
    assert browser.get(f"{path}probe").status_code == status
    ehr.claims, ehr.token = {}, {"patient": "kind-2"}
    clock.advance(571)
    assert browser.get(f"{path}probe").status_code == 409, "another patient ends it either way"


def test_a_refused_refresh_ends_the_launch_with_a_page_that_says_so(
    browser: Browser, ehr: FakeEhr, clock: Clock
) -> None:
    path = browser.launch(ehr)
    ehr.token_answers = [(400, {"error": "invalid_grant"})]
    clock.advance(571)
    assert browser.get(f"{path}probe").status_code == 409
    assert len(refreshes(ehr)) == 1


def test_without_refresh_token_the_access_token_is_used_to_its_end_and_then_the_launch_is_over(
    browser: Browser, ehr: FakeEhr, clock: Clock
) -> None:
    ehr.token["refresh_token"] = None
    path = browser.launch(ehr)
    clock.advance(599)
    assert browser.get(f"{path}probe").status_code == 200
    clock.advance(2)
    assert browser.get(f"{path}probe").status_code == 409
    assert not refreshes(ehr)


@pytest.mark.rule("refresh-once")
@pytest.mark.parametrize(
    ("answer", "reused"),
    [
        ((503, {}), True),
        ((429, {}), True),
        (requests.ConnectTimeout("not sent"), True),
        (requests.ReadTimeout("sent, no answer"), False),
        ((500, {}), False),
    ],
    ids=["503", "429", "never-sent", "no-answer", "500"],
)
def test_a_refresh_token_that_may_have_been_used_is_never_sent_again(
    browser: Browser, ehr: FakeEhr, clock: Clock, answer: Any, reused: bool
) -> None:
    path = browser.launch(ehr)
    clock.advance(571)
    ehr.token_answers = [answer]
    assert browser.get(f"{path}probe").status_code == 200, "the access token has half a minute left"
    assert ehr.fhir_tokens == ["Bearer access-1-noord"]
    assert browser.get(f"{path}probe").status_code == 200
    assert len(refreshes(ehr)) == (2 if reused else 1)
    clock.advance(60)
    assert browser.get(f"{path}probe").status_code == (200 if reused else 409)


@pytest.mark.rule("refresh-once")
def test_many_requests_at_once_make_one_refresh(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr, clock: Clock, tmp_path: Path
) -> None:
    app = make_app(replace(settings, database_url=f"sqlite:///{tmp_path / 'store.sqlite'}"))
    browser = Browser(app.test_client())
    path = browser.launch(ehr)
    launch_id = path.split("/")[2]
    cookie = browser.client.get_cookie(f"__Host-sf-l-{launch_id}", domain="steun.example.nl")
    assert cookie is not None
    clock.advance(571)
    together = threading.Barrier(8)
    launcher = app.extensions["steunfiguren.launcher"]

    def token(_: int) -> str:
        launch = launcher.active(launch_id, cookie.value)
        together.wait()
        return launch.ehr._transport._token(False)

    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(token, range(8)))
    assert tokens == ["access-2-noord"] * 8
    assert len(refreshes(ehr)) == 1


def test_a_process_that_dies_while_refreshing_blocks_the_others_only_for_its_lease(
    browser: Browser, ehr: FakeEhr, clock: Clock, app: Flask
) -> None:
    path = browser.launch(ehr)
    store = app.extensions["steunfiguren.launcher"].store
    launch_id = path.split("/")[2]
    assert store.take_lease(launch_id, 1)
    assert store.take_lease(launch_id, 1) is None
    clock.advance(31)
    assert store.take_lease(launch_id, 1)
