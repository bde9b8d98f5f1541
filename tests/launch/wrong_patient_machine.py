"""What people do with the app, as rules that hypothesis takes in any order: see ``test_launch_wrong_patient.py``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)
from wrong_patient_children import CHILDREN, users_of
from wrong_patient_visitor import (
    Browser,
    Form,
    Tab,
    add_somebody,
    agree_and_take_back,
    change_somebody,
    change_the_same_person,
    stop_or_allow_sharing,
    walk,
)
from wrong_patient_world import APP, EHR, World

from smart_app.launch.guard import CSRF_FIELD, PATIENT_FIELD

BROWSERS = 3
NUMBERS = st.integers(0, BROWSERS - 1)
CHOICES = st.integers(0, 2**32 - 1).map(Random)


class Launches(RuleBasedStateMachine):
    """Browsers, tabs, children, time, and people who click anywhere."""

    world: World

    away = Bundle("away")
    tabs = Bundle("tabs")

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.everywhere: list[Tab] = []
        self.closed: list[tuple[Browser, str]] = []
        self.browsers = [Browser(self.world.app.test_client()) for _ in range(BROWSERS)]

    def teardown(self) -> None:
        self.world.end()

    @initialize(target=tabs, rng=CHOICES)
    def two_children_are_open_in_one_browser(self, rng: Random) -> Any:
        """What has to be kept apart is there from the start; everything else comes by chance."""
        return multiple(*(self.launch(0, child, rng) for child in rng.sample(CHILDREN, 2)))

    @rule(target=tabs, number=NUMBERS, child=st.sampled_from(CHILDREN), rng=CHOICES)
    def open_one_more(self, number: int, child: str, rng: Random) -> Tab:
        return self.launch(number, child, rng)

    def launch(self, number: int, child: str, rng: Random) -> Tab:
        opened: Tab = self._back(*self._away(number, child, rng))
        return opened

    @rule(target=away, number=NUMBERS, child=st.sampled_from(CHILDREN), rng=CHOICES)
    def open_from_the_record(self, number: int, child: str, rng: Random) -> tuple[int, str, str]:
        return self._away(number, child, rng)

    def _away(self, number: int, child: str, rng: Random) -> tuple[int, str, str]:
        """The EHR opens the app; gives the address that leads back to it."""
        user = rng.choice(users_of(child))
        query = {"iss": f"{EHR}/fhir", "launch": self.world.launch_value(user, child)}
        client = self.browsers[number].client
        answer = client.get("/launch", query_string=query, base_url=APP, headers={"Sec-Fetch-Dest": "document"})
        self.world.check(answer, None)
        return number, child, self.world.authorize(user, answer.location)

    @rule(target=tabs, pending=consumes(away))
    def come_back(self, pending: tuple[int, str, str]) -> Any:
        return self._back(*pending)

    def _back(self, number: int, child: str, address: str) -> Any:
        """The browser comes back with the EHR's answer, and opens the network."""
        answer = self.browsers[number].client.get(address)
        self.world.check(answer, child)
        if answer.status_code != 303:
            return multiple()
        tab = Tab(self.world, self.browsers[number], child, answer.location)
        self.world.launches[answer.location.split("/")[2]] = child
        tab.get()
        self.everywhere.append(tab)
        return tab

    @rule(pending=away, number=NUMBERS)
    def come_back_in_a_wrong_browser(self, pending: tuple[int, str, str], number: int) -> None:
        if number != pending[0]:
            answer = self.browsers[number].client.get(pending[2])
            self.world.check(answer, None)
            assert answer.status_code == 400

    def alive(self, tab: Tab, rng: Random) -> Tab:
        """The tab; one that is over was opened again from the record, in the same place."""
        if tab.over:
            self.closed.append((tab.browser, tab.path))
            again = self.launch(self.browsers.index(tab.browser), tab.child, rng)
            tab.path, tab.pages, tab.over = again.path, again.pages, again.over
        return tab

    @rule(tab=tabs, rng=CHOICES, steps=st.integers(2, 8))
    def click_on(self, tab: Tab, rng: Random, steps: int) -> None:
        walk(self.alive(tab, rng), rng, steps)

    @rule(tab=tabs, rng=CHOICES)
    def add_and_save(self, tab: Tab, rng: Random) -> None:
        add_somebody(self.alive(tab, rng), rng)

    @rule(tab=tabs, rng=CHOICES)
    def change_and_save(self, tab: Tab, rng: Random) -> None:
        change_somebody(self.alive(tab, rng), rng)

    @rule(tab=tabs, rng=CHOICES)
    def record_and_withdraw_a_consent(self, tab: Tab, rng: Random) -> None:
        agree_and_take_back(self.alive(tab, rng), rng)

    @rule(tab=tabs, rng=CHOICES)
    def turn_the_sharing(self, tab: Tab, rng: Random) -> None:
        stop_or_allow_sharing(self.alive(tab, rng), rng)

    @rule(tab=tabs, rng=CHOICES)
    def change_what_somebody_else_is_changing(self, tab: Tab, rng: Random) -> None:
        """In another browser, with the same child; the two meet at the conflict."""
        self.alive(tab, rng)
        number = (self.browsers.index(tab.browser) + 1) % BROWSERS
        change_the_same_person(tab, self.launch(number, tab.child, rng), rng)

    @rule(rng=CHOICES)
    def open_an_address_that_is_over(self, rng: Random) -> None:
        if self.closed:
            browser, path = rng.choice(self.closed)
            answer = browser.client.get(path, base_url=APP)
            self.world.check(answer, None)
            assert answer.status_code == 409

    @rule(tab=tabs, rng=CHOICES)
    def go_back_and_send_an_old_form(self, tab: Tab, rng: Random) -> None:
        """The back button, and a form that was sent before or is hours old."""
        if tab.sent and rng.random() < 0.5:
            tab.post(rng.choice(tab.sent))
        elif tab.pages and (forms := tab.forms(rng.choice(tab.pages), rng)):
            tab.post(rng.choice(forms))

    @rule(tab=tabs, path=st.sampled_from(["", "map", "print", "as/youth", "as/parent", "worklist"]))
    def open_a_page(self, tab: Tab, path: str) -> None:
        tab.get(path)

    def other_than(self, tab: Tab, rng: Random) -> Tab:
        """A tab with another child."""
        return self.alive(rng.choice([one for one in self.everywhere if one.child != tab.child]), rng)

    @rule(tab=tabs, rng=CHOICES)
    def open_a_page_of_another_child(self, tab: Tab, rng: Random) -> None:
        """Addresses and forms of one launch, under the address of another, with the cookie of that other."""
        other = self.other_than(tab, rng)
        links = [link for page in other.pages for link in other.links(page)]
        self.alive(tab, rng).get(rng.choice(links or [other.path]).replace(other.path, tab.path))

    @rule(tab=tabs, rng=CHOICES, guard=st.sampled_from(["whole", "token", "patient"]))
    def send_a_form_of_another_tab(self, tab: Tab, rng: Random, guard: str) -> None:
        """A form made in one tab and sent to another: as it is, or with the other's token, or for another child."""
        other = self.other_than(tab, rng)
        forms = [form for page in other.pages[-2:] for form in other.forms(page, rng)]
        mine = [form for page in self.alive(tab, rng).pages[-1:] for form in tab.forms(page, rng)]
        if not forms or not mine:
            return
        form = rng.choice(forms)
        form = Form(form.path.replace(other.path, tab.path), form.values)
        if guard == "token":
            form = form.changed(CSRF_FIELD, mine[0].value(CSRF_FIELD))
        if guard == "patient":
            form = rng.choice(mine).changed(PATIENT_FIELD, form.value(PATIENT_FIELD))
        before = dict(self.world.wire.writes)
        answer = tab.post(form)
        assert answer.status_code in (400, 404, 409), "a form of one child was taken for another"
        assert dict(self.world.wire.writes) == before
        tab.sent.pop()

    @rule(tab=tabs, rng=CHOICES)
    def swap_cookies(self, tab: Tab, rng: Random) -> None:
        """A cookie of one launch under the name of another opens nothing; nor does no cookie at all."""
        visitor, other = self.world.app.test_client(), self.other_than(tab, rng)
        foreign = other.browser.cookie(other)
        if foreign is not None and rng.random() < 0.7:
            visitor.set_cookie(tab.cookie_name, foreign, domain="steun.example.nl")
        links = [tab.path, *(link for page in tab.pages[-1:] for link in tab.links(page))]
        answer = visitor.get(rng.choice(links), base_url=APP)
        self.world.check(answer, None)
        assert answer.status_code == 409

    @rule(chosen=st.lists(tabs, min_size=2, max_size=5), rng=CHOICES)
    def click_everywhere_at_once(self, chosen: list[Tab], rng: Random) -> None:
        """Several requests at the same moment, also twice in one tab."""
        jobs: list[Callable[[], Any]] = []
        for tab in [*chosen, chosen[0]]:
            client = self.world.app.test_client()
            if (cookie := tab.browser.cookie(tab)) is not None:
                client.set_cookie(tab.cookie_name, cookie, domain="steun.example.nl")
            forms = tab.forms(tab.pages[-1], rng) if tab.pages else []
            if forms and rng.random() < 0.5:
                jobs.append(partial(tab.post, rng.choice(forms), client))
            else:
                links = tab.links(tab.pages[-1]) if tab.pages else []
                jobs.append(partial(tab.get, rng.choice(links or [tab.path]), client))
        with ThreadPoolExecutor(len(jobs)) as pool:
            for done in [pool.submit(job) for job in jobs]:
                done.result()

    @rule(seconds=st.sampled_from([1, 1, 60, 60, 575, 575, 620, 620, 1801, 36_001]))
    def wait(self, seconds: int) -> None:
        """Tokens are renewed after 570 seconds; a launch is over after 1,800, and always after 36,000."""
        self.world.clock.forward(seconds)

    @rule(tab=tabs, rng=CHOICES)
    def refresh_onto_another_child(self, tab: Tab, rng: Random) -> None:
        """The EHR gives, when the token is renewed, a token for another child."""
        if rng.random() < 0.5:
            return
        self.world.clock.forward(601)
        self.world.parts.faults.turn("changed-patient-on-refresh", on=True)
        try:
            tab.get()
        finally:
            self.world.parts.faults.turn("changed-patient-on-refresh", on=False)
        assert tab.over

    @rule(tab=tabs, rng=CHOICES)
    def sign_out(self, tab: Tab, rng: Random) -> None:
        forms = [form for page in tab.pages[-1:] for form in tab.forms(page, rng)]
        if forms and rng.random() < 0.3:
            guard = tuple(pair for pair in forms[0].values if pair[0] in (CSRF_FIELD, PATIENT_FIELD))
            answer = tab.browser.client.post(f"{tab.path}sign-out", data=dict(guard), base_url=APP)
            self.world.check(answer, tab.child)
            tab.over = True
            tab.get()


def run(world: World, *, count: int, steps: int, **more: Any) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = examples(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=checks,
        phases=[Phase.generate],  # an example is long and goes through a whole app: shrinking it would take an hour
        database=None,
        **more,
    )
    run_state_machine_as_test(type("Machine", (Launches,), {"world": world}), settings=chosen)
