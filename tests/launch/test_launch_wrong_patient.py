"""Wrong-patient safety as a model: whatever people do in several browsers and tabs, no answer ever mixes two children.

The model knows which launch belongs to which browser and child. Every action compares what the app shows, what it
asks of the EHR with which token, and what it logs, with that. ``pytest -m nightly`` takes more than 10,000 actions.
"""

from __future__ import annotations

import io
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
import responses
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule, run_state_machine_as_test
from launch_fakes import APP, Browser, Clock, FakeEhr, new_launcher

from smart_app import logs
from smart_app.settings import Settings

CHILDREN = ("kind-a", "kind-b", "kind-c")
BROWSERS = 3
TOKEN = re.compile(r"Bearer access-\d+-(kind-[a-z])")


@dataclass
class RecordingEhr(FakeEhr):
    """Gives tokens that name their child, and notes each request in which token and child differ."""

    mixed: list[str] = field(default_factory=list)
    strays: bool = False

    def _token(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        form = dict(part.split("=") for part in str(request.body).split("&"))
        child = (form.get("refresh_token") or form["code"]).rpartition("kind-")[2]
        number = len(self.token_requests)
        self.token = {
            "patient": f"kind-{'z' if self.strays and 'refresh_token' in form else child}",
            "access_token": f"access-{number}-kind-{child}",
            "refresh_token": f"refresh-{number}-kind-{child}",
            "id_token": None,
        }
        return super()._token(request)

    def _patient(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        token = TOKEN.fullmatch(request.headers.get("Authorization", ""))
        asked = str(request.url).rpartition("/")[2]
        if token is None or token[1] != asked:
            self.mixed.append(f"{token and token[1]} {asked}")
        return super()._patient(request)


@dataclass
class Tab:
    """One launch as its user knows it."""

    browser: Browser
    child: str
    path: str
    csrf: str = ""
    over: bool = False


class Launches(RuleBasedStateMachine):
    """Browsers, tabs, children, time, and people who click anywhere."""

    app: Flask
    settings: Settings
    actions = 0

    away = Bundle("away")
    tabs = Bundle("tabs")
    answered = Bundle("answered")

    def __init__(self) -> None:
        super().__init__()
        self.mock = responses.RequestsMock(assert_all_requests_are_fired=False)
        self.mock.start()
        self.clock = Clock()
        self.ehr = RecordingEhr(
            mock=self.mock, clock=self.clock, patients={child: f"Naam-{child}" for child in CHILDREN}
        )
        self.ehr.install()
        self.folder = TemporaryDirectory()
        url = f"sqlite:///{Path(self.folder.name) / 'store.sqlite'}"
        self.app.extensions["steunfiguren.launcher"] = new_launcher(
            replace(self.settings, database_url=url), self.clock
        )
        self.browsers = [Browser(self.app.test_client()) for _ in range(BROWSERS)]
        self.log = io.StringIO()
        self.handler = logs.configure(self.log)

    def teardown(self) -> None:
        logging.getLogger().removeHandler(self.handler)
        self.mock.stop(allow_assert=False)
        self.mock.reset()
        self.folder.cleanup()
        assert "kind-" not in self.log.getvalue()
        assert "Naam-" not in self.log.getvalue()

    def counted(self) -> None:
        type(self).actions += 1
        assert not self.ehr.mixed, "a token of one child was used for another"

    def seen(self, tab: Tab, answer: Any) -> None:
        """An answer in a tab shows its own child or none at all."""
        text = answer.get_data(as_text=True)
        shown = set(re.findall(r"kind-[a-z]", text)) | set(re.findall(r"Naam-(kind-[a-z])", text))
        if tab.over:
            assert answer.status_code == 409
        assert shown <= {tab.child}, "another child on screen"
        assert (answer.status_code == 200) == bool(shown)
        assert answer.status_code in (200, 409)
        tab.over = answer.status_code == 409

    @rule(target=away, number=st.integers(0, BROWSERS - 1), child=st.sampled_from(CHILDREN))
    def open_from_the_record(self, number: int, child: str) -> tuple[Browser, str, str]:
        browser = self.browsers[number]
        self.counted()
        return browser, child, browser.start(self.ehr)["state"]

    @rule(target=tabs, pending=consumes(away))
    def come_back(self, pending: tuple[Browser, str, str]) -> Any:
        browser, child, state = pending
        answer = browser.answer(self.ehr, state, code=f"code-{child}")
        self.counted()
        if answer.status_code != 303:
            return multiple()
        tab = Tab(browser, child, answer.location)
        self.seen(tab, page := browser.get(f"{tab.path}probe"))
        tab.csrf = page.get_json()["csrf"]
        return tab

    @rule(pending=away, number=st.integers(0, BROWSERS - 1), child=st.sampled_from(CHILDREN))
    def come_back_in_a_wrong_browser_or_with_a_wrong_code(
        self, pending: tuple[Browser, str, str], number: int, child: str
    ) -> None:
        browser = self.browsers[number]
        if browser is not pending[0]:
            assert browser.answer(self.ehr, pending[2], code=f"code-{child}").status_code == 400
        self.counted()

    @rule(tab=tabs)
    def reload_or_go_back_to_a_page(self, tab: Tab) -> None:
        self.seen(tab, tab.browser.get(f"{tab.path}probe"))
        self.counted()

    @rule(tab=tabs, other=tabs)
    def send_a_form(self, tab: Tab, other: Tab) -> None:
        """A form that was made in one tab and sent to the address of another, as a mixed-up page would."""
        form = {"csrf_token": tab.csrf, "patient": tab.child}
        answer = tab.browser.post(f"{other.path}probe", form)
        if other is tab:
            self.seen(tab, answer)
        elif answer.status_code == 200:
            raise AssertionError("a form of one launch was taken by another")
        self.counted()

    @rule(tab=tabs, child=st.sampled_from(CHILDREN))
    def send_a_form_of_another_child(self, tab: Tab, child: str) -> None:
        answer = tab.browser.post(f"{tab.path}probe", {"csrf_token": tab.csrf, "patient": child})
        if child == tab.child:
            self.seen(tab, answer)
        else:
            assert answer.status_code == 409
        self.counted()

    @rule(tab=tabs, number=st.integers(0, BROWSERS - 1))
    def open_the_address_in_another_browser(self, tab: Tab, number: int) -> None:
        if self.browsers[number] is not tab.browser:
            answer = self.browsers[number].get(f"{tab.path}probe")
            assert answer.status_code == 409
            assert "kind-" not in answer.text
        self.counted()

    @rule(tab=tabs, other=tabs)
    def swap_cookies(self, tab: Tab, other: Tab) -> None:
        """A cookie of one launch under the name of another opens nothing."""
        names = [f"__Host-sf-l-{each.path.split('/')[2]}" for each in (tab, other)]
        foreign = other.browser.client.get_cookie(names[1], domain="steun.example.nl")
        if tab is other or foreign is None:
            return
        visitor = Browser(self.app.test_client())
        visitor.client.set_cookie(names[0], foreign.value, domain="steun.example.nl")
        assert visitor.get(f"{tab.path}probe").status_code == 409
        self.counted()

    @rule(chosen=st.lists(tabs, min_size=2, max_size=5))
    def click_everywhere_at_once(self, chosen: list[Tab]) -> None:
        def click(tab: Tab) -> Any:
            client = self.app.test_client()
            name = f"__Host-sf-l-{tab.path.split('/')[2]}"
            cookie = tab.browser.client.get_cookie(name, domain="steun.example.nl")
            if cookie is not None:
                client.set_cookie(name, cookie.value, domain="steun.example.nl")
            return client.get(f"{tab.path}probe", base_url=APP)

        with ThreadPoolExecutor(len(chosen)) as pool:
            found = list(pool.map(click, chosen))
        for tab, answer in zip(chosen, found, strict=True):
            self.seen(tab, answer)
        self.counted()

    @rule(seconds=st.sampled_from([1, 60, 575, 1750]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.counted()

    @rule(seconds=st.sampled_from([1801, 36_001]))
    def stay_away_too_long(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.counted()

    @rule(tab=tabs)
    def refresh_onto_another_child(self, tab: Tab) -> None:
        self.clock.advance(601)
        self.ehr.strays = True
        try:
            self.seen(tab, tab.browser.get(f"{tab.path}probe"))
        finally:
            self.ehr.strays = False
        assert tab.over
        self.counted()

    @rule(tab=tabs)
    def sign_out(self, tab: Tab) -> None:
        form = {"csrf_token": tab.csrf, "patient": tab.child}
        assert tab.browser.post(f"{tab.path}sign-out", form).status_code in (200, 409)
        tab.over = True
        self.seen(tab, tab.browser.get(f"{tab.path}probe"))
        self.counted()


@pytest.fixture
def machine(kept_app: Flask, settings: Settings) -> type[Launches]:
    return type("Machine", (Launches,), {"app": kept_app, "settings": settings, "actions": 0})


def run(machine: type[Launches], *, count: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = examples(max_examples=count, stateful_step_count=steps, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.threat("two-tabs")
def test_no_answer_ever_mixes_two_children(machine: type[Launches]) -> None:
    run(machine, count=6, steps=20)


@pytest.mark.nightly
@pytest.mark.threat("two-tabs")
def test_no_answer_ever_mixes_two_children_in_ten_thousand_actions(machine: type[Launches]) -> None:
    run(machine, count=500, steps=60)
    assert machine.actions >= 10_000
