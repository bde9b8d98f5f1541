"""What a plan comes to, and whom it is about, as text a person reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fhir_plugin.texts import Language, words

__all__ = ["TOTALS", "client_words", "totals_lines"]

TOTALS = (
    "clients", "clients-settled", "clients-written", "add", "update", "end", "none",
    "consent-record", "consent-adopt", "consent-withdraw", "consent-stands",
    "consent-beside", "waits-for-consent", "incomplete", "not-recorded", "edited", "conflict",
    "question", "rows-refused",
)  # fmt: skip
"""Totals in the order they are read."""


def totals_lines(totals: Mapping[str, int], language: Language) -> Iterator[str]:
    """One line for each total that is not zero."""
    for name in TOTALS:
        if totals.get(name):
            yield f"  {totals[name]:>7}  {words(f'sync-total-{name}', language, count=str(totals[name]))}"


def client_words(patient: str, language: Language) -> str:
    """How a client is named; ``Patient/…`` as ``--only`` takes it, with or without the type."""
    return words("sync-client", language, client=patient.removeprefix("Patient/"))
