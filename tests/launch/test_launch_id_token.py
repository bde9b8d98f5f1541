"""Who is at the screen: each way in which an id_token can be wrong (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey, RSAKey
from launch_fakes import Browser, Clock, FakeEhr

from smart_app.settings import Settings

OTHER = RSAKey.generate_key(2048, {"kid": "ehr-2", "use": "sig"})


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def jwks_calls(ehr: FakeEhr) -> int:
    return sum(call.request.url == f"{ehr.issuer}/jwks" for call in ehr.mock.calls)


@pytest.mark.rule("identity-claims")
@pytest.mark.requirement("201", "218")
@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elders.example.nl"},
        {"iss": None},
        {"aud": "another-app"},
        {"aud": "another-app", "azp": "app-at-noord"},
        {"aud": ["app-at-noord", "another-app"]},
        {"aud": None},
        {"azp": "another-app"},
        {"exp": 1_799_999_939},
        {"exp": None},
        {"exp": "later"},
        {"iat": 1_800_000_061},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"nonce": "of another request"},
    ],
    ids=str,
)
def test_a_token_with_one_wrong_claim_is_refused(browser: Browser, ehr: FakeEhr, claims: dict[str, Any]) -> None:
    state = browser.start(ehr)["state"]
    ehr.claims = claims
    assert browser.answer(ehr, state).status_code == 403


@pytest.mark.rule("identity-claims")
@pytest.mark.requirement("201")
@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"aud": ["app-at-noord"]},
        {"azp": "app-at-noord"},
        {"exp": 1_799_999_941},
        {"iat": 1_800_000_059},
        {"nonce": None},
    ],
    ids=str,
)
def test_a_token_that_holds_within_a_minute_of_leeway_is_accepted(
    browser: Browser, ehr: FakeEhr, claims: dict[str, Any]
) -> None:
    state = browser.start(ehr)["state"]
    ehr.claims = claims
    assert browser.answer(ehr, state).status_code == 303


@pytest.mark.rule("identity-signature")
@pytest.mark.requirement("201", "218")
def test_a_signature_by_a_key_that_the_ehr_does_not_publish_is_refused(browser: Browser, ehr: FakeEhr) -> None:
    state = browser.start(ehr)["state"]
    ehr.published = [OTHER.as_dict(private=False) | {"kid": "ehr-1"}]
    assert browser.answer(ehr, state).status_code == 403


@pytest.mark.rule("identity-signature")
@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_an_unsigned_token_or_one_signed_with_something_public_is_refused(
    browser: Browser, ehr: FakeEhr, algorithm: str
) -> None:
    state = browser.start(ehr)["state"]
    ehr.metadata["id_token_signing_alg_values_supported"] = [algorithm, "RS256"]
    _, body, _ = ehr.id_token().split(".")
    signed = f"{base64url(json.dumps({'alg': algorithm, 'kid': 'ehr-1'}).encode())}.{body}"
    public = ehr.signing_key.as_pem(private=False)
    signature = hmac.digest(public, signed.encode(), "sha256") if algorithm == "HS256" else b""
    ehr.token["id_token"] = f"{signed}.{base64url(signature)}"
    assert browser.answer(ehr, state).status_code == 403


@pytest.mark.rule("identity-signature")
def test_an_algorithm_that_the_ehr_does_not_announce_is_refused(browser: Browser, ehr: FakeEhr) -> None:
    ehr.metadata["id_token_signing_alg_values_supported"] = ["ES384"]
    state = browser.start(ehr)["state"]
    assert browser.answer(ehr, state).status_code == 403


@pytest.mark.rule("identity-signature")
@pytest.mark.parametrize(("purpose", "status"), [("RS256", 303), ("PS256", 403), ("RS512", 403)])
def test_a_key_that_is_published_for_another_algorithm_signs_nobody_in(
    browser: Browser, ehr: FakeEhr, purpose: str, status: int
) -> None:
    ehr.published = [ehr.signing_key.as_dict(private=False) | {"alg": purpose}]
    assert browser.answer(ehr, browser.start(ehr)["state"]).status_code == status


def test_an_elliptic_curve_key_works_as_well(browser: Browser, ehr: FakeEhr) -> None:
    ehr.signing_key = ECKey.generate_key("P-384", {"kid": "ehr-1"})
    ehr.header = {"alg": "ES384", "kid": "ehr-1"}
    assert browser.launch(ehr)


@pytest.mark.parametrize("token", ["not-a-jwt", "a.b", "e30.e30.e30", "…"])
def test_something_that_is_no_token_is_refused(browser: Browser, ehr: FakeEhr, token: str) -> None:
    state = browser.start(ehr)["state"]
    ehr.token["id_token"] = token
    assert browser.answer(ehr, state).status_code == 403


@pytest.mark.rule("identity-no-kid")
def test_a_token_without_kid_is_accepted_only_where_one_key_can_have_signed(
    browser: Browser, ehr: FakeEhr, app: Flask
) -> None:
    ehr.header = {"alg": "RS256"}
    ehr.published = [ehr.signing_key.as_dict(private=False), ECKey.generate_key("P-384").as_dict(private=False)]
    assert browser.launch(ehr)
    ehr.published = [ehr.signing_key.as_dict(private=False), OTHER.as_dict(private=False) | {"alg": "RS512"}]
    app.extensions["steunfiguren.launcher"].key_cache._kept.clear()
    assert browser.launch(ehr)


@pytest.mark.rule("identity-no-kid")
def test_a_token_without_kid_is_refused_where_two_keys_can_have_signed(browser: Browser, ehr: FakeEhr) -> None:
    ehr.header = {"alg": "RS256"}
    ehr.published = [ehr.signing_key.as_dict(private=False), OTHER.as_dict(private=False)]
    assert browser.answer(ehr, browser.start(ehr)["state"]).status_code == 403


@pytest.mark.rule("identity-refetch")
def test_rotated_keys_are_fetched_once_more(browser: Browser, ehr: FakeEhr, app: Flask) -> None:
    browser.launch(ehr)
    assert jwks_calls(ehr) == 1
    cache = app.extensions["steunfiguren.launcher"].key_cache
    later = cache.clock() + 61
    cache.clock = lambda: later
    ehr.signing_key, ehr.header = OTHER, {"alg": "RS256", "kid": "ehr-2"}
    browser.launch(ehr)
    assert jwks_calls(ehr) == 2


@pytest.mark.rule("identity-refetch")
def test_a_stream_of_unknown_kids_is_no_stream_of_requests(browser: Browser, ehr: FakeEhr) -> None:
    ehr.header = {"alg": "RS256", "kid": "nobody-knows"}
    for _ in range(5):
        assert browser.answer(ehr, browser.start(ehr)["state"]).status_code == 403
    assert jwks_calls(ehr) == 1


@pytest.mark.rule("discovery-openid")
def test_an_ehr_without_jwks_uri_in_its_smart_metadata_is_asked_for_its_openid_metadata(
    browser: Browser, ehr: FakeEhr
) -> None:
    ehr.metadata["jwks_uri"] = None
    document = {"issuer": ehr.issuer, "jwks_uri": f"{ehr.issuer}/jwks"}
    ehr.mock.get(f"{ehr.issuer}/.well-known/openid-configuration", json=document)
    assert browser.launch(ehr)


def test_an_id_token_that_cannot_be_checked_is_refused(browser: Browser, ehr: FakeEhr) -> None:
    ehr.metadata["jwks_uri"] = None
    ehr.mock.get(f"{ehr.issuer}/.well-known/openid-configuration", status=404)
    assert browser.answer(ehr, browser.start(ehr)["state"]).status_code == 403


def test_an_ehr_that_signs_nobody_in_gives_a_user_without_rights(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr, clock: Clock
) -> None:
    scopes = ("launch", "patient/Patient.rs")
    app = make_app(replace(settings, issuers=(replace(settings.issuers[0], scopes=scopes),)))
    browser = Browser(app.test_client())
    params = browser.start(ehr)
    assert "nonce" not in params
    ehr.token["id_token"] = None
    answer = browser.answer(ehr, params["state"])
    launch_id = answer.location.split("/")[2]
    cookie = browser.client.get_cookie(f"__Host-sf-l-{launch_id}", domain="steun.example.nl")
    assert cookie is not None
    user = app.extensions["steunfiguren.launcher"].active(launch_id, cookie.value).user
    assert user.kind == "unknown"
    assert user.reference == ""
