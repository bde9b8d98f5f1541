"""The page that answers a plan, in Chromium: looks, axe, the keyboard alone, and without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from browser_walk import AXE, Walk
from playwright.sync_api import Browser, Page, expect
from sync_desk import Desk, make_desk, row

from fhir_plugin.sync.plans.answering import count_open, waiting
from fhir_plugin.sync.plans.planfile import PlanReader
from smart_app.review.app import create_review_app
from smart_app.sandbox.serving import listening

pytestmark = pytest.mark.browser
SAMIRA = {
    "resourceType": "RelatedPerson",
    "id": "c1",
    "patient": {"reference": "Patient/p1001"},
    "name": [{"use": "official", "given": ["Samira"], "family": "Amrani-van den Heuvel tot Nijenhuis"}],
    "gender": "female",
    "telecom": [{"system": "email", "value": "samira.amrani.van.den.heuvel.tot.nijenhuis@voorbeeld-school.example"}],
}
LONG = "Amrani-van den Heuvel tot Nijenhuis"


def _asking(folder: Path) -> Desk:
    """A plan with a conflict and a question, both with words that fit nowhere."""
    desk = make_desk(folder)
    desk.sync([row(Geboortedatum="01-02-1980")])
    (known,) = desk.figures()
    desk.edit({**known, "birthDate": "1980-02-03"})
    desk.ehr.add(SAMIRA | {"patient": {"reference": "Patient/p1002"}})
    question = row(1002, "F2", Achternaam=LONG, Mobiel="", Geboortedatum="01-02-1980")
    desk.plan([row(Geboortedatum="01-02-1981"), question])
    return desk


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., tuple[Walk, Path]]]:
    """Opens the page of a fresh plan; ``look(width=320)`` in a narrow window."""
    with ExitStack() as stack:

        def make(width: int = 1280, **options: object) -> tuple[Walk, Path]:
            plan = _asking(tmp_path).plan_path
            port = stack.enter_context(listening(create_review_app(plan, "once"), port=0))
            context = browser.new_context(viewport={"width": width, "height": 900}, locale="nl-NL", **options)  # type: ignore[arg-type]  # Playwright's options
            stack.callback(context.close)
            context.set_default_timeout(10_000)
            walk = Walk(context=context, ehr=f"http://127.0.0.1:{port}")
            walk.page.goto(f"{walk.ehr}/open/once")
            return walk, plan

        yield make


def _left(plan: Path) -> int:
    left = count_open(waiting(planned.plan for planned in PlanReader(plan).clients()))
    return left.questions + left.conflicts


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci in tests/browser")
@pytest.mark.parametrize("width", [1280, 480, 320])
def test_the_page_is_accessible_while_asking_and_when_all_is_answered(
    look: Callable[..., tuple[Walk, Path]], width: int
) -> None:
    walk, plan = look(width=width, bypass_csp=True)
    walk.shot(f"review-{width}")
    assert walk.problems(walk.page) == []
    _answer(walk.page)
    walk.shot(f"review-answered-{width}")
    assert walk.problems(walk.page) == []
    assert _left(plan) == 0


def _answer(page: Page) -> None:
    page.get_by_label("1 februari 1981").check()
    page.get_by_label("Iemand anders").check()
    page.get_by_role("button", name="Opslaan in het plan").click()
    expect(page.get_by_role("status")).to_be_visible()


def test_it_is_answered_without_scripts(look: Callable[..., tuple[Walk, Path]]) -> None:
    walk, plan = look(java_script_enabled=False)
    assert _left(plan) == 2
    _answer(walk.page)
    assert _left(plan) == 0
