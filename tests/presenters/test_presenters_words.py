"""Dates, names and coded values as people say them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.model import terms
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.terms import AgeBasis, Function, LifeDomain, TieQuality
from smart_app.i18n import translator
from smart_app.presenters.dates import (
    age_text,
    born_text,
    date_input,
    date_text,
    moment_text,
    parse_date,
    period_text,
)
from smart_app.presenters.words import WORDS, coding_word, word, words

NL, EN = translator("nl"), translator("en")
_DATES = st.dates(date(1900, 1, 1), date(2100, 1, 1)).flatmap(
    lambda day: st.sampled_from(
        [PartialDate(day.year), PartialDate(day.year, day.month), PartialDate(day.year, day.month, day.day)]
    )
)


@given(_DATES)
def test_a_date_can_be_typed_back_as_it_is_offered(value: PartialDate) -> None:
    assert parse_date(date_input(value)) == value
    assert parse_date(str(value)) == value


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("3-5-2019", "2019-05-03"),
        (" 03/05/2019 ", "2019-05-03"),
        ("3.5.2019", "2019-05-03"),
        ("3 - 5 - 2019", "2019-05-03"),
        ("5-2019", "2019-05"),
        ("2019-5-3", "2019-05-03"),
        ("2019", "2019"),
    ],
)
def test_dates_are_read_the_way_dutch_people_type_them(typed: str, value: str) -> None:
    assert parse_date(typed) == PartialDate.parse(value)


@pytest.mark.parametrize("typed", ["", "gisteren", "31-2-2019", "13-2019", "19", "1-1-19", "2019-05-03T10:00"])
def test_what_is_no_date_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):
        parse_date(typed)


def test_dates_and_periods_are_written_out() -> None:
    assert date_text(PartialDate(2019, 5, 3), NL) == "3 mei 2019"
    assert date_text(PartialDate(2019, 3), NL) == "maart 2019"
    assert date_text(PartialDate(2019), EN) == "2019"
    assert period_text(Period(start=PartialDate(2019)), NL) == "sinds 2019"
    period = Period(start=PartialDate(2019), end=PartialDate(2020, 6))
    assert period_text(period, NL) == "van 2019 tot en met juni 2020"
    assert period_text(Period(end=PartialDate(2020)), EN) == "until 2020"
    assert period_text(Period(), NL) == ""


def test_a_moment_is_shown_in_dutch_time() -> None:
    assert moment_text(datetime(2026, 6, 15, 22, 30, tzinfo=UTC), NL) == "16 juni 2026, 00:30"


def test_an_age_is_only_said_when_the_birth_date_is_known() -> None:
    assert born_text(PartialDate(2012, 3, 4), date(2026, 3, 3), NL) == "4 maart 2012 (13 jaar)"
    assert born_text(PartialDate(2012), date(2026, 3, 3), NL) == "2012"
    assert born_text(None, date(2026, 3, 3), NL) == "geboortedatum niet bekend"
    assert age_text(PartialDate(2012, 2, 29), date(2025, 2, 28), NL) == "12 jaar", "29 February counts as 1 March"


def test_every_coded_value_a_person_meets_has_a_word() -> None:
    silent = {AgeBasis, terms.TaskStep, terms.RecordTag}
    kinds = {
        kind
        for kind in vars(terms).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind not in (StrEnum, *silent)
    }
    assert kinds <= set(WORDS)
    for kind, held in WORDS.items():
        assert set(held) == set(kind)


def test_codes_of_the_same_spelling_keep_their_own_word() -> None:
    assert word(Function.OTHER, NL) == "Andere steun"
    assert word(LifeDomain.OTHER, NL) == "Ergens anders"


def test_a_list_is_a_sentence_with_one_capital() -> None:
    assert (
        words([Function.EMOTIONAL, Function.PRACTICAL, Function.COMPANY], NL) == "Emotioneel, praktisch en gezelschap"
    )
    assert words([TieQuality.TENSE], EN) == "Tense bond"
    assert words([], NL) == ""


def test_an_unknown_code_says_what_the_record_calls_it_or_nothing() -> None:
    assert coding_word(Coding(system="x", code="1", display="Petekind"), NL) == "Petekind"
    assert coding_word(Coding(system="x", code="1"), NL) == ""
