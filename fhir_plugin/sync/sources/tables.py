"""Reading a list as a table, whatever wrote it: encoding and separator are found out, faults are named by line."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fhir_plugin.errors import InputError

__all__ = ["DAMAGED", "Row", "Table", "check_header", "open_csv"]

_SEPARATORS = ",;\t|"
_BLOCK = 1 << 20
_MAX_CELL = 100_000
DAMAGED = "\N{REPLACEMENT CHARACTER}"
"""What stands where bytes are no characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as it stands.

    Attributes:
        line: 1-based line where it begins.
        cells: as many as the header has, where there is no fault.
        fault: code of what is wrong with the row as a whole; empty if nothing.
        faults: column index → code of what is wrong with one cell (a formula, a merged cell).
        resource: ``Type/id`` it was made of, on a FHIR server.
    """

    line: int
    cells: tuple[str, ...] = field(repr=False)
    fault: str = ""
    faults: tuple[tuple[int, str], ...] = ()
    resource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A list with a header.

    Attributes:
        file: file name without folder.
        sheet: of a workbook; empty otherwise.
        header: names of the columns.
        form: how it was read, in words: ``CSV, UTF-8, ‘;’``.
        rows: opens the rows anew each time it is called.
        passed_over: other sheets of the workbook that hold a list.
    """

    file: str
    sheet: str = ""
    header: tuple[str, ...]
    form: str
    rows: Callable[[], Iterator[Row]] = field(repr=False)
    passed_over: tuple[str, ...] = ()


def open_csv(path: Path) -> Table:
    """Open a CSV file: UTF-8 (with or without BOM), UTF-16 or Windows-1252; comma, semicolon, tab or bar.

    Raises:
        InputError: it cannot be read, is empty, is not text, or has no usable header.
    """
    encoding = _encoding_of(path)
    separator, skip = _separator_of(path, encoding)
    header_line, header = next(_records(path, encoding, separator, skip), (0, []))
    names = tuple(cell.strip() for cell in header)
    while names and not names[-1]:
        names = names[:-1]
    check_header(path.name, names)

    def rows() -> Iterator[Row]:
        width = len(names)
        for line, cells in _records(path, encoding, separator, skip):
            trimmed = list(map(str.strip, cells))
            if line > header_line and any(trimmed):
                yield _row(line, trimmed, width)

    shown = {"\t": "tab"}.get(separator, separator)
    label = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "cp1252": "Windows-1252"}[encoding]
    return Table(file=path.name, header=names, form=f"CSV, {label}, ‘{shown}’", rows=rows)


def check_header(file: str, names: tuple[str, ...]) -> None:
    """Refuse a header that cannot name columns.

    Raises:
        InputError: nothing in it, or a name twice.
    """
    if not names:
        raise InputError("The file has no header.", where=file, code="sync-no-header", remedy="Put names in row one.")
    double = next((name for name in names if name and names.count(name) > 1), None)
    if double is not None:
        column = names.index(double) + 1
        raise InputError(
            f"Two columns have the same name (the first is column {column}).",
            where=file,
            code="sync-double-header",
            remedy="Give each column its own name.",
        )


def _row(line: int, trimmed: list[str], width: int) -> Row:
    if trimmed == [_BROKEN]:
        return Row(line=line, cells=("",) * width, fault="sync-cut-off")
    if DAMAGED in "".join(trimmed):
        return Row(line=line, cells=tuple(trimmed), fault="sync-damaged")
    while len(trimmed) > width and not trimmed[-1]:
        trimmed.pop()
    fault = "sync-too-many-cells" if len(trimmed) > width else "sync-too-few-cells" if len(trimmed) < width else ""
    return Row(line=line, cells=tuple(trimmed), fault=fault)


_BROKEN = "\0"


def _records(path: Path, encoding: str, separator: str, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Records with the line each begins at; one that never ends (a quote that is not closed) is marked as broken."""
    csv.field_size_limit(_MAX_CELL)
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        for _ in range(skip):
            stream.readline()
        reader = csv.reader(stream, delimiter=separator, strict=True)
        line = skip
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield line + 1, [_BROKEN]
                line = skip + reader.line_num
                continue
            yield line + 1, cells
            line = skip + reader.line_num


def _encoding_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            start = stream.read(4096)
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
            if len(start) > 4 and start[1::2].count(0) > len(start) // 3:
                return "utf-16-le"
            stream.seek(0)
            return _utf8_or_1252(stream, path)
    except OSError as error:
        raise InputError(
            "The file cannot be read.", where=path.name, code="sync-unreadable", remedy=error.strerror or "Check it."
        ) from None


def _utf8_or_1252(stream: BinaryIO, path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    found, size = "utf-8-sig", 0
    while block := stream.read(_BLOCK):
        size += len(block)
        if b"\0" in block:
            raise InputError(
                "This is not a text file.", where=path.name, code="sync-not-text", remedy="Save it as CSV."
            )
        if found == "utf-8-sig":
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                found = "cp1252"
        if found == "cp1252":
            _check_1252(block, path)
    if not size:
        raise InputError("The file is empty.", where=path.name, code="sync-empty", remedy="Export it again.")
    return found


def _check_1252(block: bytes, path: Path) -> None:
    try:
        block.decode("cp1252")
    except UnicodeDecodeError:
        raise InputError(
            "The characters of this file are neither UTF-8 nor Windows-1252.",
            where=path.name,
            code="sync-encoding",
            remedy="Save it as CSV UTF-8.",
        ) from None


def _separator_of(path: Path, encoding: str) -> tuple[str, int]:
    """The separator that gives the header the most columns, and the number of lines before the header."""
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        first = stream.readline(_MAX_CELL)
        if first.lower().startswith("sep=") and len(first.strip()) == 5:
            return first[4], 1
    return max(_SEPARATORS, key=lambda separator: len(next(csv.reader([first], delimiter=separator), []))), 0
