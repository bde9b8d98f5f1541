"""Texts in the reader's language: English message ids, translated by the gettext catalogues in ``translations/``.

The ``.po`` files are the source; they are compiled in memory when first used, so that no build step can leave a stale
``.mo`` behind. ``t("…")`` marks and translates, ``msg("…")`` only marks (for tables of texts made at import time);
both are keywords for the extractor in ``KEYWORDS``.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import NewType

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from fhir_plugin.texts import LANGUAGES, Language

__all__ = ["KEYWORDS", "LANGUAGES", "Language", "Message", "Translator", "choose", "msg", "translator"]

KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "msg": None,
    "ngettext": (1, 2),
    "plural": (1, 2),
    "t": None,
}
"""What the babel extractor looks for in Python and in templates."""

Message = NewType("Message", str)
"""A message id that still has to be translated: it never reaches a page as it is."""


def msg(text: str) -> Message:
    """Mark a text for translation and keep its id for later."""
    return Message(text)


class Translator:
    """Renders message ids in one language; ``%(name)s`` in a message is a parameter.

    Attributes:
        language: ``nl`` or ``en``.
        catalogue: the gettext catalogue, for Jinja's i18n extension.
        locale: the babel locale, for months and lists.
    """

    __slots__ = ("catalogue", "language", "locale")

    def __init__(self, language: Language, catalogue: NullTranslations) -> None:
        self.language = language
        self.catalogue = catalogue
        self.locale = Locale.parse(language)

    def __call__(self, message: str, /, **params: object) -> str:
        """The message in this language, with its parameters filled in."""
        text = self.catalogue.gettext(message)
        return text % params if params else text

    def plural(self, one: str, many: str, count: int, /, **params: object) -> str:
        """The form that fits a number, with the number as ``%(count)s``."""
        return self.catalogue.ngettext(one, many, count) % {"count": count, **params}


@cache
def translator(language: Language) -> Translator:
    """The texts of a language; English is the language of the message ids."""
    return Translator(language, NullTranslations() if language == "en" else _compiled(language))


def choose(*wishes: str | None, accept: Iterable[str] = (), default: Language = "nl") -> Language:
    """The first wish we speak, then the browser's languages in order, then the default."""
    for wish in (*wishes, *accept):
        tag = (wish or "").lower().split("-", 1)[0]
        for language in LANGUAGES:
            if tag == language:
                return language
    return default


def _compiled(language: Language) -> GNUTranslations:
    source = files(__package__) / "translations" / language / "LC_MESSAGES" / "messages.po"
    with source.open("rb") as stream:
        catalogue = read_po(stream, locale=language, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
