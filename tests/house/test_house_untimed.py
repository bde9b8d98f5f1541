"""A property test fails for what it found, never for how long a busy machine took over an example."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def test_an_example_that_takes_its_time_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.perf_counter

    @settings(max_examples=5)
    @given(st.integers())
    def slow(_: int) -> None:
        passed[0] += 1.0  # a second in which others had the processor

    passed = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + passed[0])
    slow()
    assert passed[0] >= 1
