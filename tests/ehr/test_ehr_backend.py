"""Signing in as a system: the assertion, the renewal, the refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests
import responses
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fhir_plugin.ehr.backend import BackendServices, discover_token_endpoint, read_private_key
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrFailed, EhrProtocolError, EhrUnauthorized, EhrUnreachable, InputError

TOKEN = "https://auth.example.nl/token"
RSA = RSAKey.generate_key(2048, parameters={"kid": "sync-1"})
EC = ECKey.generate_key("P-384", parameters={"kid": "sync-2"})


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def source(now: list[float], key: RSAKey | ECKey = RSA) -> BackendServices:
    return BackendServices(
        client_id="steunfiguren-sync", key=key, token_url=TOKEN, scope="system/RelatedPerson.crus", clock=lambda: now[0]
    )


def granted(token: str = "t1", **more: object) -> dict[str, object]:
    return {"access_token": token, "token_type": "Bearer", "expires_in": 300, **more}


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS384"), (EC, "ES384")])
def test_the_assertion_is_signed_for_the_token_endpoint_alone(
    server: responses.RequestsMock, key: RSAKey | ECKey, algorithm: str
) -> None:
    server.post(TOKEN, json=granted())
    assert source([1000.0], key)(False) == "t1"
    form = parse_qs(str(server.calls[0].request.body))
    token = jwt.decode(form["client_assertion"][0], key, algorithms=[algorithm])
    assert token.header["alg"] == algorithm
    assert token.header["kid"] == key.kid
    assert token.claims["aud"] == TOKEN
    assert token.claims["iss"] == token.claims["sub"] == "steunfiguren-sync"
    assert token.claims["exp"] - 1000 <= 300
    assert form["scope"] == ["system/RelatedPerson.crus"]


def test_a_token_is_kept_until_shortly_before_its_end_and_renewed_with_its_scope(
    server: responses.RequestsMock,
) -> None:
    server.post(TOKEN, json=granted("t1"))
    server.post(TOKEN, json=granted("t2", scope="system/RelatedPerson.rs"))
    now = [0.0]
    tokens = source(now)
    assert [tokens(False), tokens(False)] == ["t1", "t1"]
    now[0] = 271.0
    assert tokens(False) == "t2"
    assert parse_qs(str(server.calls[1].request.body))["scope"] == ["system/RelatedPerson.crus"]
    assert tokens.granted == {"system/RelatedPerson.rs"}


def test_each_assertion_has_its_own_jti(server: responses.RequestsMock) -> None:
    server.post(TOKEN, json=granted())
    now = [0.0]
    tokens = source(now)
    tokens(False)
    now[0] = 10.0
    tokens(True)
    assertions = [parse_qs(str(call.request.body))["client_assertion"][0] for call in server.calls]
    assert len({jwt.decode(item, RSA, algorithms=["RS384"]).claims["jti"] for item in assertions}) == 2


def test_several_threads_with_an_old_token_renew_it_once(server: responses.RequestsMock) -> None:
    sent = server.post(TOKEN, json=granted())
    tokens = source([100.0])
    assert [tokens(True), tokens(True), tokens(True)] == ["t1"] * 3
    assert sent.call_count == 1


def test_a_refusal_names_the_oauth_code_and_nothing_else(server: responses.RequestsMock) -> None:
    server.post(TOKEN, json={"error": "invalid_client", "error_description": "key of J. Jansen"}, status=400)
    with pytest.raises(EhrUnauthorized, match="invalid_client") as caught:
        source([0.0])(False)
    assert "Jansen" not in str(caught.value)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"access_token": "x", "token_type": "mac"}'])
def test_an_answer_without_a_bearer_token_is_no_token(server: responses.RequestsMock, body: str) -> None:
    server.post(TOKEN, body=body)
    with pytest.raises((EhrProtocolError, EhrFailed)):
        source([0.0])(False)


def test_no_answer_is_unreachable(server: responses.RequestsMock) -> None:
    server.post(TOKEN, body=requests.ConnectionError())
    with pytest.raises(EhrUnreachable):
        source([0.0])(False)


def test_the_token_endpoint_is_found_by_discovery(server: responses.RequestsMock) -> None:
    server.get("https://ehr.example.nl/fhir/.well-known/smart-configuration", json={"token_endpoint": TOKEN})
    assert discover_token_endpoint("https://ehr.example.nl/fhir", requests.Session()) == TOKEN


def test_no_password_of_a_netrc_file_goes_to_the_ehr_or_the_authorization_server(
    server: responses.RequestsMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login me password secret", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.get("https://ehr.example.nl/fhir/.well-known/smart-configuration", json={"token_endpoint": TOKEN})
    server.post(TOKEN, json=granted())
    server.get("https://ehr.example.nl/fhir/Patient/1", json={"resourceType": "Patient", "id": "1"})
    discover_token_endpoint("https://ehr.example.nl/fhir", requests.Session())
    source([1000.0])(False)
    FhirClient("https://ehr.example.nl/fhir").read("Patient", "1")
    assert len(server.calls) == 3
    assert [call.request.headers.get("Authorization") for call in server.calls] == [None, None, None]


@pytest.mark.parametrize("found", [{}, {"token_endpoint": "http://auth.example.nl/token"}, {"token_endpoint": 7}])
def test_a_token_endpoint_without_https_is_not_used(server: responses.RequestsMock, found: dict[str, object]) -> None:
    server.get("https://ehr.example.nl/fhir/.well-known/smart-configuration", json=found)
    with pytest.raises(EhrProtocolError):
        discover_token_endpoint("https://ehr.example.nl/fhir", requests.Session())


@pytest.mark.parametrize("key", [RSA, EC])
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_a_private_key_is_read_in_either_form(key: RSAKey | ECKey, form: str) -> None:
    text = key.as_pem(private=True).decode() if form == "pem" else json.dumps(key.as_dict(private=True))
    assert read_private_key(text).thumbprint() == key.thumbprint()


@pytest.mark.parametrize("text", ["", "secret", "{}", RSA.as_pem(private=False).decode()])
def test_something_that_is_no_private_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_private_key(text)
    assert "secret" not in str(caught.value)
