"""The demo as a youth professional walks it: in a frame of the record, with the keyboard, and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

import pytest
from browser_walk import AXE, Walk
from playwright.sync_api import Frame, Page, expect

pytestmark = pytest.mark.browser
WIDTHS = (1280, 480, 320)
Walks = Callable[..., Walk]
CHANGE_WHO = re.compile("Wijzig.*Wie is het")


def _next(app: Frame | Page) -> None:
    """Go on, and be there."""
    heading = app.get_by_role("heading", level=1)
    here = heading.inner_text()
    app.get_by_role("button", name="Verder").click()
    expect(heading).not_to_have_text(here)


def _fill_in(app: Frame | Page, label: str) -> None:
    """Everything of a teacher, step by step, up to the check."""
    app.get_by_role("button", name="Voeg een steunfiguur toe").click()
    app.get_by_label("Hoe noem je deze persoon?").fill(label)
    app.get_by_label("Voornaam", exact=True).fill("Ans")
    app.get_by_label("Achternaam", exact=True).fill("van der Meer")
    app.get_by_role("group", name="Is deze persoon volwassen?").get_by_label("Ja").check()
    _next(app)
    app.get_by_label("Noor", exact=True).check()
    app.get_by_role("group", name="Is er een vertrouwensband?").get_by_label("Ja").check()
    _next(app)
    app.get_by_label("Praktisch").check()
    app.get_by_label("School").check()
    _next(app)
    app.get_by_label("Dichtbij", exact=True).check()
    app.get_by_label("Gewone band").check()
    for _ in range(4):
        _next(app)
    app.get_by_label("Ja, dat spreken we nu af").check()
    app.get_by_label("Hoe het gaat").check()
    app.get_by_role("group", name="Wie vindt dit goed?").get_by_label("Fatima Yilmaz").check()
    app.get_by_role("button", name="Naar je antwoorden").click()
    expect(app.get_by_role("heading", level=1)).to_have_text("Controleer je antwoorden")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_whole_demo_in_a_frame_of_the_record(walk: Walks, width: int) -> None:
    me = walk(width=width).sign_in()
    app = me.open_in_frame("noor")
    expect(app.get_by_role("heading", level=1)).to_have_text("Netwerk van Noor")
    me.shot(f"frame-network-{width}")
    _fill_in(app, "juf Ans")
    me.shot(f"frame-check-{width}")
    app.get_by_role("button", name="Opslaan in het dossier").click()
    expect(app.get_by_text("Opgeslagen in het dossier.")).to_be_visible()
    expect(app.get_by_text("Mag weten: Hoe het gaat")).to_be_visible()
    me.shot(f"frame-saved-{width}")
    app.get_by_role("link", name="Terug naar het netwerk").click()
    expect(app.get_by_role("row").filter(has_text="juf Ans")).to_be_visible()

    app.get_by_role("row").filter(has_text="juf Ans").get_by_role("link").click()
    app.get_by_role("button", name=CHANGE_WHO).click()
    app.get_by_label("Hoe noem je deze persoon?").fill("juf Ans van groep 5")
    app.get_by_role("button", name="Controleer en sla op").click()
    other = walk().sign_in("m.elamrani").open_alone("noor")
    other.locator("tr", has_text="juf Ans").get_by_role("link").click()
    other.get_by_role("button", name=CHANGE_WHO).click()
    other.get_by_label("Hoe noem je deze persoon?").fill("meester Ans")
    other.get_by_role("button", name="Controleer en sla op").click()
    other.get_by_role("button", name="Opslaan in het dossier").click()
    expect(other.get_by_text("Opgeslagen in het dossier.")).to_be_visible()
    app.get_by_role("button", name="Opslaan in het dossier").click()
    expect(app.get_by_role("heading", level=1)).to_have_text("Iemand anders heeft dit ook veranderd")
    expect(app.get_by_text("juf Ans van groep 5").last).to_be_visible()
    expect(app.get_by_text("meester Ans").last).to_be_visible()
    me.shot(f"frame-conflict-{width}")
    app.get_by_role("button", name="Verder met deze keuzes").click()
    app.get_by_role("button", name="Opslaan in het dossier").click()
    expect(app.get_by_role("heading", level=1)).to_contain_text("juf Ans van groep 5")

    app.get_by_role("button", name="Afsluiten").click()
    expect(app.get_by_role("heading", level=1)).to_have_text("De app is afgesloten")
    assert me.errors == [], "nothing was blocked or failed on the way"


def _pages(app: Page) -> dict[str, str]:
    """Addresses of every page, by name, with an addition and a change under way."""
    base = re.match(r".*/l/[0-9a-f]+/", app.url)
    assert base is not None
    root = base.group()
    figure = app.locator("table tbody th a").first.get_attribute("href")
    found = {
        "network": root,
        "map": f"{root}map",
        "print": f"{root}print",
        "as-youth": f"{root}as/youth",
        "worklist": f"{root}worklist",
        "missing": f"{root}nothing",
    }
    app.get_by_role("button", name="Voeg een steunfiguur toe").click()
    draft = app.url.rsplit("/", 1)[0]
    steps = ("who", "chosen", "support", "closeness", "care", "agreements", "contact", "consent", "check")
    found |= {f"add-{step}": f"{draft}/{step}" for step in steps}
    app.goto(f"{root.split('/l/')[0]}{figure}")
    found |= {"figure": app.url, "history": f"{app.url}/history"}
    consent = app.locator(".consents a")
    if consent.count():
        found["withdraw"] = f"{root.split('/l/')[0]}{consent.first.get_attribute('href')}"
    app.get_by_role("button", name="Schrijf een notitie").click()
    draft = app.url.rsplit("/", 1)[0]
    return found | {name: f"{draft}/{name}" for name in ("note", "end-engagement", "end-bond")}


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible_and_does_not_move_sideways(walk: Walks, width: int) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in tests/browser")
    me = walk(width=width, bypass_csp=True).sign_in()
    app = me.open_alone("noor")
    problems = []
    for name, url in _pages(app).items():
        app.goto(url)
        me.shot(f"{name}-{width}")
        problems += [f"{name}: {one}" for one in me.problems(app)]
    app.goto(url.rsplit("/", 1)[0] + "/note")
    app.get_by_role("button", name="Controleer en sla op").click()
    expect(app.locator(".problems")).to_be_focused()
    me.shot(f"error-{width}")
    problems += [f"error: {one}" for one in me.problems(app)]
    me.open_alone("daan").get_by_role("link", name="Te doen").click()
    expect(app.get_by_role("link", name="Nog te tekenen door")).to_be_visible()
    me.shot(f"worklist-daan-{width}")
    problems += [f"worklist of Daan: {one}" for one in me.problems(app)]
    assert problems == []


@pytest.mark.parametrize(("width", "wider"), [(1280, False), (480, False), (479, True), (320, True)])
def test_the_map_says_that_it_moves_sideways_exactly_where_it_does(walk: Walks, width: int, wider: bool) -> None:
    app = walk(width=width).sign_in().open_alone("noor")
    app.goto(f"{app.url}map")
    assert app.evaluate("() => { const one = document.querySelector('.scroller');"
                        " return one.scrollWidth > one.clientWidth }") is wider  # fmt: skip
    expect(app.get_by_text("Schuif de kaart opzij")).to_be_visible(visible=wider)


def test_a_conflict_is_accessible_too(walk: Walks) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in tests/browser")
    people = [walk(width=320, bypass_csp=True).sign_in(user) for user in ("j.devries", "m.elamrani")]
    for number, one in enumerate(people):
        app = one.open_alone("noor")
        app.get_by_role("link", name="tante Sam").last.click()
        app.get_by_role("button", name=CHANGE_WHO).click()
        app.get_by_label("Hoe noem je deze persoon?").fill(f"Sam {number}")
        app.get_by_role("button", name="Controleer en sla op").click()
    for one in people:
        one.page.get_by_role("button", name="Opslaan in het dossier").click()
    expect(people[1].page.get_by_role("heading", level=1)).to_have_text("Iemand anders heeft dit ook veranderd")
    people[1].shot("conflict-320")
    assert people[1].problems(people[1].page) == []


def _tab_to(page: Page, text: str, most: int = 60) -> None:
    """Press Tab until something with this text has the focus; every stop on the way shows that it has it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        said, visible = page.evaluate(FOCUS)
        assert visible, f"no visible focus on {said!r}"
        if text in said:
            return
    raise AssertionError(f"{text!r} cannot be reached with the keyboard")


