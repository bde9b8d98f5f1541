"""What the operation and its page share: the processes, the limits and the profiles one can choose from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fhir_plugin.packages import load_definitions
from smart_app.api.settings import ValidatorSettings
from smart_app.api.workers import Runner
from smart_app.limits import MinuteCounter

__all__ = ["ProfileChoice", "ValidationService"]

_TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ProfileChoice:
    """A profile one can validate against.

    Attributes:
        title: in the language of the definition.
        translations: the title in other languages, by language code.
    """

    type_name: str
    title: str
    canonical: str
    translations: Mapping[str, str] = field(default_factory=dict, compare=False)

    def title_in(self, language: str) -> str:
        """The title in a language, or as the definition gives it."""
        return self.translations.get(language, self.title)


@dataclass(kw_only=True)
class ValidationService:
    """One per app.

    Attributes:
        settings: limits and definitions.
        url: address of this server.
        runner: who answers.
        counted: endpoints whose POSTs count for the limit per address.
    """

    settings: ValidatorSettings
    url: str
    runner: Runner
    clock: Callable[[], float] = time.time
    counted: frozenset[str] = frozenset({"validation_api.validate", "validation_page.check"})
    _counter: MinuteCounter = field(init=False)

    def __post_init__(self) -> None:
        self._counter = MinuteCounter(self.clock)

    def admits(self, address: str | None) -> bool:
        """Count one more request of an address, and say whether it is within the limit."""
        return self._counter.allows(address or "", self.settings.requests_per_minute)

    @cached_property
    def profiles(self) -> tuple[ProfileChoice, ...]:
        """The resource profiles of our own package and of those in the settings."""
        found = load_definitions(self.settings.packages).resources("StructureDefinition", base=False)
        return tuple(
            sorted(
                ProfileChoice(
                    type_name=str(one.get("type")),
                    title=str(one.get("title") or one.get("name")),
                    canonical=str(one.get("url")),
                    translations=_translations(one.get("_title")),
                )
                for one in found
                if one.get("kind") == "resource" and one.get("derivation") == "constraint"
            )
        )


def _translations(companion: Any) -> dict[str, str]:
    """The texts beside a string in other languages (https://hl7.org/fhir/R4/extension-translation.html)."""
    given = companion.get("extension") if isinstance(companion, dict) else None
    parts = [
        {inner.get("url"): inner for inner in one.get("extension", ())}
        for one in given or ()
        if one.get("url") == _TRANSLATION
    ]
    return {
        str(one["lang"].get("valueCode")): str(one["content"].get("valueString"))
        for one in parts
        if "lang" in one and "content" in one
    }
