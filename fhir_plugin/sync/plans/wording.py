"""Values of elements in the reader's language: plans, journals and polls hold codes, people read words."""

from __future__ import annotations

import re

from fhir_plugin.mapping.displays import display_in
from fhir_plugin.model.terms import CodeSystems
from fhir_plugin.sync.sources.vocabulary import display_of
from fhir_plugin.texts import Language, sentence

__all__ = ["value_words"]

_OURS = {
    "kinds": CodeSystems.KIND,
    "supports": CodeSystems.SUPPORTS,
    "life_domains": CodeSystems.LIFE_DOMAIN,
    "designations": CodeSystems.DESIGNATOR,
    "mandate": CodeSystems.MANDATE,
    "adult": CodeSystems.YES_NO_UNKNOWN,
    "bond_of_trust": CodeSystems.YES_NO_UNKNOWN,
    "vog_seen": CodeSystems.YES_NO_UNKNOWN,
    "agreement": CodeSystems.YES_NO_UNKNOWN,
    "parent_accord": CodeSystems.PARENT_ACCORD,
    "engagement.functions": CodeSystems.FUNCTION,
    "engagement.involvement": CodeSystems.INVOLVEMENT,
    "engagement.contexts": CodeSystems.CONTEXT,
}
"""Element → the code system of ours its codes are from."""
_CODED_ELSEWHERE = ("relations", "roles")
_OTHERWISE = ("gender", "active", "status", "sharing")
_INFORMED = re.compile(r"\binformed(?= \d{4})")


def value_words(element: str, value: str, language: Language) -> str:
    """A value as a plan or a poll holds it, in words; what is no code of ours stays as it is.

    Args:
        element: its path in the model, such as ``engagement.functions``.
        value: codes, several of them separated by ", "; a code may be followed by a date.
        language: of the words.
    """
    if element not in _OURS and element not in _CODED_ELSEWHERE and element not in _OTHERWISE:
        return value
    parts = [value] if element == "agreement" else value.split(", ")  # an agreement ends in words of its own
    return ", ".join(_one(element, part, language) for part in parts)


def _one(element: str, value: str, language: Language) -> str:
    if element in _CODED_ELSEWHERE:
        return display_of(value, language)
    if element in _OTHERWISE:
        return _sentence(value, language)
    code, space, rest = value.partition(" ")
    said = display_in(_OURS[element], code, language) or code
    said = said if said[1:2].isupper() else said[:1].lower() + said[1:]
    text = f"{said}{space}{rest}"
    return _INFORMED.sub(_sentence("informed", language), text) if element == "agreement" else text


def _sentence(value: str, language: Language) -> str:
    found = sentence(f"sync-value-{value}", language)
    return found.text if found else value
