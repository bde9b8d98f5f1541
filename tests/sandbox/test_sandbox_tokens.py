"""Codes, tokens, refresh, client authentication, introspection and revocation: each as strict as it is written."""

from __future__ import annotations

import base64

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sandbox_support import BASE, CALLBACK, ELLIPTIC, RSA, VERIFIER, Ehr, query_of


@pytest.fixture(scope="module")
def ehr() -> Ehr:
    """One for all tests here: each begins a launch of its own."""
    return Ehr()


def error_of(answer):
    """``error`` in a redirect back to the app."""
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    return query_of(answer)["error"]


def id_token_of(ehr: Ehr, token: dict):
    keys = KeySet.import_key_set(ehr.browser().get("/auth/jwks", base_url=BASE).json)
    return jwt.decode(token["id_token"], keys, algorithms=["RS256", "ES384"])


def test_a_code_works_once_and_a_replay_takes_the_tokens_back(ehr):
    ehr.sign_in()
    code = ehr.code()
    token = ehr.redeem(code).json
    assert ehr.fhir("GET", "Patient/noor", token["access_token"]).status_code == 200
    assert ehr.redeem(code).json["error"] == "invalid_grant"
    assert ehr.fhir("GET", "Patient/noor", token["access_token"]).status_code == 401
    assert ehr.refresh(token["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": VERIFIER + "x"}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}/more"}, "invalid_grant"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
    ],
    ids=str,
)
def test_a_token_request_that_is_not_exactly_right_is_refused(ehr, wrong, error):
    ehr.sign_in()
    assert ehr.redeem(ehr.code(), **wrong).json["error"] == error


def test_a_failed_redemption_uses_the_code_up(ehr):
    ehr.sign_in()
    code = ehr.code()
    ehr.redeem(code, code_verifier=VERIFIER + "x")
    assert ehr.redeem(code).json["error"] == "invalid_grant"


def test_a_code_expires_after_a_minute(ehr):
    ehr.sign_in()
    code = ehr.code()
    ehr.clock.forward(seconds=61)
    assert ehr.redeem(code).json["error"] == "invalid_grant"


def test_a_code_is_only_for_the_client_it_was_given_to(ehr):
    ehr.sign_in()
    basic = base64.b64encode(b"secretive:only-for-tests").decode()
    answer = ehr.redeem(ehr.code(), client_id=None, headers={"Authorization": f"Basic {basic}"})
    assert answer.json["error"] == "invalid_grant"


def test_a_nonce_is_accepted_once(ehr):
    ehr.token("noor", nonce="once")
    assert error_of(ehr.authorize(launch=ehr.launch("noor"), nonce="once")) == "invalid_request"


def test_a_refresh_token_works_once_and_reuse_ends_everything(ehr):
    first = ehr.token()
    second = ehr.refresh(first["refresh_token"]).json
    assert second["patient"] == "noor"
    assert second["refresh_token"] != first["refresh_token"]
    assert ehr.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert ehr.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
    assert ehr.fhir("GET", "Patient/noor", second["access_token"]).status_code == 401


def test_a_refresh_can_narrow_but_never_widen(ehr):
    token = ehr.token(scope="launch offline_access patient/Patient.rs")
    assert ehr.refresh(token["refresh_token"], scope="patient/*.cruds").json["error"] == "invalid_scope"


def test_without_offline_or_online_access_there_is_no_refresh_token(ehr):
    assert "refresh_token" not in ehr.token(scope="launch openid patient/*.rs")


def test_an_access_token_expires(ehr):
    token = ehr.token()
    ehr.clock.forward(seconds=601)
    assert ehr.fhir("GET", "Patient/noor", token["access_token"]).status_code == 401


def test_a_symmetric_client_needs_its_secret(ehr):
    ehr.sign_in()
    wrong = base64.b64encode(b"secretive:guess").decode()
    right = base64.b64encode(b"secretive:only-for-tests").decode()
    for headers in (None, {"Authorization": f"Basic {wrong}"}):
        answer = ehr.redeem(ehr.code("noor", "secretive"), client_id="secretive", headers=headers)
        assert answer.json["error"] == "invalid_client"
    answer = ehr.redeem(ehr.code("noor", "secretive"), client_id=None, headers={"Authorization": f"Basic {right}"})
    assert id_token_of(ehr, answer.json).header["alg"] == "ES384"


