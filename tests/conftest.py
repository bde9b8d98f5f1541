"""What several folders of tests share: one Playwright, because a process can hold only one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def launch_chromium() -> Iterator[Callable[..., Any]]:
    """Starts Debian's Chromium with further command-line switches; everything is closed at the end of the run."""
    api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with api.sync_playwright() as playwright:
        started: dict[tuple[str, ...], Any] = {}

        def launch(*switches: str) -> Any:
            if switches not in started:
                args = ["--no-sandbox", "--disable-background-networking", *switches]
                started[switches] = playwright.chromium.launch(executable_path=str(CHROMIUM), args=args)
            return started[switches]

        yield launch
        for browser in started.values():
            browser.close()
