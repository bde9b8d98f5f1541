"""Where the authorization server is (App Launch 2.2, *Retrieve .well-known/smart-configuration*)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import responses
from flask import Flask
from launch_fakes import Browser, FakeEhr, query_of

from smart_app.settings import Settings

ISS = "https://noord.example.nl/fhir"
WELL_KNOWN = f"{ISS}/.well-known/smart-configuration"


def launch_page(browser: Browser, ehr: FakeEhr) -> Any:
    answer = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    return browser.get(answer.location)


@pytest.mark.rule("discovery-metadata")
@pytest.mark.requirement("29", "226", "227")
def test_the_metadata_are_asked_as_json_below_the_base_and_kept_for_the_next_launch(
    browser: Browser, ehr: FakeEhr
) -> None:
    browser.start(ehr)
    browser.start(ehr)
    asked = [call.request for call in ehr.mock.calls if call.request.url == WELL_KNOWN]
    assert len(asked) == 1
    assert asked[0].headers["Accept"] == "application/json"
    assert "Authorization" not in asked[0].headers


@pytest.mark.rule("discovery-relative")
@pytest.mark.requirement("379")
def test_a_relative_endpoint_counts_from_the_fhir_base(browser: Browser, ehr: FakeEhr) -> None:
    ehr.metadata |= {"authorization_endpoint": "../auth/authorize", "token_endpoint": "/auth/token"}
    answer = launch_page(browser, ehr)
    assert answer.location.startswith("https://noord.example.nl/auth/authorize?")


@pytest.mark.rule("discovery-s256")
@pytest.mark.requirement("13", "45")
@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256"])
def test_an_ehr_that_does_not_advertise_s256_is_refused_unless_its_settings_allow_it(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr, methods: Any
) -> None:
    ehr.metadata["code_challenge_methods_supported"] = methods
    assert launch_page(Browser(make_app(settings).test_client()), ehr).status_code == 502
    lenient = replace(settings, issuers=(replace(settings.issuers[0], allow_missing_s256=True),))
    params = Browser(make_app(lenient).test_client()).start(ehr)
    assert params["code_challenge_method"] == "S256", "it is sent all the same"


@pytest.mark.rule("discovery-old")
def test_an_old_server_is_found_by_the_uris_in_its_capability_statement(
    make_app: Callable[[Settings], Flask], settings: Settings, http: responses.RequestsMock, ehr: FakeEhr
) -> None:
    http.replace("GET", WELL_KNOWN, status=404)
    extension = {
        "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
        "extension": [
            {"url": "authorize", "valueUri": f"{ehr.issuer}/authorize"},
            {"url": "token", "valueUri": f"{ehr.issuer}/token"},
        ],
    }
    http.get(f"{ISS}/metadata", json={"rest": [{"mode": "server", "security": {"extension": [extension]}}]})
    old = replace(settings, issuers=(replace(settings.issuers[0], allow_missing_s256=True),))
    answer = launch_page(Browser(make_app(old).test_client()), ehr)
    assert answer.location.startswith(f"{ehr.issuer}/authorize?")
    assert query_of(answer.location)["aud"] == ISS


@pytest.mark.parametrize(
    "body", ["<html>", "[]", '{"rest": "x"}', '{"rest": [{"security": {"extension": [{"url": 3}]}}]}', '"x"', ""]
)
def test_a_server_that_says_nothing_usable_gives_a_page(
    browser: Browser, ehr: FakeEhr, http: responses.RequestsMock, body: str
) -> None:
    http.replace("GET", WELL_KNOWN, body=body)
    http.get(f"{ISS}/metadata", body=body)
    assert launch_page(browser, ehr).status_code == 502


def test_a_server_that_names_no_endpoints_gives_a_page(browser: Browser, ehr: FakeEhr) -> None:
    ehr.metadata["token_endpoint"] = None
    assert launch_page(browser, ehr).status_code == 502


@pytest.mark.rule("discovery-openid")
def test_openid_metadata_of_another_issuer_are_not_believed(browser: Browser, ehr: FakeEhr) -> None:
    ehr.metadata["jwks_uri"] = None
    document = {"issuer": "https://elders.example.nl", "jwks_uri": f"{ehr.issuer}/jwks"}
    ehr.mock.get(f"{ehr.issuer}/.well-known/openid-configuration", json=document)
    assert browser.answer(ehr, browser.start(ehr)["state"]).status_code == 403
