"""Requests that cannot be answered with a verdict, each with its HTTP status and issue type.

The sentences stand in ``fhir_plugin/texts`` under the same codes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fhir_plugin.texts import Language, sentence

__all__ = ["REFUSALS", "Refused", "refusal_outcome"]


class Kind(NamedTuple):
    """HTTP status, and code of http://hl7.org/fhir/issue-type."""

    status: int
    issue_type: str


REFUSALS: dict[str, Kind] = {
    "operation-body-missing": Kind(400, "required"),
    "operation-body-type": Kind(400, "structure"),
    "operation-resource-missing": Kind(400, "required"),
    "operation-parameter-unknown": Kind(400, "not-supported"),
    "operation-parameter-value": Kind(400, "value"),
    "operation-parameter-twice": Kind(400, "invalid"),
    "operation-mode-unknown": Kind(400, "value"),
    "operation-mode-delete": Kind(422, "not-supported"),
    "operation-profile-missing": Kind(400, "required"),
    "operation-type-differs": Kind(400, "invalid"),
    "operation-id-differs": Kind(400, "invalid"),
    "operation-type-unknown": Kind(404, "not-supported"),
    "operation-not-found": Kind(404, "not-found"),
    "operation-method": Kind(405, "not-supported"),
    "operation-accept": Kind(406, "not-supported"),
    "operation-too-large": Kind(413, "too-long"),
    "operation-media-type": Kind(415, "not-supported"),
    "operation-coding": Kind(415, "not-supported"),
    "operation-too-costly": Kind(422, "too-costly"),
    "operation-throttled": Kind(429, "throttled"),
    "operation-failed": Kind(500, "exception"),
    "operation-busy": Kind(503, "transient"),
}
"""Code of a sentence → how it is answered."""


class Refused(Exception):
    """A request that gets no verdict.

    Args:
        code: a key of :data:`REFUSALS`.
        params: values its sentence needs; never a value out of a body.
    """

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = tuple(params.items())

    @property
    def status(self) -> int:
        """HTTP status."""
        return REFUSALS[self.code].status


def refusal_outcome(refused: Refused, language: Language) -> dict[str, Any]:
    """The OperationOutcome that says why, and what to do."""
    words = sentence(refused.code, language, refused.params)
    issue = {
        "severity": "error",
        "code": REFUSALS[refused.code].issue_type,
        "details": {"coding": [{"code": refused.code}], "text": words.text if words else refused.code},
    }
    if words and words.remedy:
        issue["diagnostics"] = words.remedy
    return {"resourceType": "OperationOutcome", "issue": [issue]}
