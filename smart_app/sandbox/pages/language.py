"""Dutch, or English where asked: texts, dates and ages on the EHR's pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from babel.dates import format_date, format_datetime
from flask import request, session

from fhir_plugin.model.dates import AMSTERDAM
from fhir_plugin.texts import Language, sentence
from smart_app.sandbox.people import ChildCard

__all__ = ["age", "day", "fault_text", "language", "moment", "other_language_url", "remember_language", "text"]


def remember_language() -> None:
    """``?lang=en`` holds for the rest of the session."""
    if request.args.get("lang") in ("nl", "en"):
        session["lang"] = request.args["lang"]


def language() -> Language:
    """The language of this page."""
    return "en" if session.get("lang") == "en" else "nl"


def text(code: str, **params: Any) -> str:
    """A text of the EHR."""
    return _sentence(f"ehr-{code}", **params)


def fault_text(name: str) -> str:
    """What a fault does."""
    return _sentence(f"fault-{name}")


def other_language_url() -> str:
    """This page in the other language."""
    other = "nl" if language() == "en" else "en"
    return f"{request.path}?{urlencode({**request.args.to_dict(), 'lang': other})}"


def day(value: date | None) -> str:
    """A date in words: 3 maart 2018."""
    return format_date(value, "d MMMM yyyy", locale=language()) if value else text("unknown")


def moment(value: datetime) -> str:
    """An instant in Dutch local time, to the second."""
    return str(format_datetime(value, "d MMM yyyy HH:mm:ss", tzinfo=AMSTERDAM, locale=language()))


def age(child: ChildCard) -> str:
    """Age in years, in words."""
    return text("unknown") if child.age is None else text("years", years=child.age)


def _sentence(code: str, **params: Any) -> str:
    found = sentence(code, language(), tuple((name, str(value)) for name, value in params.items()))
    return found.text if found else code
