"""One browser of one person in front of the demo, and what it can look for on a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Frame, Page

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = HERE / "screenshots"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Walk:
    """One browser of one person: signs in to the EHR, opens records, looks at pages."""

    context: BrowserContext
    ehr: str
    page: Page = field(init=False)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def sign_in(self, user: str = "j.devries") -> Walk:
        """Sign in to the EHR."""
        self.page.goto(f"{self.ehr}/")
        self.page.click(f'button[value="{user}"]')
        return self

    def open_in_frame(self, child: str) -> Frame:
        """Open a record, with the app in its frame; gives the frame."""
        self.page.goto(f"{self.ehr}/children/{child}")
        self.page.frame_locator("iframe").locator("h1").wait_for()
        return next(frame for frame in self.page.frames if frame is not self.page.main_frame)

    def open_alone(self, child: str) -> Page:
        """Open the app on a record in the tab itself."""
        self.page.goto(f"{self.ehr}/children/{child}/launch/steunfiguren-app")
        self.page.locator("h1").wait_for()
        return self.page

    def shot(self, name: str) -> None:
        """Keep a picture, to be looked at."""
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def problems(self, page: Page | Frame) -> list[str]:
        """What axe-core finds, whether the page moves sideways, and whether a target is too small."""
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = page.evaluate("tags => axe.run({runOnly: tags})", TAGS)
        problems = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
        problems += page.evaluate(SIDEWAYS)
        return problems + page.evaluate(TARGETS)


SIDEWAYS = """() => {
  const root = document.documentElement;
  return root.scrollWidth > root.clientWidth ? [`moves sideways: ${root.scrollWidth} > ${root.clientWidth}`] : [];
}"""
TARGETS = """() => [...document.querySelectorAll('a, button, select, summary, input:not([type=hidden])')]
  .filter(one => one.checkVisibility() && !one.closest('.skip') && getComputedStyle(one).position !== 'absolute')
  .filter(one => !one.matches('p:not(.back) > a, li p > a'))
  .map(one => [one, one.getBoundingClientRect()])
  .filter(([, box]) => box.height > 0 && box.height < 24)
  .map(([one, box]) => `target of ${box.height}px: ${one.outerHTML.slice(0, 120)}`)"""
