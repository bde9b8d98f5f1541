"""In Chromium on two sites with third-party cookies blocked: partitioned ones work; where none do, a tab does."""

from __future__ import annotations

import datetime
import ipaddress
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.sandbox import SandboxSettings, create_sandbox, demo_app
from smart_app.sandbox.demo import Demo, running_demo
from smart_app.sandbox.serving import LateApp, listening

pytestmark = pytest.mark.browser

BLOCKED = "--test-third-party-cookie-phaseout"


@pytest.fixture(scope="module")
def chromium(launch_chromium: Callable[..., Browser]) -> Browser:
    return launch_chromium(BLOCKED)


SHOTS = Path(__file__).resolve().parents[1] / "browser" / "screenshots"


def shot(page: Page, name: str) -> None:
    """Keep a picture, to be looked at."""
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


@contextmanager
def https(app: Any, folder: Path) -> Iterator[int]:
    """Serve over TLS with a certificate of this moment."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*private))
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=(str(cert_file), str(key_file)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def two_sites(tmp_path: Path) -> Iterator[str]:
    """The EHR on http://localhost, the app on https://127.0.0.1; gives the URL of the EHR."""
    ehr, app = LateApp(), LateApp()
    with listening(ehr, port=0) as ehr_port, https(app, tmp_path) as app_port:
        ehr_url, app_url = f"http://localhost:{ehr_port}", f"https://127.0.0.1:{app_port}"
        clients = (demo_app(app_url, ("/callback/sandbox",)),)
        ehr.app = create_sandbox(SandboxSettings(base_url=ehr_url, clients=clients, cross_site=True))
        app.app = create_app(demo_settings(tmp_path / "var", public_url=app_url, ehr_url=ehr_url))
        yield ehr_url


def signed_in(chromium: Browser, ehr: str) -> Page:
    context = chromium.new_context(ignore_https_errors=True, locale="nl-NL")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(f"{ehr}/")
    page.click('button[value="j.devries"]')
    return page


@pytest.mark.threat("cookies-in-frames")
def test_in_a_frame_of_another_site_the_partitioned_cookie_carries_the_launch(
    chromium: Browser, two_sites: str
) -> None:
    page = signed_in(chromium, two_sites)
    page.goto(f"{two_sites}/children/noor")
    app = page.frame_locator("iframe")
    app.get_by_role("heading", name="Netwerk van Noor").wait_for()
    cookies = [cookie for cookie in page.context.cookies() if cookie["name"].startswith("__Host-sf-l-")]
    assert len(cookies) == 1
    assert cookies[0].get("partitionKey")
    page.reload()
    app.get_by_role("heading", name="Netwerk van Noor").wait_for()
    shot(page, "frame-partitioned")


@pytest.mark.threat("two-tabs")
def test_two_tabs_show_two_children_side_by_side_and_each_keeps_its_own(chromium: Browser, two_sites: str) -> None:
    first = signed_in(chromium, two_sites)
    second = first.context.new_page()
    names = {first: ("noor", "Noor"), second: ("lotte", "Lotte")}
    for page, (child, _) in names.items():
        page.goto(f"{two_sites}/children/{child}")
    for _ in range(2):
        for page, (_, name) in names.items():
            frame = page.frame_locator("iframe")
            frame.get_by_role("heading", name=f"Netwerk van {name}").wait_for()
            assert name in frame.locator(".who-child").inner_text()
            other = next(each for _, each in names.values() if each != name)
            assert other not in frame.locator(".who-child").inner_text()
            next(one for one in page.frames if one is not page.main_frame).evaluate("location.reload()")
    for page, (child, _) in names.items():
        shot(page, f"two-tabs-{child}")


@pytest.mark.threat("two-tabs")
def test_what_is_typed_by_turns_in_two_tabs_ends_with_the_child_of_its_own_tab(
    chromium: Browser, two_sites: str
) -> None:
    first = signed_in(chromium, two_sites)
    second = first.context.new_page()
    typed = {first: ("noor", "Juf Noortje"), second: ("lotte", "Coach Lotje")}
    for page, (child, _) in typed.items():
        page.goto(f"{two_sites}/children/{child}")
        page.frame_locator("iframe").get_by_role("button", name="Voeg een steunfiguur toe").click()
    for page, (_, label) in typed.items():
        page.frame_locator("iframe").locator("#own_label").fill(label)
    for page in (second, first):
        page.frame_locator("iframe").get_by_role("button", name="Sla de rest over").click()
    for page in (first, second):
        frame = page.frame_locator("iframe")
        frame.get_by_role("heading", name="Controleer je antwoorden").wait_for()
        shot(page, f"two-tabs-check-{typed[page][0]}")
        frame.get_by_role("button", name="Opslaan in het dossier").click()
        frame.get_by_text("Opgeslagen in het dossier.").wait_for()
    for page, (child, label) in typed.items():
        page.goto(f"{two_sites}/children/{child}/stored")
        kept = page.content()
        assert label in kept
        assert next(other for _, other in typed.values() if other != label) not in kept


@pytest.mark.threat("cookies-in-frames")
def test_where_the_frame_keeps_no_cookie_a_tab_of_its_own_goes_on_with_the_same_child(chromium: Browser) -> None:
    with running_demo(Demo(port=0, app_port=0, app_host="127.0.0.1")) as (ehr, app):
        page = signed_in(chromium, ehr)
        page.goto(f"{ehr}/children/noor")
        link = page.frame_locator("iframe").get_by_role("link", name="Open in een nieuw tabblad")
        link.wait_for()
        shot(page, "frame-blocked")
        with page.context.expect_page() as opened:
            link.click()
        tab = opened.value
        tab.get_by_role("heading", name="Netwerk van Noor").wait_for()
        assert tab.url.startswith(f"{app}/l/")
        shot(tab, "frame-blocked-tab")
