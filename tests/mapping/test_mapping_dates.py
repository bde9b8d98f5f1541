"""Days out of FHIR dates and instants: the Dutch day, and an end that is not a day too late."""

from __future__ import annotations

import pytest

from fhir_plugin.mapping.json import date_of, period_of, put_period
from fhir_plugin.model.dates import PartialDate, Period


@pytest.mark.parametrize(
    ("end", "day"),
    [
        ("2026-07-01T00:00:00+02:00", "2026-06-30"),
        ("2026-06-30T22:00:00Z", "2026-06-30"),
        ("2026-03-28T23:00:00.000Z", "2026-03-28"),
        ("2026-06-30T23:59:59+02:00", "2026-06-30"),
        ("2026-06-30T00:00:00Z", "2026-06-30"),
        ("2026-07-01T00:00:01+02:00", "2026-07-01"),
        ("2026-07-01", "2026-07-01"),
        ("2026-07", "2026-07"),
        ("0001-01-01T00:00:00+00:00", "0001-01-01"),
        ("2026-07-01T00:00:00", None),
    ],
)
def test_a_period_that_ends_as_a_day_begins_ended_the_day_before(end: str, day: str | None) -> None:
    body = {"period": {"end": end}}
    read = period_of(body, "period")

    assert str(read.end) == str(day)
    put_period(body, "period", read)
    assert body == {"period": {"end": end}}


def test_a_period_that_starts_as_a_day_begins_starts_on_that_day() -> None:
    read = period_of({"period": {"start": "2026-07-01T00:00:00+02:00"}}, "period")

    assert read == Period(start=PartialDate(2026, 7, 1))


@pytest.mark.parametrize("text", ["٢٠٢٦-٠٦-١٥", "2026-0６-15", "2026-06-15 "])
def test_only_the_digits_that_fhir_knows_make_a_date(text: str) -> None:
    assert date_of(text) is None
