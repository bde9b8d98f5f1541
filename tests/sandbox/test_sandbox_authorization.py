"""The authorization server refuses what lax launchers accept."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sandbox_support import ALL, BASE, CALLBACK, Ehr, query_of


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


def test_a_launch_gives_a_token_with_its_context(ehr):
    token = ehr.token("noor", nonce="n-1")
    claims = id_token_of(ehr, token).claims
    assert token["patient"] == "noor"
    assert token["need_patient_banner"] is True
    assert set(token["scope"].split()) == set(ALL.split())
    assert claims["iss"] == f"{BASE}/fhir"
    assert claims["aud"] == "app"
    assert claims["nonce"] == "n-1"
    assert claims["fhirUser"] == f"{BASE}/fhir/Practitioner/joke-de-vries"


def test_the_answer_echoes_state_and_names_its_issuer(ehr):
    ehr.sign_in()
    answer = ehr.authorize(launch=ehr.launch("noor"))
    assert query_of(answer)["state"] == "a-state-that-nobody-can-guess"
    assert query_of(answer)["iss"] == f"{BASE}/fhir"


def test_an_error_names_the_issuer_too(ehr):
    ehr.sign_in()
    answer = ehr.authorize(launch=ehr.launch("noor"), aud="https://elsewhere.example/fhir")
    assert error_of(answer) == "invalid_request"
    assert query_of(answer)["iss"] == f"{BASE}/fhir"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "http://localhost:8400/fhir/"},
        {"aud": "http://localhost:8400"},
        {"aud": "http://LOCALHOST:8400/fhir"},
        {"aud": "http://evil.example/fhir"},
        {"aud": None},
        {"state": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": "too-short"},
        {"launch": "made-up"},
        {"launch": None},
    ],
    ids=str,
)
def test_an_authorization_request_that_is_not_exactly_right_is_refused(ehr, wrong):
    ehr.sign_in()
    assert error_of(ehr.authorize(**{"launch": ehr.launch("noor"), **wrong})) == "invalid_request"


@pytest.mark.parametrize(
    "uri",
    [
        f"{CALLBACK}/more",
        f"{CALLBACK}?next=elsewhere",
        "http://localhost:8401/callback",
        "http://localhost:8401.evil.example/callback/sandbox",
        "http://127.0.0.1:8401/callback/sandbox",
        "https://evil.example/callback/sandbox",
        "javascript:alert(1)",
    ],
)
def test_a_redirect_uri_that_is_not_registered_is_never_redirected_to(ehr, uri):
    ehr.sign_in()
    answer = ehr.authorize(launch=ehr.launch("noor"), redirect_uri=uri)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_missing_redirect_uri_is_refused_even_with_only_one_registered(ehr):
    ehr.sign_in()
    assert ehr.authorize(launch=ehr.launch("noor"), redirect_uri=None).status_code == 400


def test_an_unknown_client_gets_a_page_and_no_redirect(ehr):
    ehr.sign_in()
    assert ehr.authorize(client_id="nobody").status_code == 400


def test_implicit_flow_does_not_exist(ehr):
    ehr.sign_in()
    assert error_of(ehr.authorize(response_type="token", launch=ehr.launch("noor"))) == "unsupported_response_type"


def test_repeated_parameters_are_refused(ehr):
    ehr.sign_in()
    query = urlencode([*ehr.request(launch=ehr.launch("noor")).items(), ("scope", "patient/*.rs")])
    answer = ehr.http.get(f"/auth/authorize?{query}", base_url=BASE)
    assert answer.status_code == 400


def test_a_launch_works_once(ehr):
    ehr.sign_in()
    launch = ehr.launch("noor")
    assert "code" in query_of(ehr.authorize(launch=launch))
    assert error_of(ehr.authorize(launch=launch)) == "invalid_request"


def test_a_launch_expires(ehr):
    ehr.sign_in()
    launch = ehr.launch("noor")
    ehr.clock.forward(minutes=6)
    assert error_of(ehr.authorize(launch=launch)) == "invalid_request"


def test_a_launch_is_only_for_the_app_it_was_made_for(ehr):
    ehr.sign_in()
    assert error_of(ehr.authorize(launch=ehr.launch("noor", "secretive"))) == "invalid_request"


def test_a_launch_is_only_for_the_user_who_made_it(ehr):
    ehr.sign_in("j.devries")
    launch = ehr.launch("noor")
    ehr.sign_in("m.elamrani")
    assert error_of(ehr.authorize(launch=launch)) == "invalid_request"


def test_who_is_not_signed_in_signs_in_first_and_then_goes_on(ehr):
    ehr.sign_in()
    launch = ehr.launch("noor")
    ehr.http = ehr.browser()
    answer = ehr.authorize(launch=launch)
    assert answer.status_code == 303
    back = query_of(answer)["back"]
    page = ehr.http.get(answer.headers["Location"], base_url=BASE)
    form = {"user": "j.devries", "form_token": ehr.form_token(page), "back": back}
    answer = ehr.http.post("/sign-in", data=form, base_url=BASE)
    assert "code" in query_of(ehr.http.get(answer.headers["Location"], base_url=BASE))


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "\\\\evil", "evil"])
def test_sign_in_never_leads_to_another_site(ehr, back):
    token = ehr.form_token(ehr.http.get("/sign-in", base_url=BASE))
    answer = ehr.http.post("/sign-in", data={"user": "lotte", "form_token": token, "back": back}, base_url=BASE)
    assert answer.headers["Location"] == "/"


def test_a_standalone_launch_lets_a_professional_choose_a_record(ehr):
    ehr.sign_in()
    asked = {"scope": "launch/patient openid patient/Patient.rs", "launch": None}
    page = ehr.authorize(**asked)
    assert "Noor" in page.text
    form = {**ehr.request(**asked), "chosen_patient": "daan", "form_token": ehr.form_token(page)}
    code = query_of(ehr.http.post("/auth/authorize", data=form, base_url=BASE))["code"]
    assert ehr.redeem(code).json["patient"] == "daan"


def test_a_choice_that_another_site_made_is_refused(ehr):
    ehr.sign_in()
    form = {**ehr.request(scope="launch/patient patient/Patient.rs"), "chosen_patient": "daan"}
    assert ehr.http.post("/auth/authorize", data=form, base_url=BASE).status_code == 400


def test_a_choice_can_be_declined(ehr):
    ehr.sign_in()
    asked = {"scope": "launch/patient openid patient/Patient.rs", "launch": None}
    form = {**ehr.request(**asked), "decision": "deny", "form_token": ehr.form_token(ehr.authorize(**asked))}
    assert error_of(ehr.http.post("/auth/authorize", data=form, base_url=BASE)) == "access_denied"


def test_a_youth_gets_only_their_own_record_and_fewer_scopes(ehr):
    ehr.sign_in("lotte")
    code = query_of(ehr.authorize(scope="launch/patient openid fhirUser patient/*.cruds"))["code"]
    token = ehr.redeem(code).json
    assert token["patient"] == "lotte"
    assert "patient/*.cruds" not in token["scope"]
    assert "patient/*.rs" in token["scope"]
    assert ehr.http.get("/children/noor/launch/app", base_url=BASE).status_code == 404


def test_patient_scopes_are_not_granted_without_a_patient(ehr):
    ehr.sign_in()
    code = query_of(ehr.authorize(scope="openid patient/*.rs user/Patient.rs"))["code"]
    token = ehr.redeem(code).json
    assert token["scope"] == "openid user/Patient.rs"
    assert "patient" not in token
