"""Log lines help an operator and hold nothing of anybody."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask
from launch_fakes import Browser, Clock, FakeEhr

from smart_app import logs
from smart_app.launch.phases import ActiveLaunch, LaunchFacts, LaunchUser, PendingLaunch, Tokens
from smart_app.settings import Settings

BSN = "123456782"
CANARIES = {
    "access_token": "CANARY-access-token",
    "refresh_token": "CANARY-refresh-token",
    "patient": "CANARY-patient-id",
    "tenant": "CANARY-tenant",
}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    buffer = io.StringIO()
    handler = logs.configure(buffer)
    root.setLevel(logging.DEBUG)
    yield buffer
    root.removeHandler(handler)
    root.handlers[:], root.level = before, level


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.threat("secrets-in-logs")
def test_no_token_patient_name_code_or_state_reaches_a_log_line_however_a_launch_goes(
    browser: Browser, ehr: FakeEhr, clock: Clock, stream: io.StringIO
) -> None:
    ehr.token |= CANARIES
    ehr.claims = {"name": "CANARY-name", "sub": "CANARY-sub", "fhirUser": "Practitioner/CANARY-user"}
    ehr.patients = {"CANARY-patient-id": "CANARY-family"}
    params = browser.start(ehr, launch="CANARY-launch")
    path = browser.answer(ehr, params["state"], code="CANARY-code").location
    browser.get(f"{path}probe?bsn={BSN}")
    browser.post(f"{path}probe", {"given": "CANARY-given", "csrf_token": "CANARY-csrf"})
    clock.advance(571)
    browser.get(f"{path}probe")
    browser.answer(ehr, params["state"], code="CANARY-code")
    refusal = (400, {"error": "CANARY-error", "error_description": "CANARY-text"})
    state = browser.start(ehr)["state"]
    browser.get(f"/callback/noord?state={state}&error=CANARY-error&error_description={BSN}")
    for answer in (refusal, (200, "CANARY-html"), requests.ReadTimeout("CANARY-x")):
        state = browser.start(ehr, launch="CANARY-launch")["state"]
        ehr.token_answers.append(answer)
        browser.answer(ehr, state, code="CANARY-code")
    ehr.fhir_status = [500, 500]
    browser.get(f"{path}probe")
    browser.get(f"/callback/noord?state=CANARY-state&error=CANARY-error&error_description={BSN}")
    browser.get(f"/CANARY-path/{BSN}")
    found = stream.getvalue()
    assert found.count("\n") > 15
    assert "CANARY" not in found
    assert BSN not in found
    assert params["state"] not in found
    assert params["code_challenge"] not in found
    assert path.split("/")[2] not in found


@pytest.mark.threat("secrets-in-logs")
def test_the_reference_number_on_an_error_page_finds_its_log_lines(browser: Browser, stream: io.StringIO) -> None:
    page = browser.get("/launch?iss=https://elders.example.nl&launch=x")
    found = [line for line in lines(stream) if line["logger"].startswith("smart_app")]
    references = {line["reference"] for line in found}
    assert len(references) == 1
    assert references.pop() in page.text
    assert any(line.get("code") == "unknown-issuer" for line in found)


def test_why_the_ehr_refused_is_in_the_log_for_whoever_looks_into_the_registration(
    browser: Browser, ehr: FakeEhr, stream: io.StringIO
) -> None:
    browser.get(f"/callback/noord?state={browser.start(ehr)['state']}&error=invalid_scope")
    ehr.token_answers.append((401, {"error": "invalid_client"}))
    browser.answer(ehr, browser.start(ehr)["state"])
    found = {(line["message"], line["issuer"], line["code"]) for line in lines(stream) if "issuer" in line}
    assert ("authorization refused", "noord", "invalid_scope") in found
    assert ("token refused", "noord", "invalid_client") in found


@pytest.mark.threat("secrets-in-logs")
def test_a_bug_is_logged_by_type_and_place_and_shown_with_a_number(
    kept_app: Flask, browser: Browser, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise KeyError("Jan Jansen 123456782")

    monkeypatch.setitem(kept_app.view_functions, "launch.jwks", broken)
    page = browser.get("/jwks.json")
    assert page.status_code == 500
    assert page.headers["Cache-Control"] == "no-store"
    error = next(line for line in lines(stream) if line["level"] == "error")
    assert error["exception"] == "KeyError"
    assert any("test_launch_logs.py" in place for place in error["at"])
    assert error["reference"] in page.text
    assert "Jansen" not in stream.getvalue() + page.text


@pytest.mark.threat("secrets-in-logs")
@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("bsn 123456782 of client", "of client", "123456782"),
        ("bsn 123.456.782", "bsn", "456"),
        ("bsn 123 456 782", "bsn", "456"),
        ("bsn 123-45-6782", "bsn", "678"),
        ("bsn 1\u200b2\u00a03/4_5６782", "bsn", "782"),
        ("Bearer abc123456782.geheim x", "x", "geheim"),
        ("Authorization: Bearer abc.def-ghi", "Bearer", "abc"),
        ("token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln done", "done", "eyJ"),
        ("GET /callback?code=s3cret&state=xyz HTTP", "HTTP", "s3cret"),
        ("{'refresh_token': 'abc', 'status': 200}", "200", "'abc'"),
        ('"code_verifier":"abc"', "code_verifier", '"abc"'),
        ("Using code_verifier='abc' for x", "for x", "'abc'"),
        ("GET Patient/kind-1 failed", "failed", "kind-1"),
        ("at /l/0123456789abcdef0123456789abcdef/figure", "figure", "0123456789abcdef"),
    ],
)
def test_what_looks_like_a_secret_is_blanked_even_where_a_library_writes_it(text: str, kept: str, gone: str) -> None:
    found = logs.redact(text)
    assert kept in found
    assert gone not in found


def test_an_ordinary_number_stays_readable() -> None:
    assert logs.redact("HTTP 502 in 1234 ms, 1800000000 bytes") == "HTTP 502 in 1234 ms, 1800000000 bytes"


@pytest.mark.threat("secrets-in-logs")
def test_libraries_that_log_secrets_are_silenced(app: Flask) -> None:
    for name in ("authlib", "authlib.oauth2.client", "urllib3.connectionpool", "joserfc"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


@pytest.mark.threat("secrets-in-logs")
def test_no_repr_of_a_launch_shows_a_person_or_a_secret(settings: Settings) -> None:
    user = LaunchUser(reference="Practitioner/7", name="CANARY", subject="CANARY")
    facts = LaunchFacts(id="a", issuer_key="noord", patient_id="CANARY", user=user, tenant="CANARY")
    client: Any = None
    active = ActiveLaunch.of(facts, issuer=settings.issuers[1], ehr=client, aside=client, csrf_token="CANARY")
    pending = PendingLaunch(
        issuer_key="n", code_verifier="CANARY", nonce="CANARY", redirect_uri="", scopes=(), launch="CANARY"
    )
    tokens = Tokens(access="CANARY", refresh="CANARY")
    for value in (facts, active, pending, tokens, settings):
        assert "CANARY" not in repr(value)
        assert "geheim" not in repr(value)