FOCUS = """() => {
  const one = document.activeElement;
  const label = one.labels && one.labels.length ? one.labels[0].textContent : '';
  const said = [one.getAttribute('aria-label'), label, one.textContent].filter(Boolean).join(' ');
  const shown = element => {
    const style = getComputedStyle(element);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  };
  const hit = one.querySelector && one.querySelector('.hit');
  const marked = shown(one) || (one.closest('.tile') && shown(one.closest('.tile')))
    || (hit && getComputedStyle(hit).stroke !== 'none');
  return [said, Boolean(marked)];
}"""


def test_somebody_is_added_with_the_keyboard_alone(walk: Walks) -> None:
    me = walk(width=480).sign_in()
    page = me.open_alone("noor")
    _tab_to(page, "Voeg een steunfiguur toe")
    page.keyboard.press("Enter")
    page.wait_for_url("**/who")
    _tab_to(page, "Hoe noem je deze persoon?")
    page.keyboard.type("juf Ans")
    _tab_to(page, "Verder")
    page.keyboard.press("Enter")
    page.wait_for_url("**/chosen")
    _tab_to(page, "Noor")
    page.keyboard.press("Space")
    _tab_to(page, "Sla de rest over en controleer")
    page.keyboard.press("Enter")
    page.wait_for_url("**/check")
    _tab_to(page, "Opslaan in het dossier")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Opgeslagen in het dossier.")).to_be_visible()


