"""The report of rows that could not be used: the rows as they stood, with why; it can be mended and fed back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from fhir_plugin.errors import InputError
from fhir_plugin.model.bsn import holds_bsn, said_to_hold_bsn
from fhir_plugin.sync.sources.columns import REPORT_PREFIX
from fhir_plugin.sync.sources.naming import is_uuid
from fhir_plugin.sync.sources.tables import Table
from fhir_plugin.sync.sources.vocabulary import words_of
from fhir_plugin.sync.sources.wanted import Place, Problem
from fhir_plugin.sync.whole_file import kept_beside, whole_file
from fhir_plugin.texts import Language, sentence

__all__ = ["describe", "is_mended", "problem_lines", "source_of", "write_problems"]

_SOURCE = "_bron"
_EXTRA = (_SOURCE, "_bestand", "_regel", "_kolom", "_reden")
_PROPOSED = 12
_PLACES = 8
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def describe(problem: Problem, language: Language) -> str:
    """What is wrong and what would mend it, in words."""
    known = (("known", _some(words_of(table, language))) for name, table in problem.params if name == "table")
    found = sentence(problem.code, language, (*problem.params, *known))
    return f"{found.text} {found.remedy}".strip() if found else problem.code


def _some(proposed: tuple[str, ...]) -> str:
    more = ("…",) if len(proposed) > _PROPOSED else ()
    return ", ".join((*proposed[:_PROPOSED], *more))


def problem_lines(problems: Sequence[Problem], language: Language) -> Iterator[str]:
    """What is wrong in a list, each fault once: where it stands first, why, and where else."""
    alike: dict[tuple[str, str], list[Place]] = {}
    for problem in problems:
        alike.setdefault((problem.column, describe(problem, language)), []).append(problem.place)
    for (column, told), places in alike.items():
        yield f"  ✗ {places[0]}{f', {column}' if column else ''}: {told}"
        others = [place.resource or str(place.line) for place in places[1:]]
        if others:
            more = len(others) - _PLACES
            code = "sync-problem-also-more" if more > 0 else "sync-problem-also"
            also = sentence(code, language, (("places", ", ".join(others[:_PLACES])), ("count", str(more))))
            yield f"      {also.text if also else code}"


def write_problems(
    path: Path,
    header: tuple[str, ...],
    clients: tuple[str, ...],
    problems: Iterable[Problem],
    language: Language,
    *,
    source: str,
) -> tuple[int, Path | None]:
    """Write the report as CSV (UTF-8 with BOM, semicolons, as Excel opens it); readable by the owner alone.

    A report that was there is kept beside it: somebody may have mended its rows, or be feeding it back.

    A row with several faults stands in it once. Cells that a spreadsheet would take for a formula get an apostrophe.

    Args:
        path: where to write it.
        header: of the list.
        clients: columns that name the client; anywhere else a number that may be a BSN is left out.
        problems: what is wrong, by row.
        language: of the reasons.
        source: name of the source, so that the mended rows stay rows of that source.

    Returns:
        The number of rows in it, and where the report that was there is kept.
    """
    named = [name for name in header if not name.startswith(REPORT_PREFIX)]
    positions = [(header.index(name), name) for name in named]
    count = 0
    report = io.StringIO(newline="")
    writer = csv.writer(report, delimiter=";")
    writer.writerow([*named, *_EXTRA])
    for place, group in groupby(problems, key=lambda problem: problem.place):
        listed = list(group)
        cells = listed[0].cells
        columns = ", ".join(dict.fromkeys(problem.column for problem in listed if problem.column))
        reasons = " ".join(dict.fromkeys(describe(problem, language) for problem in listed))
        row = [_shown(cells[index], name, name in clients) if index < len(cells) else "" for index, name in positions]
        file = f"{place.file}[{place.sheet}]" if place.sheet else place.file
        writer.writerow([*row, source, file, place.resource or place.line, columns, reasons])
        count += 1
    content = report.getvalue().encode("utf-8-sig")
    kept = kept_beside(path) if path.exists() and path.read_bytes() != content else None
    if kept:
        path.rename(kept)
    with whole_file(path) as stream:
        stream.write(content)
    return count, kept


def is_mended(table: Table) -> bool:
    """Whether a table is a report of refused rows that is fed back: a part of its source, not all of it."""
    return _SOURCE in table.header


def source_of(table: Table) -> str:
    """Name of a source that was given none: of a mended report the source it was made of, else what it is called.

    Raises:
        InputError: a report put together from those of several sources.
    """
    if _SOURCE in table.header:
        index = table.header.index(_SOURCE)
        named = {row.cells[index] for row in table.rows() if index < len(row.cells) and row.cells[index]}
        if len(named) > 1:
            raise InputError(
                "These rows come from reports of several sources.",
                code="sync-sources-mixed",
                where=table.file,
                remedy="Offer each report by itself, or name the source with --source.",
            )
        if named:
            return named.pop()
    return table.file if table.form.startswith("FHIR") else Path(table.file).stem


def _shown(cell: str, header: str, names_client: bool) -> str:
    if not (names_client or is_uuid(cell)) and (holds_bsn(cell) or said_to_hold_bsn(cell, header)):
        return ""
    return f"'{cell}" if cell.startswith(_FORMULA) and not cell[1:2].isdigit() else cell
