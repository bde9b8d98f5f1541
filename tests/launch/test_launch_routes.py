"""Headers, form guard and limits on every route there is, taken from the URL map: a new view cannot be forgotten."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from launch_desk import InProcess
from werkzeug.test import TestResponse

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.launch.launcher import Launcher
from smart_app.launch.testing import WsgiAdapter, open_launch
from smart_app.sandbox import SandboxSettings, create_sandbox

APP = "https://steun.example.nl"
FRAME = "http://localhost:8400"
SAFE = {"GET", "HEAD", "OPTIONS"}
STATELESS = "the validator: it judges what it is sent, and knows and keeps nothing of anybody"
WITHOUT_LAUNCH = {
    "/launch": "an EHR sends this form; it changes nothing of a running launch",
    "/validate": STATELESS,
    "/$validate": STATELESS,
    "/<type_name>/$validate": STATELESS,
    "/<type_name>/<resource_id>/$validate": STATELESS,
    "/metadata": STATELESS,
}
"""Addresses that take a POST and are not of a launch, and why they need no token of a form."""
CACHEABLE = {"/static/<path:filename>", "/jwks.json"}
EXAMPLES = {
    "figure_id": "noor-tante-sam",
    "consent_id": "noor-toestemming",
    "step_name": "who",
    "viewer": "youth",
    "language": "nl",
    "filename": "app.css",
    "issuer_key": "sandbox",
    "state": "x",
}


@dataclass
class Visit:
    """The app with one open launch, a second one beside it, and a draft in the first."""

    app: Flask
    browser: FlaskClient
    adapter: WsgiAdapter
    path: str
    other: str
    draft: str = "x"

    def csrf(self, path: str) -> str:
        """The token of the forms of a launch."""
        launcher: Launcher = self.app.extensions["steunfiguren.launcher"]
        launch_id = path.split("/")[2]
        cookie = self.browser.get_cookie(f"__Host-sf-l-{launch_id}", domain="steun.example.nl")
        assert cookie is not None
        return launcher.active(launch_id, cookie.value).csrf_token

    def fields(self, **changes: str) -> dict[str, str]:
        """What every form of the first launch carries."""
        return {"csrf_token": self.csrf(self.path), "patient": "noor", **changes}

    def routes(self) -> Iterator[tuple[str, str, set[str]]]:
        """Each rule, an address that fits it, and its methods."""
        for rule in sorted(self.app.url_map.iter_rules(), key=lambda rule: rule.rule):
            values = {name: EXAMPLES.get(name, "x") for name in rule.arguments}
            values |= {"launch_id": self.path.split("/")[2]} if "launch_id" in values else {}
            values |= {"draft_id": self.draft} if "draft_id" in values else {}
            with self.app.test_request_context(base_url=APP):
                yield rule.rule, self.app.url_for(rule.endpoint, **values), set(rule.methods or ())

    def open(self, address: str, method: str, **options: Any) -> TestResponse:
        return self.browser.open(address, method=method, base_url=APP, **options)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    sandbox = InProcess(create_sandbox(SandboxSettings(open_access=True)))
    demo = demo_settings(tmp_path_factory.mktemp("demo"), ehr_url=sandbox.base_url)
    settings = replace(demo, public_url=APP, database_url="sqlite://")
    app = create_app(settings, session=sandbox.session)
    browser = app.test_client()
    adapter = app.extensions["steunfiguren.launcher"].outbound(settings.issuers[0]).session.get_adapter(FRAME)
    path, other = (open_launch(app, browser, patient_id=child) for child in ("noor", "daan"))
    found = Visit(app, browser, adapter, path, other)
    begun = found.open(f"{path}add", "POST", data=found.fields())
    assert begun.status_code == 303, begun.text
    found.draft = begun.location.split("/draft/")[1].partition("/")[0]
    return found


def test_every_answer_of_every_route_has_the_security_headers(visit: Visit) -> None:
    seen = set()
    for rule, address, methods in visit.routes():
        signs_out = rule.endswith("/sign-out")
        for method in sorted(methods | {"PUT", "DELETE", "TRACE"}):
            fields = visit.fields() if method == "POST" and not signs_out else {}
            answer = visit.open(address, method, data=fields)
            headers, policy = answer.headers, answer.headers["Content-Security-Policy"]
            where = (method, rule, answer.status_code)
            assert "default-src 'none'" in policy, where
            assert "unsafe" not in policy, where
            assert "*" not in policy, where
            assert "data:" not in policy, where
            framed = FRAME if rule.startswith("/l/") or "continue" in rule or "callback" in rule else "'none'"
            allowed = {"'none'", framed} if method not in methods else {framed}
            assert policy.partition("frame-ancestors ")[2].partition(";")[0] in allowed, where
            assert headers["Strict-Transport-Security"].startswith("max-age=63072000"), where
            assert headers["Referrer-Policy"] == "no-referrer", where
            assert headers["X-Content-Type-Options"] == "nosniff", where
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin", where
            assert "camera=()" in headers["Permissions-Policy"], where
            if rule not in CACHEABLE or answer.status_code >= 400:
                assert headers["Cache-Control"] == "no-store", where
            seen.add(answer.status_code)
    assert {200, 303, 405} <= seen, "pages, redirects and refusals were all among them"


def test_a_form_outside_a_launch_is_an_exception_with_a_reason(visit: Visit) -> None:
    outside = {rule for rule, _, methods in visit.routes() if methods - SAFE and not rule.startswith("/l/")}
    assert outside == set(WITHOUT_LAUNCH)


@pytest.mark.threat("launch-csrf")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("no-token", "csrf"),
        ("wrong-token", "csrf"),
        ("token-of-another-launch", "csrf"),
        ("cross-site", "csrf"),
        ("other-patient", "other-patient"),
        ("no-patient", "other-patient"),
        ("json", "not-a-form"),
        ("upload", "not-a-form"),
    ],
)
def test_every_form_of_a_launch_is_refused_unless_it_is_its_own(
    visit: Visit, caplog: pytest.LogCaptureFixture, change: str, code: str
) -> None:
    caplog.set_level(logging.WARNING)
    forms = [(rule, address) for rule, address, methods in visit.routes() if rule.startswith("/l/") and methods - SAFE]
    assert len(forms) >= 8
    visit.adapter.sent.clear()
    for rule, address in forms:
        caplog.clear()
        answer = visit.open(address, "POST", **_wrong(visit, change))
        assert answer.status_code in (400, 403, 409), rule
        assert [getattr(record, "code", "") for record in caplog.records] == [code], rule
    assert visit.adapter.sent == [], "nothing was asked of the EHR"


def test_the_same_forms_with_what_belongs_in_them_pass_the_guard(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for rule, address, methods in visit.routes():
        if rule.startswith("/l/") and methods - SAFE and not rule.endswith(("/sign-out", "/drop")):
            visit.open(address, "POST", data=visit.fields())
    codes = {getattr(record, "code", "") for record in caplog.records}
    assert not codes & {"csrf", "other-patient", "not-a-form"}


def test_every_form_that_is_too_large_is_refused(visit: Visit) -> None:
    for rule, address, methods in visit.routes():
        if methods - SAFE and WITHOUT_LAUNCH.get(rule) != STATELESS:
            answer = visit.open(address, "POST", data=visit.fields(note="x" * (512 * 1024)))
            assert answer.status_code == 413, rule


def _wrong(visit: Visit, change: str) -> dict[str, Any]:
    right = visit.fields()
    return {
        "no-token": {"data": {"patient": "noor"}},
        "wrong-token": {"data": right | {"csrf_token": "x" * 64}},
        "token-of-another-launch": {"data": right | {"csrf_token": visit.csrf(visit.other)}},
        "cross-site": {"data": right, "headers": {"Sec-Fetch-Site": "cross-site"}},
        "other-patient": {"data": right | {"patient": "daan"}},
        "no-patient": {"data": {"csrf_token": right["csrf_token"]}},
        "json": {"json": right},
        "upload": {"data": {**right, "file": (BytesIO(b"x"), "x.pdf")}, "content_type": "multipart/form-data"},
    }[change]
