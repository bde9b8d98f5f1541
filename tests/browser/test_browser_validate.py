"""The page to check a resource on, in Chromium: looks, axe, keyboard, drop and paste, print, and without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser_walk import AXE, SHOTS, Walk
from playwright.sync_api import Browser, Page, expect

from smart_app.api.app import Standalone, create_validator_app
from smart_app.api.settings import ValidatorSettings
from smart_app.api.workers import Workers
from smart_app.sandbox.serving import LateApp, listening

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "invalid" / "figure-without-mandate.json"
DROP = """([text, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: 'application/json'}));
  document.querySelector('h1').dispatchEvent(new DragEvent('drop', {bubbles: true, dataTransfer: data}));
}"""
PASTE = """text => {
  const data = new DataTransfer();
  data.setData('text/plain', text);
  document.body.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, clipboardData: data}));
}"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    late, settings = LateApp(), ValidatorSettings(workers=1)
    workers = Workers(settings)
    with listening(late, port=0) as port:
        url = f"http://localhost:{port}"
        late.app = create_validator_app(settings, Standalone(url=url), workers)
        yield url
    workers.close()


@pytest.fixture
def look(browser: Browser, address: str) -> Iterator[Callable[..., Walk]]:
    """Opens the page in a window; ``look(width=320)`` in a narrow one."""
    contexts = []

    def make(width: int = 1280, **options: object) -> Walk:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="nl-NL", **options)  # type: ignore[arg-type]  # Playwright's options
        context.set_default_timeout(10_000)
        contexts.append(context)
        walk = Walk(context=context, ehr=address)
        walk.page.goto(f"{address}/")
        return walk

    yield make
    for context in contexts:
        context.close()


def _check(page: Page, text: str) -> None:
    page.get_by_label("Resource, in JSON of XML").fill(text)
    page.get_by_role("button", name="Controleer").click()
    expect(page.locator("#verdict")).to_be_visible()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci in tests/browser")
@pytest.mark.parametrize("width", [1280, 480, 320])
def test_the_page_is_accessible_before_and_after(look: Callable[..., Walk], width: int) -> None:
    walk = look(width=width)
    walk.shot(f"validate-empty-{width}")
    assert walk.problems(walk.page) == []
    _check(walk.page, EXAMPLE.read_text(encoding="utf-8").replace('"active": true', '"active": "ja"'))
    expect(walk.page.locator("#verdict")).to_be_focused()
    walk.shot(f"validate-found-{width}")
    assert walk.problems(walk.page) == []
    assert walk.errors == []


def test_a_finding_is_reached_from_the_list_by_keyboard(look: Callable[..., Walk]) -> None:
    page = look().page
    _check(page, '{\n "resourceType": "Patient",\n "gender": "m"\n}')
    expect(page.locator("#verdict")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".findings-list a").first).to_be_focused()
    expect(page.locator(".findings-list a").first).to_contain_text("regel 3")
    page.keyboard.press("Enter")
    expect(page.locator(".finding-error")).to_be_in_viewport()
    expect(page.locator(".finding-error:target")).to_have_count(1)


def test_it_works_without_scripts_and_with_a_file(look: Callable[..., Walk]) -> None:
    page = look(java_script_enabled=False).page
    page.get_by_label("Of een bestand").set_input_files(EXAMPLE)
    page.get_by_role("button", name="Controleer").click()
    expect(page.get_by_role("heading", name="1 fout")).to_be_visible()
    expect(page.get_by_text("figure-without-mandate.json")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="1 error")).to_be_visible()


def test_a_file_can_be_dropped_and_a_resource_pasted_anywhere(look: Callable[..., Walk]) -> None:
    walk = look()
    walk.page.evaluate(DROP, ['{"resourceType": "Patient", "gender": "m"}', "gezakt.json"])
    expect(walk.page.locator("#verdict")).to_have_text("1 fout")
    expect(walk.page.get_by_text("gezakt.json")).to_be_visible()
    walk.page.goto(f"{walk.ehr}/validate")
    walk.page.evaluate(PASTE, '{"resourceType": "Patient"}')
    expect(walk.page.get_by_label("Resource, in JSON of XML")).to_have_value('{"resourceType": "Patient"}')
    expect(walk.page.get_by_role("button", name="Controleer")).to_be_focused()
    expect(walk.page.get_by_role("status")).to_contain_text("Geplakt")
    assert walk.errors == []


def test_on_paper_stand_the_findings_and_the_source_without_the_form(look: Callable[..., Walk]) -> None:
    walk = look()
    _check(walk.page, '{"resourceType": "Patient", "gender": "m"}')
    walk.page.emulate_media(media="print")
    expect(walk.page.locator("#check")).to_be_hidden()
    expect(walk.page.locator(".finding-error")).to_be_visible()
    expect(walk.page.get_by_role("heading", name="Nog een keer")).to_be_hidden()
    SHOTS.mkdir(exist_ok=True)
    walk.page.screenshot(path=SHOTS / "validate-print.png", full_page=True)
