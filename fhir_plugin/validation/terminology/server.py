"""The port to a terminology server: asked only about what cannot be decided here, and only about codes."""

from __future__ import annotations

from typing import Protocol

__all__ = ["TerminologyServer"]


class TerminologyServer(Protocol):
    """Answers about codes that need content nobody has offline (http://hl7.org/fhir/R4/terminology-service.html).

    Implementations never raise, remember what they were told, and answer None for whatever they cannot know: no
    connection, no time left, an answer that means nothing.
    """

    def in_value_set(self, value_set: str, system: str, code: str) -> bool | None:
        """Whether a code is in a value set (``ValueSet/$validate-code``).

        Args:
            value_set: canonical of the value set.
            system: code system, empty where the value set implies it.
            code: the code.
        """

    def in_code_system(self, system: str, code: str) -> bool | None:
        """Whether a code exists in its system (``CodeSystem/$validate-code``)."""
