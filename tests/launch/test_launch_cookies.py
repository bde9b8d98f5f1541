"""Cookies of launches (threats *cookies-in-frames*, *session-fixation*): one each, in a frame or a tab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from launch_fakes import Browser, FakeEhr, cookie_name

from smart_app.launch.cookies import MOST_LAUNCHES


@pytest.mark.threat("cookies-in-frames")
def test_every_cookie_is_host_bound_secure_hidden_from_scripts_and_partitioned(browser: Browser, ehr: FakeEhr) -> None:
    launched = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    answer = browser.answer(ehr, browser.start(ehr)["state"])
    cookies = launched.headers.getlist("Set-Cookie") + answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 3
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-")
        assert {"secure", "httponly", "path=/", "samesite=none", "partitioned"} <= attributes
        assert not any(attribute.startswith("domain") for attribute in attributes)


@pytest.mark.threat("cookies-in-frames")
def test_a_frame_that_keeps_no_cookie_offers_a_tab_in_which_the_same_launch_goes_on(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr
) -> None:
    launched = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "same"})
    without_cookies = new_browser()
    page = without_cookies.get(launched.location)
    assert page.status_code == 200
    assert 'target="_blank"' in page.text
    state = launched.location.rpartition("/")[2]
    assert f"/launch/tab/{state}" in page.text
    tab = new_browser()
    opened = tab.get(f"/launch/tab/{state}")
    onward = tab.get(opened.location)
    assert onward.status_code == 303
    assert "launch=same" in onward.location
    assert f"state={state}" not in onward.location, "whoever knows the old state cannot answer the new one"
    assert tab.get(f"/launch/tab/{state}").status_code == 400


@pytest.mark.threat("cookies-in-frames")
def test_a_tab_that_keeps_no_cookie_either_says_what_to_do_instead_of_going_round(
    new_browser: Callable[[], Browser], browser: Browser, ehr: FakeEhr
) -> None:
    launched = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    opened = new_browser().get(f"/launch/tab/{launched.location.rpartition('/')[2]}")
    assert new_browser().get(opened.location).status_code == 403


@pytest.mark.threat("session-fixation")
def test_a_cookie_that_was_set_beforehand_has_no_power_and_every_launch_gets_a_new_one(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr
) -> None:
    planted = "known-to-the-attacker"
    state = browser.start(ehr)["state"]
    for name in [cookie.key for cookie in browser.client._cookies.values()]:
        browser.client.set_cookie(name.replace("sf-s-", "sf-l-"), planted, domain="steun.example.nl")
    path = browser.answer(ehr, state).location
    fresh = browser.client.get_cookie(cookie_name(path), domain="steun.example.nl")
    assert fresh is not None
    assert fresh.value != planted
    attacker = new_browser()
    attacker.client.set_cookie(cookie_name(path), planted, domain="steun.example.nl")
    assert attacker.get(f"{path}probe").status_code == 409


@pytest.mark.threat("cookies-in-frames")
def test_a_browser_keeps_the_cookies_of_its_latest_launches_only(browser: Browser, ehr: FakeEhr) -> None:
    paths = [browser.launch(ehr) for _ in range(MOST_LAUNCHES + 2)]
    held = [cookie.key for cookie in browser.client._cookies.values() if "sf-l-" in cookie.key]
    assert len(held) == MOST_LAUNCHES
    assert browser.get(f"{paths[-1]}probe").status_code == 200
    assert browser.get(f"{paths[0]}probe").status_code == 409
