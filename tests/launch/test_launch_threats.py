"""Each row of the threat table in ``docs/security.md``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import responses
from flask import Flask
from launch_fakes import Browser, FakeEhr, cookie_name

from fhir_plugin.errors import EhrProtocolError
from smart_app.launch.launcher import Launcher
from smart_app.settings import Settings

ELSEWHERE = (
    "https://elders.example.nl/x",
    "https://noord.example.nl@elders.example.nl/x",
    "https://noord.example.nl.elders.nl/x",
    "http://noord.example.nl/x",
    "https://noord.example.nl:8443/x",
    "http://127.0.0.1/x",
)


@pytest.mark.threat("ssrf")
@pytest.mark.requirement("1", "6")
@pytest.mark.parametrize(
    "iss",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://noord.example.nl/fhir/",
        "https://NOORD.example.nl/fhir",
        "https://noord.example.nl:443/fhir",
        "https://noord.example.nl/fhir@elders.example.nl",
        "https://noord.example.nl@elders.example.nl/fhir",
        "https://elders.example.nl/fhir",
        "http://noord.example.nl/fhir",
        "https://noord.example.nl/fhir?x=1",
        "https://noord.example.nl/fhir#x",
        "https://noord.example.nl/fhir/../fhir",
        " https://noord.example.nl/fhir",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_issuer_that_is_not_exactly_on_the_list_causes_no_request_at_all(
    browser: Browser, ehr: FakeEhr, iss: str
) -> None:
    assert browser.get("/launch", query_string={"iss": iss, "launch": "x"}).status_code == 403
    assert browser.post("/launch", {"iss": iss, "launch": "x"}).status_code == 403
    assert browser.get("/launch", query_string={"launch": "x"}).status_code == 403
    assert len(ehr.mock.calls) == 0


@pytest.mark.threat("ssrf")
def test_a_redirect_of_the_metadata_is_not_followed(browser: Browser, http: responses.RequestsMock) -> None:
    http.get(
        "https://noord.example.nl/fhir/.well-known/smart-configuration",
        status=302,
        headers={"Location": "http://169.254.169.254/"},
    )
    answer = browser.get("/launch", query_string={"iss": "https://noord.example.nl/fhir", "launch": "x"})
    assert browser.get(answer.location).status_code == 502
    assert len(http.calls) == 1


@pytest.mark.threat("ssrf")
@pytest.mark.parametrize(
    "endpoint",
    ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint"],
)
def test_an_endpoint_on_a_server_that_is_not_the_ehrs_own_is_refused(
    browser: Browser, ehr: FakeEhr, endpoint: str
) -> None:
    for url in ELSEWHERE:
        ehr.metadata[endpoint] = url
        before = len(ehr.mock.calls)
        answer = browser.get(
            "/launch", query_string={"iss": ehr.iss, "launch": "x"}, headers={"Sec-Fetch-Dest": "document"}
        )
        assert answer.status_code == 403, url
        assert len(ehr.mock.calls) == before + 1


@pytest.mark.threat("ssrf")
def test_a_host_that_the_settings_name_is_the_ehrs_own(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr
) -> None:
    noord = replace(settings.issuers[0], hosts=("login.example.nl",))
    ehr.metadata["authorization_endpoint"] = "https://login.example.nl/authorize"
    browser = Browser(make_app(replace(settings, issuers=(noord,))).test_client())
    assert browser.start(ehr)["aud"] == ehr.iss


@pytest.mark.threat("framing")
def test_only_the_ehr_of_the_launch_may_frame_its_pages(browser: Browser, ehr: FakeEhr, other_ehr: FakeEhr) -> None:
    pages = {ehr.base: browser.launch(ehr), other_ehr.base: browser.launch(other_ehr)}
    for origin, path in pages.items():
        policy = browser.get(f"{path}probe").headers["Content-Security-Policy"]
        assert f"frame-ancestors {origin};" in policy
    for path in ("/l/" + "0" * 32 + "/probe", "/launch/continue/unknown"):
        policy = browser.get(path).headers["Content-Security-Policy"]
        assert f"frame-ancestors {ehr.base} {other_ehr.base};" in policy, "to say that it is over, inside the record"
    for path in ("/start", "/jwks.json", "/launch?iss=https://elders.example.nl&launch=x", "/nowhere"):
        answer = browser.get(path)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.threat("launch-csrf")
def test_a_launch_by_somebody_else_changes_nothing_in_a_running_one(
    browser: Browser, ehr: FakeEhr, other_ehr: FakeEhr
) -> None:
    mine = browser.launch(ehr)
    other_ehr.token["patient"] = "kind-9"
    browser.launch(other_ehr)
    assert browser.get(f"{mine}probe").get_json()["patient"] == "kind-1"


@pytest.mark.threat("launch-csrf")
def test_launches_are_limited_in_number(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr
) -> None:
    app = make_app(replace(settings, limits=replace(settings.limits, launches_per_minute=3)))
    browser = Browser(app.test_client())
    found = [browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"}).status_code for _ in range(5)]
    assert found == [303, 303, 303, 429, 429]


@pytest.mark.threat("login-csrf")
def test_an_answer_begun_in_another_browser_signs_nobody_in(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr
) -> None:
    attackers = new_browser().start(ehr)
    victims = browser.start(ehr)
    for state in (attackers["state"], attackers["state"] + "x"):
        assert browser.answer(ehr, state).status_code == 400
    assert not ehr.token_requests
    assert browser.answer(ehr, victims["state"]).status_code == 303


@pytest.mark.threat("mix-up")
def test_an_answer_at_the_door_of_another_ehr_is_refused(browser: Browser, ehr: FakeEhr, other_ehr: FakeEhr) -> None:
    state = browser.start(ehr)["state"]
    assert browser.answer(other_ehr, state).status_code == 400
    assert not ehr.token_requests
    assert not other_ehr.token_requests


@pytest.mark.threat("mix-up")
@pytest.mark.parametrize(
    ("announced", "iss", "status"),
    [
        (True, "https://noord.example.nl/auth", 303),
        (True, None, 400),
        (True, "https://zuid.example.nl/auth", 400),
        (False, None, 303),
        (False, "https://noord.example.nl/auth", 303),
        (False, "https://zuid.example.nl/auth", 400),
    ],
)
def test_the_iss_of_an_answer_must_be_the_server_that_was_asked(
    browser: Browser, ehr: FakeEhr, announced: bool, iss: str | None, status: int
) -> None:
    ehr.metadata["authorization_response_iss_parameter_supported"] = announced
    state = browser.start(ehr)["state"]
    params = {} if iss is None else {"iss": iss}
    assert browser.answer(ehr, state, **params).status_code == status
    assert len(ehr.token_requests) == (1 if status == 303 else 0)


@pytest.mark.threat("back-button")
def test_going_back_to_the_answer_of_the_ehr_gives_a_friendly_page_and_no_second_exchange(
    browser: Browser, ehr: FakeEhr
) -> None:
    state = browser.start(ehr)["state"]
    assert browser.answer(ehr, state).status_code == 303
    again = browser.answer(ehr, state)
    assert again.status_code == 400
    assert again.mimetype == "text/html"
    assert len(ehr.token_requests) == 1


@pytest.mark.threat("back-button")
def test_no_page_of_a_launch_is_kept_by_the_browser(browser: Browser, ehr: FakeEhr) -> None:
    path = browser.launch(ehr)
    for address in (f"{path}probe", "/callback/noord?state=x&code=y", "/launch", "/start", "/static/nowhere.css"):
        assert browser.get(address).headers["Cache-Control"] == "no-store"


@pytest.mark.threat("login-csrf")
@pytest.mark.requirement("5", "6")
@pytest.mark.parametrize("twice", ["state", "code", "iss", "error"])
def test_an_answer_that_says_something_twice_is_not_read_at_all(browser: Browser, ehr: FakeEhr, twice: str) -> None:
    state = browser.start(ehr)["state"]
    query = [("state", state), ("code", "code-1"), (twice, {"state": state, "iss": ehr.issuer}.get(twice, "code-1"))]
    if twice in ("iss", "error"):
        query.append((twice, "x"))
    assert browser.get(f"/callback/{ehr.key}", query_string=query).status_code == 400
    assert not ehr.token_requests
    assert browser.answer(ehr, state).status_code == 303, "the state was not used up by it"


@pytest.mark.threat("bearer-to-foreign-host")
@pytest.mark.requirement("97", "98", "267", "268")
def test_a_link_to_another_host_gets_no_token(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> None:
    path = browser.launch(ehr)
    cookie = browser.client.get_cookie(cookie_name(path), domain="steun.example.nl")
    assert cookie is not None
    launch = launcher.active(path.split("/")[2], cookie.value)
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "next", "url": "https://elders.example.nl/fhir?page=2"}],
    }
    ehr.mock.get(f"{ehr.iss}/RelatedPerson", json=bundle)
    before = len(ehr.mock.calls)
    with pytest.raises(EhrProtocolError):
        list(launch.ehr.search("RelatedPerson", {}))
    assert len(ehr.mock.calls) == before + 1


@pytest.mark.threat("open-redirect")
@pytest.mark.requirement("5", "6")
@pytest.mark.parametrize(
    "target", ["//evil.example", "\\evil.example", "https://evil.example", "<script>alert(1)</script>"]
)
def test_nothing_in_a_request_decides_where_the_browser_goes_or_is_shown_as_it_is(
    browser: Browser, ehr: FakeEhr, target: str
) -> None:
    names = ("next", "redirect", "redirect_uri", "error_description", "error_uri", "issuer", "lang", "launch")
    for address in ("/launch", "/start", "/callback/noord"):
        state = browser.start(ehr)["state"]
        query = dict.fromkeys(names, target) | {"state": state, "error": target, "iss": ehr.issuer}
        answer = browser.get(address, query_string=query)
        assert "evil.example" not in answer.headers.get("Location", "").partition("?")[0]
        assert target not in answer.text