@pytest.mark.parametrize(("key", "alg"), [(ELLIPTIC, "ES384"), (RSA, "RS384")])
def test_an_asymmetric_client_signs_for_itself(ehr, key, alg):
    ehr.sign_in()
    answer = ehr.redeem(ehr.code("noor", "signer"), client_id=None, **ehr.assertion(key, alg=alg))
    assert answer.json["patient"] == "noor"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "http://localhost:8400/auth/token/"},
        {"aud": "http://localhost:8400"},
        {"aud": ["http://localhost:8400/auth/token", "https://elsewhere.example"]},
        {"iss": "somebody"},
        {"exp": None},
        {"exp": 1},
        {"exp": 99999999999},
        {"jti": None},
        {"typ": "at+jwt"},
        {"key": RSA, "alg": "RS256"},
        {"key": RSA, "alg": "PS384"},
    ],
    ids=lambda wrong: ",".join(wrong),
)
def test_an_assertion_that_is_not_exactly_right_is_refused(ehr, wrong):
    assert ehr.backend_token(**wrong).json["error"] == "invalid_client"


def test_an_assertion_is_used_once(ehr):
    assert ehr.backend_token(jti="same").status_code == 200
    assert ehr.backend_token(jti="same").json["error"] == "invalid_client"


def test_an_asymmetric_client_without_an_assertion_is_refused(ehr):
    ehr.sign_in()
    answer = ehr.redeem(ehr.code("noor", "signer"), client_id="signer")
    assert answer.json["error"] == "invalid_client"


def test_backend_services_get_system_scopes_only_and_no_refresh_token(ehr):
    token = ehr.backend_token("system/Patient.rs").json
    assert token["scope"] == "system/Patient.rs"
    assert "refresh_token" not in token
    for scope in ("patient/*.rs", "system/*.cruds openid", "launch", ""):
        assert ehr.backend_token(scope).json["error"] == "invalid_scope"
    assert ehr.fhir("GET", "Patient/daan", token["access_token"]).status_code == 200
    assert ehr.fhir("GET", "Consent", token["access_token"]).status_code == 403


def test_introspection_tells_a_client_about_its_own_tokens_only(ehr):
    backend = ehr.backend_token().json["access_token"]
    foreign = ehr.token()["access_token"]

    def ask(token: str) -> dict:
        return ehr.browser().post("/auth/introspect", data={"token": token, **ehr.assertion()}, base_url=BASE).json

    assert ask(backend)["active"] is True
    assert ask(foreign) == {"active": False}
    assert ask("made-up") == {"active": False}
    assert ehr.browser().post("/auth/introspect", data={"token": backend}, base_url=BASE).status_code in (400, 401)


def test_revoking_a_refresh_token_ends_the_whole_authorization(ehr):
    token = ehr.token()
    form = {"token": token["refresh_token"], "client_id": "app"}
    assert ehr.browser().post("/auth/revoke", data=form, base_url=BASE).status_code == 200
    assert ehr.fhir("GET", "Patient/noor", token["access_token"]).status_code == 401
    assert ehr.refresh(token["refresh_token"]).json["error"] == "invalid_grant"


def test_a_token_of_somebody_else_cannot_be_revoked(ehr):
    token = ehr.token()
    answer = ehr.browser().post(
        "/auth/revoke", data={"token": token["refresh_token"], **ehr.assertion()}, base_url=BASE
    )
    assert answer.json["error"] == "invalid_grant"
    assert ehr.fhir("GET", "Patient/noor", token["access_token"]).status_code == 200


def test_what_has_long_expired_is_forgotten():
    ehr = Ehr()
    ehr.parts.server.state._tidy_at = 20
    ehr.sign_in()
    for _ in range(10):
        ehr.launch("noor")
    old = ehr.token()
    ehr.clock.forward(hours=14)
    for _ in range(10):
        ehr.launch("noor")
    state = ehr.parts.server.state
    assert len(state._launches) == 10
    assert state.token(old["access_token"]) is None
    assert not state._codes


def test_tokens_are_not_logged_even_at_debug(caplog):
    caplog.set_level("DEBUG")
    token = Ehr().token()
    assert token["access_token"] not in caplog.text
    assert token["refresh_token"] not in caplog.text
