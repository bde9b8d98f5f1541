"""Reading a sheet of an Excel workbook as a table: dates as dates, formulas by their result, merged cells refused."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from fhir_plugin.errors import InputError
from fhir_plugin.sync.sources.tables import Row, Table, check_header

__all__ = ["open_workbook"]

_LARGEST = 200 * 1024 * 1024


def open_workbook(path: Path, sheet: str = "") -> Table:
    """Open the list in an .xlsx workbook.

    The list is the first visible sheet with a header, a row with two filled cells: a title above it, or a sheet of
    notes before it, is passed over. A formula counts by the result Excel left in the file; one without a result or with
    an error, and every row a merged cell reaches into, is named as a fault.

    Args:
        path: the file.
        sheet: name of the sheet to read instead.

    Raises:
        InputError: it is no workbook, unpacks to more than 200 MB, holds no list or no such sheet, or has no usable
            header.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > _LARGEST:
                raise InputError("The workbook is too large.", where=path.name, remedy="Save the sheet as CSV.")
        values = load_workbook(path, data_only=True)
        formulas = load_workbook(path, data_only=False)
    except (OSError, zipfile.BadZipFile, InvalidFileException, KeyError, ValueError):
        raise InputError(
            "This is no Excel workbook (.xlsx), or it is damaged.",
            where=path.name,
            code="sync-no-workbook",
            remedy="Save it as .xlsx or .csv; a password must be taken off first.",
        ) from None
    tops = {each.title: top for each in values.worksheets if (top := _header_row(each))}
    if not tops:
        raise InputError("The workbook holds no list.", where=path.name, code="sync-empty", remedy="Export it again.")
    if sheet and sheet not in tops:
        raise InputError(
            "The workbook has no sheet of this name with a list in it.",
            where=path.name,
            code="sync-no-sheet",
            remedy=f"Choose from: {', '.join(tops)}.",
        )
    visible = [name for name in tops if values[name].sheet_state == "visible"]
    chosen = sheet or next(iter(visible or tops))
    others = tuple(name for name in tops if name != chosen)
    return replace(_table(path, values[chosen], formulas[chosen], tops[chosen]), passed_over=others)


def _header_row(sheet: Worksheet) -> int | None:
    return next((row for row in range(1, (sheet.max_row or 0) + 1) if _is_header(_texts(sheet, row))), None)


def _table(path: Path, sheet: Worksheet, formulas: Worksheet, top: int) -> Table:
    names = _texts(sheet, top)
    while names and not names[-1]:
        names = names[:-1]
    check_header(path.name, names)
    merged = {
        (row, column)
        for area in sheet.merged_cells.ranges
        for row in range(area.min_row, area.max_row + 1)
        for column in range(area.min_col, area.max_col + 1)
    }

    def rows() -> Iterator[Row]:
        for number in range(top + 1, (sheet.max_row or 0) + 1):
            found = _texts(sheet, number)
            cells = found[: len(names)] + ("",) * (len(names) - len(found))
            faults = tuple(_faults(sheet, formulas, number, len(names), merged))
            fault = "sync-too-many-cells" if any(found[len(names) :]) else ""
            if any(cells) or faults or fault:
                yield Row(line=number, cells=cells, faults=faults, fault=fault)

    return Table(file=path.name, sheet=sheet.title, header=names, form=f"Excel, {sheet.title}", rows=rows)


def _is_header(cells: tuple[str, ...]) -> bool:
    """Whether a row can name the columns of a list, which has two at least; a title above it fills one cell."""
    return sum(map(bool, cells)) > 1


def _faults(
    sheet: Worksheet, formulas: Worksheet, row: int, width: int, merged: set[tuple[int, int]]
) -> Iterator[tuple[int, str]]:
    for column in range(1, width + 1):
        if (row, column) in merged:
            yield column - 1, "sync-merged"
        elif sheet.cell(row, column).data_type == "e":
            yield column - 1, "sync-excel-error"
        elif formulas.cell(row, column).data_type == "f" and sheet.cell(row, column).value is None:
            yield column - 1, "sync-formula"


def _texts(sheet: Worksheet, row: int) -> tuple[str, ...]:
    return tuple(_text(cell.value) for cell in sheet[row])


def _text(value: Any) -> str:
    """A cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "ja" if value else "nee"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