def test_everything_works_without_scripts(walk: Walks) -> None:
    app = walk(java_script_enabled=False).sign_in().open_alone("noor")
    _fill_in(app, "juf Ans")
    app.get_by_role("button", name="Opslaan in het dossier").click()
    expect(app.get_by_text("Opgeslagen in het dossier.")).to_be_visible()


def test_the_back_button_brings_back_what_was_typed(walk: Walks) -> None:
    app = walk().sign_in().open_alone("noor")
    app.get_by_role("button", name="Voeg een steunfiguur toe").click()
    app.get_by_label("Hoe noem je deze persoon?").fill("juf Ans")
    app.get_by_role("button", name="Verder").click()
    app.wait_for_url("**/chosen")
    app.go_back()
    expect(app.get_by_label("Hoe noem je deze persoon?")).to_have_value("juf Ans")


BOXES = """frame => [...document.querySelectorAll(`.eco-${frame} text`)].map(one => {
  const box = one.getBBox();
  return [box.x, box.y, box.x + box.width, box.y + box.height, parseFloat(getComputedStyle(one).fontSize)];
})"""


@pytest.mark.parametrize(("width", "frame"), [(1280, "wide"), (700, "middle"), (480, "compact")])
def test_the_words_of_the_map_do_not_touch_and_are_large_enough(walk: Walks, width: int, frame: str) -> None:
    app = walk(width=width).sign_in().open_alone("noor")
    boxes = app.evaluate(BOXES, frame)
    scale = app.evaluate(
        "frame => { const one = document.querySelector(`.eco-${frame}`);"
        " return one.getBoundingClientRect().width / one.viewBox.baseVal.width }",
        frame,
    )
    assert boxes
    assert min(size for *_, size in boxes) * scale >= 12
    across = app.evaluate("frame => document.querySelector(`.eco-${frame}`).viewBox.baseVal.width", frame)
    assert all(x1 >= 0 and x2 <= across for x1, _, x2, _, _ in boxes), "a word runs off the edge"
    for (x1, y1, x2, y2, _), (u1, v1, u2, v2, _) in combinations(boxes, 2):
        assert x2 <= u1 or u2 <= x1 or y2 <= v1 + 4 or v2 <= y1 + 4


def test_the_network_is_printed_on_one_page(walk: Walks) -> None:
    app = walk().sign_in().open_alone("noor")
    app.get_by_role("link", name="Afdrukken").click()
    app.wait_for_url("**/print")
    paper = app.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
