"""A report beside its source: lines with their findings, and the findings as a list."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.texts import render, sentence
from smart_app.i18n import Translator

__all__ = ["Finding", "Line", "Verdict", "verdict"]

WHOLE = 400
"""Lines up to which a source is shown whole; of a longer one the lines around findings are shown."""
AROUND = 3
WIDE = 240
"""Characters of a line that are shown at most; around the first finding when it is longer."""
SHAPES = {Severity.FATAL: "error", Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFORMATION: "note"}
_RANK = {severity: place for place, severity in enumerate(SHAPES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One issue as it is shown.

    Attributes:
        anchor: fragment of the page at which it stands.
        shape: ``error``, ``warning`` or ``note``.
        word: how bad it is.
        excerpt: the source around it, where its line is too long to show.
    """

    anchor: str
    shape: str
    word: str
    text: str
    remedy: str
    expression: str
    code: str
    source: str
    line: int | None
    column: int | None
    excerpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the source.

    Attributes:
        skipped: lines without findings before this one that are not shown.
    """

    number: int
    text: str
    findings: tuple[Finding, ...] = ()
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found in one source.

    Attributes:
        findings: in the order of the source; on one line the worst first.
        worst_first: the same, errors before warnings before notes.
        unplaced: those that belong to no line.
        lines: the source, or the parts of it around findings.
        left: lines after the last one shown.
        errors: number of errors, and so on.
    """

    findings: tuple[Finding, ...]
    worst_first: tuple[Finding, ...]
    unplaced: tuple[Finding, ...]
    lines: tuple[Line, ...]
    left: int
    errors: int
    warnings: int
    notes: int


def verdict(report: Report, source: str, t: Translator) -> Verdict:
    """A report beside its source.

    Args:
        report: what the validator found.
        source: the text it read.
        t: texts in the reader's language.
    """
    text = source.splitlines() or [""]
    ordered = sorted(report, key=lambda one: (one.line or 0, _RANK[one.severity], one.column or 0))
    findings = tuple(_finding(number, issue, text, t) for number, issue in enumerate(ordered, 1))
    by_line: dict[int, list[Finding]] = defaultdict(list)
    for one in findings:
        by_line[one.line if one.line and one.line <= len(text) else 0].append(one)
    lines = tuple(_lines(text, by_line))
    shapes = Counter(one.shape for one in findings)
    return Verdict(
        findings=findings,
        worst_first=tuple(sorted(findings, key=lambda one: list(SHAPES.values()).index(one.shape))),
        unplaced=tuple(by_line[0]),
        lines=lines,
        left=len(text) - (lines[-1].number if lines else 0),
        errors=shapes["error"],
        warnings=shapes["warning"],
        notes=shapes["note"],
    )


def _finding(number: int, issue: Issue, lines: Sequence[str], t: Translator) -> Finding:
    words = render(issue, t.language)
    level = sentence(f"severity-{issue.severity.value}", t.language)
    line = lines[issue.line - 1] if issue.line and issue.line <= len(lines) else ""
    return Finding(
        anchor=f"finding-{number}",
        shape=SHAPES[issue.severity],
        word=level.text if level else issue.severity.value,
        text=words.text,
        remedy=words.remedy,
        expression=issue.expression,
        code=issue.code,
        source=issue.source,
        line=issue.line,
        column=issue.column,
        excerpt=_clipped(line, issue.column or 1) if len(line) > WIDE else "",
    )


def _lines(text: Sequence[str], by_line: dict[int, list[Finding]]) -> Iterator[Line]:
    shown = 0
    for number in _numbers(len(text), by_line):
        line = text[number - 1]
        yield Line(
            number=number,
            text=line if len(line) <= WIDE else _clipped(line, 1),
            findings=tuple(by_line.get(number, ())),
            skipped=number - shown - 1,
        )
        shown = number


def _numbers(count: int, by_line: dict[int, list[Finding]]) -> Iterable[int]:
    """Which lines are shown."""
    if count <= WHOLE:
        return range(1, count + 1)
    if not any(by_line):
        return range(1, AROUND + 1)
    near = {number + step for number in by_line if number for step in range(-AROUND, AROUND + 1)}
    return sorted(number for number in near if 1 <= number <= count)


def _clipped(line: str, column: int) -> str:
    begin = max(0, column - 1 - WIDE // 3)
    end = begin + WIDE
    return ("… " if begin else "") + line[begin:end] + (" …" if end < len(line) else "")
