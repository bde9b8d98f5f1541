"""Dates of a consent, widened to all they can mean in the Netherlands."""

from __future__ import annotations

from datetime import datetime

import pytest

from fhir_plugin.mapping.consent_dates import read_span


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2026-01-01T00:00+01:00", "2027-01-01T00:00+01:00"),
        ("2026-06", "2026-06-01T00:00+02:00", "2026-07-01T00:00+02:00"),
        ("2026-06-15", "2026-06-15T00:00+02:00", "2026-06-16T00:00+02:00"),
        ("2026-06-15T12:00:00+02:00", "2026-06-15T12:00:00+02:00", "2026-06-15T12:00:01+02:00"),
        ("2026-06-15T10:00:00.5Z", "2026-06-15T12:00:00.5+02:00", "2026-06-15T12:00:00.6+02:00"),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00+00:00", "2027-01-01T00:00:01+00:00"),
        ("9999", "9999-01-01T00:00+01:00", None),
    ],
)
def test_dates_are_widened_to_all_they_can_mean(text: str, start: str, end: str | None) -> None:
    assert read_span(text) == (datetime.fromisoformat(start), datetime.fromisoformat(end) if end else None)


@pytest.mark.parametrize(
    "value", ["", "15-06-2026", "2026-13", "2026-02-29", "2026-06-15T12:00:00", "2026-W01", 2026, None]
)
def test_what_is_no_fhir_date_is_not_read(value: object) -> None:
    assert read_span(value) is None
