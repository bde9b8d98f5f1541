"""Headers and limits that every answer has, so that no view can forget them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest
from flask import Flask, request
from launch_fakes import APP, Browser, Clock, FakeEhr
from werkzeug.test import TestResponse

from smart_app.settings import Settings


@pytest.fixture
def answers(browser: Browser, ehr: FakeEhr) -> dict[str, TestResponse]:
    path = browser.launch(ehr)
    own = (f"{path}probe", f"{path}nowhere")
    addresses = (*own, "/launch", "/start", "/callback/noord", "/static/app.css", "/jwks.json")
    return {address: browser.get(address) for address in addresses}


def test_the_content_policy_allows_nothing_inline_and_nothing_from_elsewhere(
    answers: dict[str, TestResponse],
) -> None:
    for answer in answers.values():
        policy = answer.headers["Content-Security-Policy"]
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["default-src"] == "'none'"
        assert directives["base-uri"] == "'none'"
        assert "unsafe" not in policy
        assert "*" not in policy
        assert "data:" not in policy
        for name in ("script-src", "style-src", "img-src", "font-src", "connect-src", "form-action"):
            assert directives[name] == "'self'"


def test_every_answer_has_the_other_headers(answers: dict[str, TestResponse]) -> None:
    for address, answer in answers.items():
        headers = answer.headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Strict-Transport-Security"].startswith("max-age=63072000")
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        if not address.startswith(("/static", "/jwks")):
            assert headers["Cache-Control"] == "no-store"


def test_on_loopback_without_https_there_is_no_hsts_and_a_plain_cookie(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr
) -> None:
    app = make_app(replace(settings, public_url="http://localhost:8401"))
    answer = app.test_client().get(
        "/launch", base_url="http://localhost:8401", query_string={"iss": ehr.iss, "launch": "x"}
    )
    assert "Strict-Transport-Security" not in answer.headers
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("sf-s-")
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" in cookie
    assert "Secure" not in cookie


def test_every_address_of_a_launch_is_guarded_and_no_other_address_speaks_of_one(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        assert rule.rule.startswith("/l/") == ("launch_id" in rule.arguments), rule.rule
        if rule.rule.startswith("/l/"):
            assert rule.rule.startswith("/l/<launch_id>/"), rule.rule


def test_every_page_of_every_view_refuses_a_visitor_without_a_launch(app: Flask, browser: Browser) -> None:
    for rule in app.url_map.iter_rules():
        if "launch_id" in rule.arguments:
            values = dict.fromkeys(rule.arguments, "x") | {"launch_id": "0" * 32}
            with app.test_request_context():
                address = app.url_for(rule.endpoint, **values)
            for method in rule.methods & {"GET", "POST"}:
                answer = browser.client.open(address, method=method, base_url=APP)
                assert answer.status_code == 409, (method, rule.rule)


def test_a_form_that_is_too_large_is_refused(browser: Browser, ehr: FakeEhr) -> None:
    path = browser.launch(ehr)
    csrf = browser.get(f"{path}probe").get_json()["csrf"]
    answer = browser.post(f"{path}probe", {"csrf_token": csrf, "patient": "kind-1", "note": "x" * (512 * 1024)})
    assert answer.status_code == 413


def test_an_upload_is_refused(browser: Browser, ehr: FakeEhr) -> None:
    path = browser.launch(ehr)
    csrf = browser.get(f"{path}probe").get_json()["csrf"]
    data = {"csrf_token": csrf, "patient": "kind-1", "file": (BytesIO(b"x"), "x.txt")}
    answer = browser.client.post(f"{path}probe", base_url=APP, data=data, content_type="multipart/form-data")
    assert answer.status_code == 403


def test_one_launch_that_asks_too_much_is_slowed_down_and_another_is_not(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr
) -> None:
    limits = replace(settings.limits, requests_per_minute=3)
    browser = Browser(make_app(replace(settings, limits=limits)).test_client())
    busy, calm = browser.launch(ehr), browser.launch(ehr)
    assert [browser.get(f"{busy}probe").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert browser.get(f"{calm}probe").status_code == 200


def test_a_minute_later_the_count_starts_again_and_guessed_launches_count_for_their_address(
    make_app: Callable[[Settings], Flask], settings: Settings, clock: Clock
) -> None:
    limits = replace(settings.limits, requests_per_minute=3)
    browser = Browser(make_app(replace(settings, limits=limits)).test_client())
    found = [browser.get(f"/l/{number:032x}/probe").status_code for number in range(5)]
    assert found == [409, 409, 409, 429, 429]
    clock.advance(60)
    answer = browser.get(f"/l/{5:032x}/probe")
    assert answer.status_code == 409


def test_the_scheme_is_what_the_settings_say_whatever_the_proxy_passes_on(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    app = make_app(settings)
    app.add_url_rule("/secure", "secure", lambda: str(request.is_secure))
    assert app.test_client().get("/secure", base_url="http://backend:8401").text == "True"


def test_a_trusted_proxy_says_who_calls_and_an_untrusted_one_does_not(
    make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    for hops, expected in ((0, "127.0.0.1"), (1, "203.0.113.7")):
        app = make_app(replace(settings, trusted_proxies=hops))
        app.add_url_rule("/address", "address", lambda: str(request.remote_addr))
        headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
        assert app.test_client().get("/address", headers=headers).text == expected


def test_addresses_come_from_the_settings_and_not_from_the_host_header(browser: Browser, ehr: FakeEhr) -> None:
    answer = browser.client.get(
        "/start?issuer=noord", base_url="https://evil.example", headers={"X-Forwarded-Host": "evil.example"}
    )
    assert "evil.example" not in answer.location
