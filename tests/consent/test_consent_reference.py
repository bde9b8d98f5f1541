"""Our decider and one written from the text by somebody else give the same answers."""

from __future__ import annotations

import pytest
from consent_cases import Case, decided, table
from consent_generator import cases
from reference import reference_decide


def differing(found: list[Case]) -> list[str]:
    return [
        f"{case.name}: ours {bool(decided(case))}"
        for case in found
        if bool(decided(case)) is not reference_decide(case.request, case.consents, case.facts)
    ]


def test_reference_agrees_on_every_row_of_the_table() -> None:
    assert differing(table()) == []


def test_reference_agrees_on_generated_cases() -> None:
    assert differing(cases(seed=1, count=2_500)) == []


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 13))
def test_reference_agrees_on_a_hundred_thousand_generated_cases(seed: int) -> None:
    assert differing(cases(seed=seed, count=10_000)) == []
