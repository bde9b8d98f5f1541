from __future__ import annotations

import pytest
from hl7_engine import missing
from profiles_hl7_check import NL_CORE, PAGE, Row, page, rows

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def judged() -> list[Row]:
    if missing() or not NL_CORE.is_file():
        pytest.skip("needs Java, Maven and nl-core beside the checkout")
    return rows()


def test_the_hl7_engine_finds_no_error_in_a_valid_example(judged: list[Row]) -> None:
    assert [row.name for row in judged if not row.rule and not row.agrees] == []


def test_the_hl7_engine_refuses_every_invalid_example_for_our_reason(judged: list[Row]) -> None:
    assert [row.name for row in judged if row.rule and not row.agrees] == []


def test_the_page_about_it_is_up_to_date(judged: list[Row]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(judged)
