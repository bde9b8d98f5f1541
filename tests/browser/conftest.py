"""The demo, two servers on loopback, and Debian's Chromium in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from browser_walk import Walk
from playwright.sync_api import Browser, BrowserContext

from smart_app.sandbox.demo import Demo, running_demo


@pytest.fixture(scope="session")
def browser(launch_chromium: Callable[..., Browser]) -> Browser:
    return launch_chromium()


@pytest.fixture
def demo() -> Iterator[str]:
    """A fresh demo for each test; gives the URL of the EHR."""
    with running_demo(Demo(port=0, app_port=0)) as (ehr, _app):
        yield ehr


@pytest.fixture
def walk(browser: Browser, demo: str) -> Iterator[Callable[..., Walk]]:
    """Makes browsers of persons; ``walk(width=320)`` has a narrow window."""
    contexts: list[BrowserContext] = []

    def make(width: int = 1280, height: int = 900, **options: Any) -> Walk:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="nl-NL", **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        return Walk(context=context, ehr=demo)

    yield make
    for context in contexts:
        context.close()
