"""OperationOutcome (http://hl7.org/fhir/R4/operationoutcome.html)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fhir_plugin.model.issues import Issue, Report
from fhir_plugin.texts import Language, render
from fhir_plugin.validation.outputs.results import Result, Summary

__all__ = ["create", "issue_type", "operation_outcome"]

_LINE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
_COLUMN = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col"
_TYPES = (
    (("cardinality", "slice", "element-", "array-", "object-", "value-missing", "null-", "json", "xml"), "structure"),
    (("binding", "code-", "coding-", "display"), "code-invalid"),
    (("profile-unknown", "extension-unknown"), "not-found"),
    (("primitive", "string", "date", "uuid", "oid", "uri", "canonical", "max-length", "fixed", "pattern"), "value"),
    (("too-", "input-too"), "too-long"),
    (("internal",), "exception"),
)


def issue_type(issue: Issue) -> str:
    """Code of http://hl7.org/fhir/issue-type."""
    if issue.param("key"):
        return "invariant"
    return next((kind for starts, kind in _TYPES if issue.code.startswith(starts)), "invalid")


def operation_outcome(report: Report, language: Language = "en") -> dict[str, Any]:
    """A report as an OperationOutcome; a report without issues says so."""
    issues = [_issue(one, language) for one in report]
    text = {"text": "Geen bevindingen" if language == "nl" else "No issues"}
    fine = {"severity": "information", "code": "informational", "details": text}
    return {"resourceType": "OperationOutcome", "issue": issues or [fine]}


def _issue(issue: Issue, language: Language) -> dict[str, Any]:
    words = render(issue, language)
    body: dict[str, Any] = {
        "severity": issue.severity.value,
        "code": issue_type(issue),
        "details": {"coding": [{"code": issue.code}], "text": words.text},
    }
    if words.remedy or issue.source:
        body["diagnostics"] = " ".join(filter(None, (words.remedy, issue.source and f"[{issue.source}]")))
    if issue.expression:
        body["expression"] = [issue.expression]
    places = [(_LINE, issue.line), (_COLUMN, issue.column)]
    extensions = [{"url": url, "valueInteger": number} for url, number in places if number is not None]
    return {"extension": extensions, **body} if extensions else body


def create(write: Callable[[str], object], language: Language) -> _Outcomes:
    """The JSON output: one OperationOutcome, or a Bundle of them for several inputs."""
    return _Outcomes(write, language)


class _Outcomes:
    def __init__(self, write: Callable[[str], object], language: Language) -> None:
        self._write = write
        self._language: Language = language
        self._only: str | None = None
        self._several = False

    def part(self, result: Result) -> str:
        url = Path(result.name).absolute().as_uri() + (f"#{result.line}" if result.line is not None else "")
        body = {"fullUrl": url, "resource": operation_outcome(result.report, self._language)}
        return json.dumps(body, ensure_ascii=False)

    def add(self, parts: Sequence[str]) -> None:
        if self._several:
            self._write("".join(f",\n{part}" for part in parts))
            return
        parts = [self._only, *parts] if self._only is not None else parts
        self._several = len(parts) > 1
        self._only = parts[0] if len(parts) == 1 else None
        if self._several:
            self._write('{"resourceType": "Bundle", "type": "collection", "entry": [\n' + ",\n".join(parts))

    def finish(self, summary: Summary) -> None:  # noqa: ARG002  the protocol of outputs
        if self._several:
            self._write("\n]}\n")
        elif self._only is not None:
            body = json.loads(self._only)["resource"]
            self._write(json.dumps(body, ensure_ascii=False, indent=2) + "\n")
