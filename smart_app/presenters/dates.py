"""Dates, ages and periods as Dutch people write and read them."""

from __future__ import annotations

import re
from datetime import date, datetime

from babel.dates import format_date, format_datetime

from fhir_plugin.model.dates import AMSTERDAM, PartialDate, Period, age_on
from smart_app.i18n import Translator

__all__ = ["age_text", "born_text", "date_input", "date_text", "day_text", "moment_text", "parse_date", "period_text"]

_YEAR = re.compile(r"\d{4}")
_MONTH = re.compile(r"(\d{1,2})[-/. ](\d{4})|(\d{4})-(\d{1,2})")
_DAY = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})|(\d{4})-(\d{1,2})-(\d{1,2})")


def date_text(value: PartialDate | None, t: Translator) -> str:
    """``2019``, ``mei 2019`` or ``3 mei 2019``; empty for an unknown date."""
    if value is None:
        return ""
    if value.month is None:
        return str(value.year)
    pattern = "d MMMM y" if value.is_full else "MMMM y"
    return format_date(value.first_day(), pattern, locale=t.locale)


def day_text(value: date, t: Translator) -> str:
    """A full day: ``3 mei 2019``."""
    return date_text(PartialDate.of(value), t)


def moment_text(value: datetime | PartialDate | None, t: Translator) -> str:
    """A moment in Dutch local time: ``3 mei 2019, 14:05``."""
    if isinstance(value, datetime):
        return format_datetime(value.astimezone(AMSTERDAM), "d MMMM y, HH:mm", locale=t.locale)
    return date_text(value, t)


def period_text(period: Period, t: Translator) -> str:
    """``sinds 2019``, ``tot en met mei 2024`` or ``van 2019 tot en met mei 2024``; empty when nothing is known."""
    start, end = date_text(period.start, t), date_text(period.end, t)
    if start and end:
        return t("from %(start)s until %(end)s", start=start, end=end)
    if start:
        return t("since %(start)s", start=start)
    return t("until %(end)s", end=end) if end else ""


def age_text(birth_date: PartialDate | None, today: date, t: Translator) -> str:
    """The age in whole years; empty where the birth date is not fully known."""
    if birth_date is None or not birth_date.is_full:
        return ""
    return t.plural("%(count)s year", "%(count)s years", age_on(birth_date.first_day(), today))


def born_text(birth_date: PartialDate | None, today: date, t: Translator) -> str:
    """Birth date and age, for the banner: ``3 mei 2013 (13 jaar)``."""
    if birth_date is None:
        return t("birth date not known")
    age = age_text(birth_date, today, t)
    return f"{date_text(birth_date, t)} ({age})" if age else date_text(birth_date, t)


def date_input(value: PartialDate | None) -> str:
    """A date as a Dutch person types it: ``2019``, ``5-2019`` or ``3-5-2019``."""
    if value is None:
        return ""
    return "-".join(str(part) for part in (value.day, value.month, value.year) if part is not None)


def parse_date(typed: str) -> PartialDate:
    """Read what a person typed: a year, a month of a year or a day, with ``-``, ``/``, ``.`` or a space between.

    Raises:
        ValueError: it is none of these, or not a day that exists.
    """
    text = re.sub(r"\s*([-/.])\s*", r"\1", typed.strip())
    if _YEAR.fullmatch(text):
        return PartialDate(int(text))
    if match := _DAY.fullmatch(text):
        day, month, year, iso_year, iso_month, iso_day = match.groups()
        return PartialDate(int(year or iso_year), int(month or iso_month), int(day or iso_day))
    if match := _MONTH.fullmatch(text):
        month, year, iso_year, iso_month = match.groups()
        return PartialDate(int(year or iso_year), int(month or iso_month))
    raise ValueError("not a date")
