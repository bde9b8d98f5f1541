"""One JSON object per issue, for pipes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from fhir_plugin.texts import Language, render
from fhir_plugin.validation.outputs.results import Result, Summary

__all__ = ["create"]


def create(write: Callable[[str], object], language: Language) -> _Lines:
    """The NDJSON output."""
    return _Lines(write, language)


class _Lines:
    def __init__(self, write: Callable[[str], object], language: Language) -> None:
        self._write = write
        self._language: Language = language

    def part(self, result: Result) -> str:
        lines = []
        for issue in result.report:
            line, column = result.place(issue)
            words = render(issue, self._language)
            body = {
                "file": result.name,
                "line": line,
                "column": column,
                "severity": issue.severity.value,
                "code": issue.code,
                "expression": issue.expression,
                "text": words.text,
                "remedy": words.remedy,
                "source": issue.source,
                "params": dict(issue.params),
            }
            lines.append(json.dumps(body, ensure_ascii=False) + "\n")
        return "".join(lines)

    def add(self, parts: Sequence[str]) -> None:
        self._write("".join(parts))

    def finish(self, summary: Summary) -> None:
        """Nothing closes NDJSON."""
