"""The scanner Wapiti (Debian) on the running app: what it can reach without a launch, and within one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.launch.testing import open_launch
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.serving import LateApp, listening
from smart_app.sandbox.testing import running_sandbox
from smart_app.settings import RateLimits

pytestmark = pytest.mark.peer

MODULES = "cookieflags,crlf,csp,csrf,exec,file,http_headers,methods,permanentxss,redirect,shellshock,sql,xss"
"""All that need nothing from elsewhere; not brute force, lists of paths, or measuring by waiting."""
SECONDS = 150
OBSOLETE = "X-XSS-Protection is not set"
"""Browsers no longer know it; the content policy does what it did."""
FRAMED = "X-Frame-Options is not set"
"""It cannot name the EHR that may frame a page of a launch; ``frame-ancestors`` does."""


@dataclass
class Watched:
    """The app as the scanner sees it; signing out is kept from it, and what it asked is counted."""

    app: Callable[..., Iterable[bytes]]
    asked: list[tuple[str, str]]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = str(environ["PATH_INFO"])
        self.asked.append((environ["REQUEST_METHOD"], path))
        if path.endswith("/sign-out"):
            start_response("404 Not Found", [])
            return [b""]
        return self.app(environ, start_response)


@dataclass
class Scanned:
    """The address of a launch that is open, and its cookie."""

    url: str
    path: str
    cookie: str
    watched: Watched


@pytest.fixture(scope="module")
def wapiti() -> str:
    found = shutil.which("wapiti")
    if found is None:
        pytest.skip("no Wapiti on this machine (Debian: apt-get install wapiti)")
    return found


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Scanned]:
    late = LateApp()
    with listening(late, port=0) as port, running_sandbox(SandboxSettings(open_access=True)) as sandbox:
        demo = demo_settings(tmp_path / "app", public_url=f"https://localhost:{port}", ehr_url=sandbox.base_url)
        limits = RateLimits(launches_per_minute=100_000, requests_per_minute=100_000)
        app = create_app(replace(demo, limits=limits))
        browser = app.test_client()
        path = open_launch(app, browser, patient_id="noor")
        cookie = browser.get_cookie(f"__Host-sf-l-{path.split('/')[2]}", domain="localhost")
        assert cookie is not None
        watched = Watched(app, [])
        late.app = watched
        yield Scanned(f"http://localhost:{port}", path, f"{cookie.key}={cookie.value}", watched)


def scan(wapiti: str, url: str, folder: Path, *options: str) -> list[str]:
    """What it reports of an address and what is below it."""
    report = folder / "report.json"
    command = [
        *(wapiti, "--url", url, "--scope", "folder", "--module", MODULES, "--format", "json", "--output", str(report)),
        *("--depth", "1", "--max-links-per-page", "12", "--timeout", "10", "--no-bugreport", "--flush-session"),
        *("--max-scan-time", str(SECONDS), "--store-session", str(folder), *options),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS * 3, check=False, cwd=folder)
    assert report.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(report.read_text())
    kinds = found["vulnerabilities"] | found["anomalies"]
    told = {f"{kind}: {one['method']} {one['path']}: {one['info']}" for kind, ones in kinds.items() for one in ones}
    return sorted(line for line in told if "/sign-out:" not in line and not line.endswith(OBSOLETE))


def test_it_finds_nothing_within_a_launch(wapiti: str, opened: Scanned, tmp_path: Path) -> None:
    found = scan(wapiti, f"{opened.url}{opened.path}", tmp_path, "--header", f"Cookie: {opened.cookie}")
    pages = {path for method, path in opened.watched.asked if path.startswith(opened.path)}
    forms = [path for method, path in opened.watched.asked if method == "POST"]
    assert len(pages) > 8, "it walked through the pages"
    assert len(forms) > 100, "it sent forms"
    assert [line for line in found if not line.endswith(FRAMED)] == []


def test_it_finds_nothing_without_a_launch(wapiti: str, opened: Scanned, tmp_path: Path) -> None:
    assert scan(wapiti, f"{opened.url}/start", tmp_path) == []
    assert len(opened.watched.asked) > 5
