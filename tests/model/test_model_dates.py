from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.model.dates import PartialDate, Period, age_on, birthday, local_day, midnight


@given(st.dates(min_value=date(1, 1, 1)))
def test_a_full_date_comes_back_as_written(day):
    assert PartialDate.parse(str(PartialDate.of(day))) == PartialDate.of(day)


@pytest.mark.parametrize("text", ["", "26", "2026-13", "2026-02-30", "2026-6", "2026-06-1", "0000", "2026-06-01T00:00"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError):
        PartialDate.parse(text)


def test_a_month_runs_from_its_first_to_its_last_day():
    assert PartialDate(2026, 6).first_day() == date(2026, 6, 1)
    assert PartialDate(2026, 6).last_day() == date(2026, 6, 30)
    assert PartialDate(2028, 2).last_day() == date(2028, 2, 29)


def test_a_period_is_read_generously():
    period = Period(start=PartialDate(2024), end=PartialDate(2026, 6))
    assert period.covers(date(2024, 1, 1))
    assert period.covers(date(2026, 6, 30))
    assert not period.covers(date(2026, 7, 1))
    assert Period().covers(date(1900, 1, 1))


def test_who_was_born_on_29_february_has_a_birthday_on_1_march_in_common_years():
    assert birthday(date(2012, 2, 29), 16) == date(2028, 2, 29)
    assert birthday(date(2012, 2, 29), 18) == date(2030, 3, 1)
    assert age_on(date(2012, 2, 29), date(2030, 2, 28)) == 17
    assert age_on(date(2012, 2, 29), date(2030, 3, 1)) == 18


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2050, 1, 1)), st.integers(0, 120))
def test_age_changes_exactly_at_the_birthday(born, years):
    turned = birthday(born, years)
    assert age_on(born, turned) == years
    assert age_on(born, turned - timedelta(days=1)) == years - 1


def test_the_day_is_the_dutch_day():
    assert local_day(datetime(2026, 6, 14, 22, 0, tzinfo=UTC)) == date(2026, 6, 15)
    assert local_day(datetime(2026, 1, 14, 22, 59, tzinfo=UTC)) == date(2026, 1, 14)
    assert midnight(date(2026, 6, 15)) == datetime(2026, 6, 14, 22, 0, tzinfo=UTC)


def test_an_instant_without_a_zone_has_no_day():
    with pytest.raises(ValueError, match="time zone"):
        local_day(datetime(2026, 6, 15, 12, 0))
