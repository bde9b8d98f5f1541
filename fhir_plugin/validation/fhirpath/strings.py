"""String functions (http://hl7.org/fhirpath/N1/#string-manipulation)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from fhir_plugin.validation.fhirpath.errors import FhirPathError
from fhir_plugin.validation.fhirpath.node import Item
from fhir_plugin.validation.fhirpath.operators import single_integer, single_string

__all__ = ["PLAIN", "pattern"]

Items = list[Item]


@lru_cache(maxsize=1024)
def pattern(text: str) -> re.Pattern[str]:
    """A regular expression as FHIRPath means it: partial match, dot matches line ends.

    Raises:
        FhirPathError: the text is not a regular expression.
    """
    try:
        return re.compile(text, re.DOTALL)
    except re.error as error:
        raise FhirPathError("not a regular expression") from error


def _on_string(function: Callable[..., object]) -> Callable[..., Items]:
    """Apply to the one string of the focus and the one string of each argument; empty gives empty."""

    def run(focus: Items, *arguments: Items) -> Items:
        values = [single_string(one) for one in (focus, *arguments)]
        if any(value is None for value in values):
            return []
        return [function(*values)]

    return run


def _index_of(text: str, part: str) -> int:
    return text.find(part)


def _substring(focus: Items, start: Items, length: Items | None = None) -> Items:
    text, first = single_string(focus), single_integer(start)
    if text is None or first is None or not 0 <= first < len(text):
        return []
    count = single_integer(length) if length else None
    return [text[first:] if count is None else text[first : first + max(count, 0)]]


def _replace_matches(text: str, expression: str, substitution: str) -> str:
    if not expression:
        return text
    return pattern(expression).sub(re.sub(r"\$(\d+)", r"\\g<\1>", substitution.replace("\\", r"\\")), text)


def _join(focus: Items, separator: Items | None = None) -> Items:
    between = single_string(separator) if separator else ""
    return ["".join([]) if not focus else (between or "").join(single_string([item]) or "" for item in focus)]


PLAIN: dict[str, tuple[int, int, Callable[..., Items]]] = {
    "startsWith": (1, 1, _on_string(lambda text, part: text.startswith(part))),
    "endsWith": (1, 1, _on_string(lambda text, part: text.endswith(part))),
    "contains": (1, 1, _on_string(lambda text, part: part in text)),
    "indexOf": (1, 1, _on_string(_index_of)),
    "lastIndexOf": (1, 1, _on_string(lambda text, part: text.rfind(part))),
    "substring": (1, 2, _substring),
    "upper": (0, 0, _on_string(str.upper)),
    "lower": (0, 0, _on_string(str.lower)),
    "trim": (0, 0, _on_string(str.strip)),
    "length": (0, 0, _on_string(len)),
    "replace": (2, 2, _on_string(str.replace)),
    "matches": (1, 1, _on_string(lambda text, expression: bool(pattern(expression).search(text)))),
    "matchesFull": (1, 1, _on_string(lambda text, expression: bool(pattern(expression).fullmatch(text)))),
    "replaceMatches": (2, 2, _on_string(_replace_matches)),
    "toChars": (0, 0, lambda focus: list(single_string(focus) or "")),
    "split": (1, 1, lambda focus, by: (single_string(focus) or "").split(single_string(by) or "")),
    "join": (0, 1, _join),
}
