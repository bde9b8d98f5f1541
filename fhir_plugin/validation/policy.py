"""What a caller may decide where the specification leaves room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Switches of a validation.

    Attributes:
        unknown_codes: what to say when a binding cannot be decided offline.
        unknown_extensions: what an extension without a known definition is.
        trusted_domains: starts of urls under which an extension without a known definition is a warning at most:
            by default Nictiz, whose nl-core our own profiles build on and whose package need not be loaded.
        example_urls: whether extensions under example.org and acme.com need no definition.
        best_practice: whether invariants marked as best practice (dom-6) are reported.
        embedded_html: what text that looks like HTML in a plain string is. FHIR strings are shown by software that may
            not escape them, so it is a warning by default; FHIR itself does not forbid it.
        max_bytes: largest input that is read.
    """

    unknown_codes: Literal["warn", "ignore", "error"] = "warn"
    unknown_extensions: Literal["warn", "ignore", "error"] = "error"
    trusted_domains: tuple[str, ...] = ("http://nictiz.nl/fhir/",)
    example_urls: bool = False
    best_practice: bool = True
    embedded_html: Literal["warn", "ignore", "error"] = "warn"
    max_bytes: int = 256 * 1024 * 1024
