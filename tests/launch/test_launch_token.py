"""Token exchange for the three kinds of client (App Launch 2.2, *Obtain access token*, *Client authentication*)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from launch_fakes import Browser, Clock, FakeEhr

from smart_app.launch.keys import SigningKeys
from smart_app.launch.launcher import Launcher
from smart_app.launch.scopes import describe
from smart_app.settings import ClientType, Settings


@pytest.mark.rule("token-client")
@pytest.mark.requirement("12", "63", "71")
def test_a_public_client_names_itself_in_the_form_and_proves_nothing(browser: Browser, ehr: FakeEhr) -> None:
    browser.launch(ehr)
    form, headers = ehr.token_requests[0]
    assert form["client_id"] == "app-at-noord"
    assert "Authorization" not in headers


@pytest.mark.rule("token-client")
@pytest.mark.requirement("11", "23", "64", "66", "72", "343", "345")
def test_a_symmetric_client_proves_itself_with_http_basic_and_leaves_client_id_out(
    browser: Browser, other_ehr: FakeEhr
) -> None:
    browser.launch(other_ehr)
    form, headers = other_ehr.token_requests[0]
    assert "client_id" not in form
    assert "client_secret" not in form
    assert b64decode(headers["Authorization"].removeprefix("Basic ")) == b"app-at-zuid:geheim%3Avan+zuid"


@pytest.mark.rule("token-assertion")
@pytest.mark.requirement(
    "22", "64", "65", "72", "307", "308", "309", "317", "319", "320", "321", "322", "323", "327", "328", "329", "330",
    "331", "332", "333", "334",
)  # fmt: skip
@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_an_asymmetric_client_signs_a_short_assertion_with_a_published_key(
    make_app: Callable[[Settings], Flask],
    settings: Settings,
    signing_keys: tuple[Path, ...],
    ehr: FakeEhr,
    clock: Clock,
    algorithm: str,
) -> None:
    noord = replace(settings.issuers[0], client_type=ClientType.ASYMMETRIC, signing_algorithm=algorithm)
    browser = Browser(make_app(replace(settings, issuers=(noord,), signing_keys=signing_keys)).test_client())
    browser.launch(ehr)
    browser.launch(ehr)
    published = KeySet.import_key_set(browser.get("/jwks.json").get_json())
    seen = set()
    for form, headers in ehr.token_requests:
        assert "client_id" not in form
        assert "Authorization" not in headers
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        token = jwt.decode(form["client_assertion"], published, algorithms=[algorithm])
        assert token.header["typ"] == "JWT"
        assert token.header["kid"] in {key.kid for key in published.keys}
        assert token.claims["iss"] == token.claims["sub"] == "app-at-noord"
        assert token.claims["aud"] == f"{ehr.issuer}/token"
        assert clock() < token.claims["exp"] <= clock() + 300
        seen.add(token.claims["jti"])
    assert len(seen) == 2


@pytest.mark.rule("token-jwks")
@pytest.mark.requirement("290", "291", "293", "294", "299", "301", "302", "303", "313", "314", "315", "225")
def test_the_published_keys_are_public_halves_that_may_be_cached(
    make_app: Callable[[Settings], Flask], settings: Settings, signing_keys: tuple[Path, ...]
) -> None:
    browser = Browser(make_app(replace(settings, signing_keys=signing_keys)).test_client())
    answer = browser.get("/jwks.json")
    keys = answer.get_json()["keys"]
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert len(keys) == len(signing_keys) == 2
    assert len({key["kid"] for key in keys}) == 2
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
        assert {"n", "e"} <= set(key) if key["kty"] == "RSA" else {"crv", "x", "y"} <= set(key)


@pytest.mark.rule("token-jwks")
def test_a_second_key_of_a_kind_is_published_before_it_signs(tmp_path: Path) -> None:
    paths = []
    for name in ("old", "new"):
        path = tmp_path / f"{name}.pem"
        path.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
        paths.append(path)
    keys = SigningKeys.load(paths)
    published = [key["kid"] for key in keys.jwks()["keys"]]
    assertion = keys.assertion(client_id="c", audience="https://a.example/token", algorithm="ES384")
    both = KeySet.import_key_set(keys.jwks())
    assert jwt.decode(assertion, both, algorithms=["ES384"]).header["kid"] == published[0]
    swapped = SigningKeys.load(reversed(paths))
    assert {key["kid"] for key in swapped.jwks()["keys"]} == set(published)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((400, {"error": "invalid_grant", "error_description": "Jan Jansen 123456782"}), 403),
        ((401, {"error": "invalid_client"}), 403),
        ((200, {"access_token": "t", "token_type": "mac"}), 403),
        ((200, {"token_type": "bearer"}), 403),
        ((200, "<html>login</html>"), 403),
        ((302, {}), 502),
        ((429, {}), 503),
        ((503, {}), 503),
        ((500, "oops"), 502),
        (requests.ConnectionError("down"), 504),
        (requests.ReadTimeout("slow"), 504),
    ],
)
def test_a_token_endpoint_that_says_no_or_nonsense_gives_a_page_and_no_launch(
    browser: Browser, ehr: FakeEhr, answer: Any, status: int
) -> None:
    state = browser.start(ehr)["state"]
    ehr.token_answers.append(answer)
    page = browser.answer(ehr, state)
    assert page.status_code == status
    assert "Jansen" not in page.text
    assert "sf-l-" not in page.headers.get("Set-Cookie", "")


def test_an_answer_of_more_than_a_mebibyte_is_not_read(browser: Browser, ehr: FakeEhr) -> None:
    state = browser.start(ehr)["state"]
    ehr.token_answers.append((200, "x" * (1024 * 1024 + 1)))
    assert browser.answer(ehr, state).status_code == 502


@pytest.mark.rule("token-granted")
@pytest.mark.requirement("147")
def test_a_partial_grant_is_said_in_plain_words(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> None:
    ehr.token["scope"] = "launch openid fhirUser patient/Patient.rs patient/RelatedPerson.rs patient/CareTeam.cruds"
    path = browser.launch(ehr)
    cookie = browser.client.get_cookie(f"__Host-sf-l-{path.split('/')[2]}", domain="steun.example.nl")
    assert cookie is not None
    launch = launcher.active(path.split("/")[2], cookie.value)
    lacking = {lack.resource: lack.actions for lack in launch.lacking}
    assert lacking["RelatedPerson"] == "cud"
    assert lacking["Consent"] == "cruds"
    assert "CareTeam" not in lacking
    figures = next(lack for lack in launch.lacking if lack.resource == "RelatedPerson")
    assert "steunfiguren" in describe(figures, "nl").lower()
    assert "support figures" in describe(figures, "en").lower()


def test_an_absent_scope_in_the_answer_means_that_all_was_granted(
    browser: Browser, ehr: FakeEhr, launcher: Launcher
) -> None:
    ehr.token["scope"] = None
    path = browser.launch(ehr)
    cookie = browser.client.get_cookie(f"__Host-sf-l-{path.split('/')[2]}", domain="steun.example.nl")
    assert cookie is not None
    assert launcher.active(path.split("/")[2], cookie.value).lacking == ()
