"""An EHR that takes nothing but valid FHIR: every body is validated against R4 and the profiles it claims."""

from __future__ import annotations

from typing import Any

from fhir_plugin.model.issues import Severity
from fhir_plugin.validation import Validator
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Backend, Entry, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["ValidatingBackend"]

_PASSED_OVER = {"profile-unknown", "extension-unknown"}
"""What only a package that is not loaded could tell."""


class ValidatingBackend:
    """A backend behind the validator; refuses with 422 and the places that are wrong."""

    def __init__(self, inner: Backend, validator: Validator) -> None:
        self.base_url = inner.base_url
        self._inner = inner
        self._validator = validator

    def perform(self, interaction: Interaction, guard: Guard) -> Answer:
        """One interaction.

        Raises:
            FhirError: 422, the body is not valid; or what the backend raises.
        """
        self._check(interaction)
        return self._inner.perform(interaction, guard)

    def transaction(self, entries: list[Entry], guard: Guard) -> list[Answer]:
        """All or nothing.

        Raises:
            FhirError: 422, a body is not valid; or what the backend raises.
        """
        for index, (_, interaction) in enumerate(entries):
            try:
                self._check(interaction)
            except FhirError as error:
                raise FhirError(422, error.code, f"Bundle.entry[{index}]: {error.diagnostics}") from None
        return self._inner.transaction(entries, guard)

    def page(self, cursor: str, offset: int, guard: Guard) -> Json:
        """A further page."""
        return self._inner.page(cursor, offset, guard)

    def capabilities(self) -> Json:
        """The CapabilityStatement."""
        return self._inner.capabilities()

    def _check(self, interaction: Interaction) -> None:
        if interaction.method not in ("POST", "PUT") or not _is_resource(interaction.body):
            return
        report = self._validator.validate(interaction.body)
        wrong = [issue for issue in report.of(Severity.ERROR, Severity.FATAL) if issue.code not in _PASSED_OVER]
        if wrong:
            places = "; ".join(f"{issue.expression} ({issue.code})" for issue in wrong[:10])
            raise FhirError(422, "invariant", f"Not valid: {places}")


def _is_resource(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("resourceType"), str)
