"""The EHR in a real browser: the app in its frame, and every page accessible at three widths."""

from __future__ import annotations

from pathlib import Path

import pytest

from smart_app.sandbox.demo import Demo, running_demo

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[1] / "browser/node_modules/axe-core/axe.min.js"
PAGES = ("/children", "/children/noor", "/children/noor/stored", "/faults", "/children/nobody", "/sign-in")


@pytest.fixture(scope="module")
def demo():
    with running_demo(Demo(port=0, app_port=0)) as urls:
        yield urls


@pytest.fixture(scope="module")
def chromium(launch_chromium):
    return launch_chromium()


def signed_in(chromium, ehr_url, **context):
    page = chromium.new_context(**context).new_page()
    page.goto(f"{ehr_url}/")
    page.get_by_role("button", name="Joke de Vries").click()
    return page


def test_the_app_opens_in_the_record_without_a_complaint_of_the_browser(demo, chromium):
    ehr_url, app_url = demo
    complaints = []
    page = signed_in(chromium, ehr_url)
    page.on("console", lambda message: complaints.append(message.text))
    page.get_by_role("link", name="Open het dossier van Noor").click()
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="tante Sam").first.wait_for()
    assert page.frames[1].url.startswith(f"{app_url}/l/")
    assert complaints == []


def test_a_record_is_chosen_in_the_ehr_when_the_app_starts_by_itself(demo, chromium):
    ehr_url, app_url = demo
    page = signed_in(chromium, ehr_url)
    page.goto(f"{app_url}/start?issuer=sandbox")
    page.get_by_role("button", name="Daan").click()
    page.wait_for_url(f"{app_url}/l/**")
    assert "Daan" in page.title() or "Daan" in page.inner_text("body")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm ci in tests/browser)")
@pytest.mark.parametrize("width", [1280, 480, 320])
def test_every_page_is_accessible_and_fits(demo, chromium, width):
    page = signed_in(chromium, demo[0], viewport={"width": width, "height": 800}, bypass_csp=True)
    for path in PAGES:
        page.goto(demo[0] + path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, {iframes: false})")
        assert [violation["id"] for violation in found["violations"]] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        small = page.evaluate(
            "[...document.querySelectorAll('a:not(.skip), button')]"
            ".map(e => [e.innerText, e.getBoundingClientRect().height]).filter(x => x[1] < 24)"
        )
        assert small == [], path
