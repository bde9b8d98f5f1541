"""The generated cases are worth comparing: both answers occur, for many reasons, and the seed decides."""

from __future__ import annotations

from collections import Counter

from consent_cases import decided
from consent_generator import cases

from fhir_plugin.consent import Permit, Reason, Refusal


def test_generated_cases_are_permitted_and_refused_for_every_reason() -> None:
    answers = [decided(case) for case in cases(seed=7, count=1_500)]
    reasons = Counter(answer.reason for answer in answers if isinstance(answer, Refusal))
    permits = sum(isinstance(answer, Permit) for answer in answers)

    assert 150 < permits < 1_000
    assert set(reasons) == set(Reason) - {Reason.OTHER_FIGURE}


def test_the_same_seed_gives_the_same_cases() -> None:
    assert cases(seed=3, count=20) == cases(seed=3, count=20)
