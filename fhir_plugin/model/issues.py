"""Findings as values: what was found, where, how bad. No prose: texts are rendered at the edge, in Dutch or English."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Issue", "Report", "Severity"]


class Severity(StrEnum):
    """Value space of OperationOutcome.issue.severity (http://hl7.org/fhir/issue-severity)."""

    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"

    __hash__ = str.__hash__  # as it equals its text; that of enumerations is of the name, and slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One finding.

    Attributes:
        severity: how bad it is.
        code: stable kebab-case name of the rule (``cardinality-min``) or the key of an invariant (``sf-1``).
        expression: FHIRPath location (``RelatedPerson.name[0].given[1]``); empty when the whole input is meant.
        params: values the text needs, as ordered name/value pairs; never a name of a person, never a BSN.
        line: 1-based line in the input, or None where the input had no text form.
        column: 1-based column in characters, or None.
        source: what asked for it: a profile canonical, a file name or a row; empty for base rules.
    """

    severity: Severity
    code: str
    expression: str = ""
    params: tuple[tuple[str, str], ...] = ()
    line: int | None = None
    column: int | None = None
    source: str = ""

    def param(self, name: str, default: str = "") -> str:
        """The value of one parameter, or ``default``."""
        return next((value for key, value in self.params if key == name), default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An ordered collection of findings about one input."""

    issues: tuple[Issue, ...] = field(default=())

    def __iter__(self) -> Iterator[Issue]:
        return iter(self.issues)

    def __len__(self) -> int:
        return len(self.issues)

    @property
    def has_errors(self) -> bool:
        """Whether anything is an error or worse."""
        return any(issue.severity in (Severity.FATAL, Severity.ERROR) for issue in self.issues)

    def of(self, *severities: Severity) -> tuple[Issue, ...]:
        """The findings of the given severities, in order."""
        return tuple(issue for issue in self.issues if issue.severity in severities)

    def merged(self, *others: Report | Iterable[Issue]) -> Report:
        """This report with the findings of others after its own."""
        extra = tuple(issue for other in others for issue in other)
        return Report(issues=self.issues + extra)
