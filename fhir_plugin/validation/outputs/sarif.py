"""SARIF 2.1.0, for code hosts and editors (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.texts import Language, render
from fhir_plugin.validation.outputs.results import Result, Summary

__all__ = ["create"]

_LEVELS = {Severity.FATAL: "error", Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFORMATION: "note"}
_HEAD = '{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{"results": ['


def create(write: Callable[[str], object], language: Language) -> _Sarif:
    """The SARIF output."""
    return _Sarif(write, language)


class _Sarif:
    def __init__(self, write: Callable[[str], object], language: Language) -> None:
        self._write = write
        self._language: Language = language
        self._begun = False

    def part(self, result: Result) -> str:
        return ", ".join(json.dumps(self._result(result, issue), ensure_ascii=False) for issue in result.report)

    def add(self, parts: Sequence[str]) -> None:
        written = [part for part in parts if part]
        if written:
            self._write((", " if self._begun else _HEAD) + ", ".join(written))
            self._begun = True

    def _result(self, result: Result, issue: Issue) -> dict[str, Any]:
        line, column = result.place(issue)
        words = render(issue, self._language)
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(result.name)}}
        if line is not None:
            place["region"] = {"startLine": line} | ({"startColumn": column} if column else {})
        return {
            "ruleId": issue.code,
            "level": _LEVELS[issue.severity],
            "message": {"text": f"{words.text} {words.remedy}".strip()},
            "locations": [{"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": issue.expression}]}],
        }

    def finish(self, summary: Summary) -> None:
        rules = [{"id": code} for code in sorted(summary.codes)]
        driver = {"name": "steunfiguren validate", "version": version("steunfiguren"), "rules": rules}
        rest = json.dumps({"tool": {"driver": driver}, "columnKind": "unicodeCodePoints"}, ensure_ascii=False)
        self._write(("" if self._begun else _HEAD) + f"], {rest[1:]}]}}\n")


def _uri(name: str) -> str:
    """A path as the relative or absolute reference that SARIF asks for (3.4.3); standard input has none."""
    path = PurePath(name)
    return path.as_uri() if path.is_absolute() else quote("stdin" if name == "-" else path.as_posix())
