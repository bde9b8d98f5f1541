"""Somebody in front of the app: a browser with tabs, each with the pages it has seen, old forms included.

What is clicked and typed is found on the page itself, so a page that is added to the app is walked into as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse
from wrong_patient_world import APP, World

Page = tuple[str, str]
"""Address and HTML of a page that somebody has seen."""
LEAVING = "/sign-out"
GUARDED = ("csrf_token", "patient")
TYPED = ("own_label", "first_name", "family_name", "note_text", "order", "programme")
AGREED = {
    "share": "yes",
    "share_what": "progress",
    "share_signers": "RelatedPerson/moeder-kanarie{child}",
    "share_until": "1-6-2027",
}
DATES = ("1-6-2026", "2024", "gisteren", "")


@dataclass(frozen=True)
class Form:
    """A form as it was filled in."""

    path: str
    values: tuple[tuple[str, str], ...]

    def changed(self, name: str, value: str) -> Form:
        return replace(self, values=tuple((key, value if key == name else held) for key, held in self.values))

    def value(self, name: str) -> str:
        return next((held for key, held in self.values if key == name), "")


@dataclass
class Browser:
    """One cookie jar; several tabs."""

    client: FlaskClient

    def cookie(self, tab: Tab) -> str | None:
        found = self.client.get_cookie(tab.cookie_name, domain="steun.example.nl")
        return found.value if found else None


@dataclass
class Tab:
    """One launch as its user knows it."""

    world: World
    browser: Browser
    child: str
    path: str
    pages: list[Page] = field(default_factory=list)
    sent: list[Form] = field(default_factory=list)
    over: bool = False

    @property
    def cookie_name(self) -> str:
        return f"__Host-sf-l-{self.path.split('/')[2]}"

    def get(self, path: str = "", client: FlaskClient | None = None) -> TestResponse:
        """Open an address of this launch, and follow where it leads."""
        return self._open("GET", urljoin(self.path, path), None, client)

    def post(self, form: Form, client: FlaskClient | None = None) -> TestResponse:
        self.sent = [*self.sent[-9:], form]
        return self._open("POST", form.path, form, client)

    def _open(self, method: str, path: str, form: Form | None, client: FlaskClient | None) -> TestResponse:
        client = client or self.browser.client
        data: dict[str, list[str]] = {}
        for name, value in form.values if form else ():
            data.setdefault(name, []).append(value)
        with self.world.wire.page_of(self.child):
            answer = client.open(path, method=method, data=data or None, base_url=APP)
            while True:
                self._judge(answer)
                if answer.status_code != 303:
                    break
                assert urlsplit(answer.location).path.startswith(self.path), "sent to another launch"
                answer = client.get(answer.location, base_url=APP)
        if answer.status_code in (200, 422) and not self.over and answer.mimetype == "text/html":
            self.pages = [*self.pages[-9:], (answer.request.path, answer.text)]
        return answer

    def _judge(self, answer: TestResponse) -> None:
        self.world.check(answer, self.child)
        if self.over:
            assert answer.status_code == 409, "a launch that is over shows a page"
        elif answer.status_code == 409:
            self.over = not self.world.is_open(self.path)

    def forms(self, page: Page, rng: Random) -> list[Form]:
        """Every form of a page that does not sign out, filled in somehow."""
        forms = html.fromstring(page[1]).forms
        return [self._filled(one, page[0], rng) for one in forms if LEAVING not in (one.action or "")]

    def links(self, page: Page) -> list[str]:
        """Every address within this launch that a page leads to."""
        found = html.fromstring(page[1]).xpath("//a/@href")
        return [str(one).partition("#")[0] for one in found if str(one).startswith(self.path)]

    def _filled(self, form: Any, here: str, rng: Random) -> Form:
        for name in list(form.inputs.keys()):
            one = form.inputs[name]
            kind = getattr(one, "type", None) or type(one).__name__
            if kind != "hidden" and rng.random() < 0.35:
                self._fill(one, name, kind, rng)
        values = [(str(name), str(value)) for name, value in form.form_values()]
        buttons = form.xpath(".//button[@name]")
        if buttons and rng.random() < 0.5:
            values.append((buttons[0].get("name"), buttons[0].get("value", "1")))
        return Form(str(form.action or here), tuple(values))

    def _fill(self, one: Any, name: str, kind: str, rng: Random) -> None:
        if kind == "RadioGroup":
            one.value = rng.choice(sorted(one.value_options))
        elif kind == "CheckboxGroup":
            one.value = {box for box in one.value_options if rng.random() < 0.4}
        elif kind == "checkbox":
            one.checked = rng.random() < 0.5
        elif kind == "SelectElement":
            one.value = rng.choice(list(one.value_options))
        elif name in TYPED:
            one.value = f"{rng.choice(('Juf', 'Ome', 'Coach'))} Kanarie{self.child}"
        elif kind == "tel":
            one.value = rng.choice(("06 12 34 56 78", ""))
        elif kind == "email":
            one.value = rng.choice((f"kanarie{self.child}@voorbeeld.nl", ""))
        elif kind in ("text", "TextareaElement"):
            one.value = rng.choice(DATES)


def walk(tab: Tab, rng: Random, steps: int) -> None:
    """Click on: a link or a form of the page that is open."""
    for _ in range(steps):
        if tab.over or not tab.pages:
            return
        page = tab.pages[-1]
        links, forms = tab.links(page), tab.forms(page, rng)
        if forms and (not links or rng.random() < 0.6):
            tab.post(rng.choice(forms))
        elif links:
            tab.get(rng.choice(links))


def add_somebody(tab: Tab, rng: Random) -> None:
    """Add a figure with a name and save it, as somebody in a hurry does."""
    begun = [form for form in tab.forms(("", tab.get().text), rng) if form.path.endswith("/add")]
    if begun:
        tab.post(rng.choice(begun))
        _answer(tab, rng, (("own_label", f"Juf Kanarie{tab.child} {rng.random():.4f}"), ("to_check", "1")))
        before = tab.pages[-1][0] if tab.pages else ""
        _answer(tab, rng, ())
        if not tab.over and before.endswith("/check"):
            tab.get(before.removesuffix("check") + "saved")  # the back button, on a form that is in the record


def change_somebody(tab: Tab, rng: Random) -> None:
    """Open a figure, change a part or record a consent, and save it."""
    figures = [link for link in tab.links(("", tab.get().text)) if "/figure/" in link]
    page = tab.get(rng.choice(figures)) if figures else None
    begun = [form for form in tab.forms(("", page.text), rng) if "/change/" in form.path] if page else []
    if begun:
        tab.post(rng.choice(begun))
        _answer(tab, rng, None)
        _answer(tab, rng, ())


def _answer(tab: Tab, rng: Random, answers: tuple[tuple[str, str], ...] | None) -> None:
    """Send the first form of the page with these answers and no others; with None, as it was filled in by chance."""
    path, text = tab.pages[-1]
    if tab.over or "/draft/" not in path:
        return
    forms = tab.forms((path, text), rng)
    if not forms:  # a page that only says something
        return
    form = forms[0]
    if answers:
        form = Form(form.path, tuple(pair for pair in form.values if pair[0] in GUARDED) + answers)
    tab.post(form)


def agree_and_take_back(tab: Tab, rng: Random) -> None:
    """Record a consent about a figure, and take it back, or the other way round where one is there."""
    figures = [link for link in tab.links(("", tab.get().text)) if "/figure/" in link]
    page = tab.get(rng.choice(figures)) if figures else None
    begun = [form for form in tab.forms(("", page.text), rng) if form.path.endswith("/change/consent")] if page else []
    if not begun:
        return
    tab.post(begun[0])
    _answer(tab, rng, tuple((name, value.format(child=tab.child)) for name, value in AGREED.items()))
    _answer(tab, rng, ())
    back = [link for page in tab.pages[-1:] for link in tab.links(page) if link.endswith("/withdraw")]
    if back and rng.random() < 0.7:
        page = tab.get(back[0])
        for form in tab.forms(("", page.text), rng):
            if "/withdraw" in (form.path or back[0]):
                tab.post(Form(back[0], (*form.values, ("by", "all"))))


def stop_or_allow_sharing(tab: Tab, rng: Random) -> None:
    """Look whether sharing is on, and turn it, for a reason that names the child."""
    page = tab.get(f"{tab.path}safety")
    forms = [form for form in tab.forms((f"{tab.path}safety", page.text), rng) if form.path.endswith("/safety")]
    if forms and not tab.over:
        kept = tuple(pair for pair in forms[0].values if pair[0] != "why")
        tab.post(Form(forms[0].path, (*kept, ("why", f"Zorg om Kanarie{tab.child}"))))


def change_the_same_person(first: Tab, second: Tab, rng: Random) -> None:
    """Two people change the same part of the same figure: the second meets both versions, and chooses."""
    figures = [link for link in first.links(("", first.get().text)) if "/figure/" in link]
    if not figures:
        return
    chosen = rng.choice(figures)
    for tab, phone in ((first, "06 11 11 11 11"), (second, "06 22 22 22 22")):
        page = tab.get(chosen.replace(first.path, tab.path))
        begun = [form for form in tab.forms(("", page.text), rng) if form.path.endswith("/change/contact")]
        if tab.over or not begun:
            return
        tab.post(begun[0])
        _answer(tab, rng, (("phone", phone),))
    _answer(first, rng, ())
    _answer(second, rng, ())
    if second.pages and second.pages[-1][0].endswith("/conflict"):
        _answer(second, rng, None)
        _answer(second, rng, ())
