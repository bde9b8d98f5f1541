"""For people: grouped by file, with the rule's own sentence and what would mend it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.texts import Language, render, sentence
from fhir_plugin.validation.outputs.results import Result, Summary

__all__ = ["create"]

_SEVERITY_CODES = {one: f"severity-{one.value}" for one in Severity}
_MARKS = {Severity.FATAL: "✗", Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFORMATION: "·"}
_RANK = {severity: place for place, severity in enumerate(_MARKS)}
_TOP = 10
_ONCE = frozenset({"dom-6", "profile-unknown", "extension-unknown", "code-system-unknown"})
"""Below an error these say what is not at hand here, or what holds of every resource: once is enough for a reader."""


def create(write: Callable[[str], object], language: Language) -> _Text:
    """The text output."""
    return _Text(write, language)


def _once(issue: Issue) -> str:
    """By what an issue that is shown once in a run is known; empty where it is always shown."""
    if issue.code not in _ONCE or _RANK[issue.severity] <= _RANK[Severity.ERROR]:
        return ""
    return "|".join([issue.code, *(value for _, value in issue.params)])


class _Text:
    def __init__(self, write: Callable[[str], object], language: Language) -> None:
        self._write = write
        self._language: Language = language
        self._told: set[str] = set()
        self._repeats = 0
        self._wide = max(len(self._say(code)) for code in _SEVERITY_CODES.values())

    def part(self, result: Result) -> str:
        """The label and, for each issue, its text and by what it is known where it is shown once in a run; as JSON."""
        if not result.report.issues:
            return ""
        issues = sorted(result.report, key=lambda one: self._order(result, one))
        blocks = [(_once(issue), "".join(f"{line}\n" for line in self._issue(result, issue))) for issue in issues]
        return json.dumps([result.label, blocks])

    def add(self, parts: Sequence[str]) -> None:
        for part in filter(None, parts):
            label, blocks = json.loads(part)
            news = [text for known_by, text in blocks if self._is_news(known_by)]
            if news:
                self._write("".join([f"{label}\n", *news, "\n"]))

    def _is_news(self, known_by: str) -> bool:
        """Whether it must be shown; repeats are counted."""
        known = known_by in self._told
        self._repeats += known
        if known_by:
            self._told.add(known_by)
        return not known

    @staticmethod
    def _order(result: Result, issue: Issue) -> tuple[int, int, int]:
        """Down the file; of what is at one place the worst first."""
        line, column = result.place(issue)
        return line or 0, column or 0, _RANK[issue.severity]

    def _issue(self, result: Result, issue: Issue) -> Iterator[str]:
        line, column = result.place(issue)
        place = f"{line or '-'}:{column or '-'}"
        words = render(issue, self._language)
        level = self._say(_SEVERITY_CODES[issue.severity])
        yield f"  {place:<9}{_MARKS[issue.severity]} {level:<{self._wide}}  {issue.expression}"
        yield f"             {words.text}  [{issue.code}]"
        if words.remedy:
            yield f"             → {words.remedy}"
        if issue.source:
            yield f"             {self._say('asked-by', (('profile', issue.source),))}"

    def finish(self, summary: Summary) -> None:
        counts = (
            ("inputs", str(summary.inputs)),
            ("failed", str(summary.failed)),
            ("errors", str(summary.errors)),
            ("warnings", str(summary.severities[Severity.WARNING])),
            ("notes", str(summary.severities[Severity.INFORMATION])),
        )
        self._write(self._say("summary", counts) + "\n")
        if self._repeats:
            self._write(self._say("summary-repeats", (("count", str(self._repeats)),)) + "\n")
        if summary.inputs > 1 and summary.codes:
            self._write(self._say("summary-frequent") + "\n")
            for code, count in summary.codes.most_common(_TOP):
                text = render(summary.examples[code], self._language).text
                said = self._say("summary-example", (("text", text),)) if code in summary.varied else text
                self._write(f"  {count:>6} × {code}: {said}\n")

    def _say(self, code: str, params: tuple[tuple[str, str], ...] = ()) -> str:
        found = sentence(code, self._language, params)
        return found.text if found else code
