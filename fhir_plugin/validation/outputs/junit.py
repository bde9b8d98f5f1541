"""JUnit XML: every input a test case, for build servers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape, quoteattr  # they write XML; nothing is parsed  # nosec B406

from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.texts import Language, render
from fhir_plugin.validation.outputs.results import Result, Summary

__all__ = ["create"]

_BAD = (Severity.FATAL, Severity.ERROR)
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def create(write: Callable[[str], object], language: Language) -> _JUnit:
    """The JUnit output."""
    return _JUnit(write, language)


class _JUnit:
    def __init__(self, write: Callable[[str], object], language: Language) -> None:
        self._write = write
        self._language: Language = language
        self._cases: list[str] = []

    def part(self, result: Result) -> str:
        bad = [self._line(result, issue) for issue in result.report.of(*_BAD)]
        rest = [self._line(result, issue) for issue in result.report if issue.severity not in _BAD]
        body = ""
        if bad:
            body += f"<failure message={_quoted(bad[0])}>{_safe(chr(10).join(bad))}</failure>"
        if rest:
            body += f"<system-out>{_safe(chr(10).join(rest))}</system-out>"
        return f'<testcase classname="validate" name={_quoted(result.label)}>{body}</testcase>\n'

    def add(self, parts: Sequence[str]) -> None:
        self._cases += parts

    def _line(self, result: Result, issue: Issue) -> str:
        line, column = result.place(issue)
        text = render(issue, self._language).text
        return f"{line or '-'}:{column or '-'} {issue.severity.value} {issue.expression}: {text} [{issue.code}]"

    def finish(self, summary: Summary) -> None:
        counts = f'tests="{summary.inputs}" failures="{summary.failed}"'
        self._write('<?xml version="1.0" encoding="UTF-8"?>\n')
        self._write(f'<testsuites {counts}><testsuite name="steunfiguren validate" {counts}>\n')
        self._write("".join(self._cases) + "</testsuite></testsuites>\n")


def _safe(text: str) -> str:
    return escape(_UNPRINTABLE.sub("�", text))


def _quoted(text: str) -> str:
    return quoteattr(_UNPRINTABLE.sub("�", text))
