"""What stands before every page of a launch (threat *two-tabs*): its own cookie, its own forms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from launch_fakes import APP, Browser, FakeEhr, cookie_name


@pytest.mark.threat("two-tabs")
@pytest.mark.parametrize("cookies", ["none", "of-the-other-launch", "of-another-browser"])
def test_without_its_own_cookie_a_launch_shows_nothing_and_falls_back_to_nothing(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr, cookies: str
) -> None:
    first = browser.launch(ehr)
    ehr.token["patient"] = "kind-2"
    second = browser.launch(ehr)
    if cookies == "none":
        visitor = new_browser()
    elif cookies == "of-another-browser":
        visitor = new_browser()
        visitor.launch(ehr)
    else:
        visitor = browser
        other = browser.client.get_cookie(cookie_name(second), domain="steun.example.nl")
        assert other is not None
        browser.client.set_cookie(cookie_name(first), other.value, domain="steun.example.nl")
    shown = len(ehr.fhir_tokens)
    answer = visitor.get(f"{first}probe")
    assert answer.status_code == 409
    assert "kind-" not in answer.text
    assert len(ehr.fhir_tokens) == shown


@pytest.mark.threat("two-tabs")
@pytest.mark.parametrize("change", ["csrf_token", "patient", "both", "json", "file", "cross-site"])
def test_a_form_without_the_right_token_and_patient_is_refused(browser: Browser, ehr: FakeEhr, change: str) -> None:
    path = browser.launch(ehr)
    csrf = browser.get(f"{path}probe").get_json()["csrf"]
    right = {"csrf_token": csrf, "patient": "kind-1"}
    assert browser.post(f"{path}probe", right).status_code == 200
    expected = 400
    if change == "patient":
        answer, expected = browser.post(f"{path}probe", right | {"patient": "kind-2"}), 409
    elif change == "csrf_token":
        answer = browser.post(f"{path}probe", right | {"csrf_token": "x" * 64})
    elif change == "both":
        answer = browser.post(f"{path}probe", {"note": "x"})
    elif change == "json":
        answer, expected = browser.client.post(f"{path}probe", base_url=APP, json=right), 403
    elif change == "file":
        answer, expected = browser.post(f"{path}probe", right, content_type="multipart/form-data"), 403
    else:
        answer = browser.post(f"{path}probe", right, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == expected


@pytest.mark.threat("two-tabs")
def test_a_form_token_of_another_launch_does_not_count(browser: Browser, ehr: FakeEhr) -> None:
    first, second = browser.launch(ehr), browser.launch(ehr)
    foreign = browser.get(f"{second}probe").get_json()["csrf"]
    assert browser.post(f"{first}probe", {"csrf_token": foreign, "patient": "kind-1"}).status_code == 400
