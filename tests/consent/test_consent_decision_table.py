"""The decision table of docs/consent.md: every row is a test, and its name is the row."""

from __future__ import annotations

import pytest
from consent_cases import Case, decided, table

from fhir_plugin.consent import Permit

ROWS = table()


@pytest.mark.parametrize("case", ROWS, ids=[case.name for case in ROWS])
def test_decision_table(case: Case) -> None:
    answer = decided(case)

    assert bool(answer) is case.expected, answer
    if isinstance(answer, Permit):
        assert answer.must_audit is case.audited


def test_table_holds_the_forty_three_semantic_rows_and_the_twenty_eight_of_minors_and_lifecycle() -> None:
    assert len(ROWS) == 71
    assert len({case.name for case in ROWS}) == 71
