"""Failures as OperationOutcome (https://hl7.org/fhir/R4/operationoutcome.html).

Diagnostics name types, parameters and positions; never a value out of a record.
"""

from __future__ import annotations

from typing import Any

__all__ = ["FhirError", "Json", "outcome"]

Json = dict[str, Any]
"""A FHIR resource or element as JSON."""


class FhirError(Exception):
    """A request the server answers with an OperationOutcome.

    Args:
        status: HTTP status.
        code: issue type (http://hl7.org/fhir/issue-type).
        diagnostics: what is wrong, without a value out of the record.
        headers: further response headers (``Retry-After``, ``WWW-Authenticate``).
    """

    def __init__(self, status: int, code: str, diagnostics: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.code = code
        self.diagnostics = diagnostics
        self.headers = headers or {}

    def body(self) -> Json:
        """The OperationOutcome."""
        return outcome(self.code, self.diagnostics)


def outcome(code: str, diagnostics: str, severity: str = "error") -> Json:
    """An OperationOutcome with one issue."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": diagnostics}],
    }
