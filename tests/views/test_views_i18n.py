"""Every text exists in Dutch and in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from smart_app.i18n import KEYWORDS, choose, translator

APP = Path(__file__).resolve().parents[2] / "smart_app"
PO = APP / "translations" / "nl" / "LC_MESSAGES" / "messages.po"


def _messages() -> Iterator[str | tuple[str, ...]]:
    python = [(folder, "python") for folder in ("presenters", "views", "review")]
    for folder, method in (*python, ("templates", "jinja2")):
        suffix = "**.html" if method == "jinja2" else "**.py"
        for _, _, message, _, _ in extract_from_dir(APP / folder, method_map=[(suffix, method)], keywords=KEYWORDS):
            yield message if isinstance(message, str) else tuple(message)


def _ids() -> set[str]:
    return {message if isinstance(message, str) else message[0] for message in _messages()}


def test_every_message_of_the_code_and_the_templates_is_translated_and_nothing_else_is() -> None:
    with PO.open("rb") as stream:
        catalogue = read_po(stream, locale="nl")
    held = {(one.id if isinstance(one.id, str) else one.id[0]): one for one in catalogue if one.id}
    assert _ids() - set(held) == set()
    assert set(held) - _ids() == set(), "texts nobody uses any more"
    for message in held.values():
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(strings), message.id
        assert not message.fuzzy


def test_a_translation_has_the_parameters_of_its_message() -> None:
    nl = translator("nl")
    for message in _ids():
        assert set(re.findall(r"%\((\w+)\)s", nl.catalogue.gettext(message))) == set(
            re.findall(r"%\((\w+)\)s", message)
        ), message


def test_numbers_take_the_right_form() -> None:
    assert translator("en").plural("%(count)s year", "%(count)s years", 1) == "1 year"
    assert translator("nl").plural("%(count)s year", "%(count)s years", 3) == "3 jaar"


@pytest.mark.parametrize(
    ("wishes", "accept", "language"),
    [
        (("en", None), (), "en"),
        ((None, "nl-NL"), ("en",), "nl"),
        ((None, None), ("fr-FR", "en-GB"), "en"),
        (("xx",), (), "nl"),
    ],
)
def test_the_first_language_we_speak_is_chosen(
    wishes: tuple[str | None, ...], accept: tuple[str, ...], language: str
) -> None:
    assert choose(*wishes, accept=accept) == language
