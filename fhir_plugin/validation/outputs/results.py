"""What every output has in common: results come in one by one, a summary closes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.texts import Language

__all__ = ["FORMATS", "Output", "Result", "Summary", "make_output"]

Write = Callable[[str], object]

FORMATS = {"text": "text", "json": "outcome", "sarif": "sarif", "junit": "junit", "ndjson": "ndjson"}
"""Format name → module in this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The report on one input: a file, or one line of an NDJSON file."""

    name: str
    report: Report
    line: int | None = None

    @property
    def label(self) -> str:
        """File name, with the line for NDJSON."""
        return self.name if self.line is None else f"{self.name}:{self.line}"

    def place(self, issue: Issue) -> tuple[int | None, int | None]:
        """Line and column in the file itself."""
        if self.line is not None:
            return self.line, issue.column
        return issue.line, issue.column


@dataclass(slots=True)
class Summary:
    """Counts over all inputs.

    Attributes:
        inputs: number of inputs.
        failed: number of them with errors.
        severities: number of issues of each severity.
        codes: number of issues of each code.
        examples: the first issue of each code.
        varied: codes of which not all issues say the same.
    """

    inputs: int = 0
    failed: int = 0
    severities: Counter[Severity] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Issue] = field(default_factory=dict)
    varied: set[str] = field(default_factory=set)

    def add(self, report: Report) -> None:
        """Count one report."""
        self.inputs += 1
        self.failed += report.has_errors
        for issue in report:
            self.severities[issue.severity] += 1
            self.codes[issue.code] += 1
            if self.examples.setdefault(issue.code, issue).params != issue.params:
                self.varied.add(issue.code)

    def merge(self, later: Summary) -> None:
        """Count what was counted elsewhere, of inputs after these."""
        self.inputs += later.inputs
        self.failed += later.failed
        self.severities.update(later.severities)
        self.codes.update(later.codes)
        self.varied |= later.varied
        for code, issue in later.examples.items():
            if self.examples.setdefault(code, issue).params != issue.params:
                self.varied.add(code)

    @property
    def errors(self) -> int:
        """Errors and worse."""
        return self.severities[Severity.ERROR] + self.severities[Severity.FATAL]


class Output(Protocol):
    """Writes results as they come; they are rendered one by one, possibly in another process."""

    def part(self, result: Result) -> str:
        """What is to be written of one result, whatever stands beside it."""

    def add(self, parts: Sequence[str]) -> None:
        """Write the parts of some results, or keep them until the end."""

    def finish(self, summary: Summary) -> None:
        """Write what closes the document."""


def make_output(name: str, write: Write, language: Language) -> Output:
    """The output of a format."""
    module = import_module(f"{__package__}.{FORMATS[name]}")
    output: Output = module.create(write, language)
    return output
