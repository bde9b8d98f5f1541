"""Reading NDJSON as a table: one flat object a line; the names of all lines together are the header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir_plugin.errors import InputError
from fhir_plugin.sync.sources.tables import DAMAGED, Row, Table, check_header

__all__ = ["open_ndjson"]


def open_ndjson(path: Path) -> Table:
    """Open a file with one JSON object a line (https://github.com/ndjson/ndjson-spec), UTF-8.

    Raises:
        InputError: it cannot be read, or no line of it is an object.
    """
    try:
        names = tuple(dict.fromkeys(name for _, body in _lines(path) if body for name in body))
    except OSError:
        raise InputError(
            "The file cannot be read.", where=path.name, code="sync-unreadable", remedy="Check its rights."
        ) from None
    check_header(path.name, names)

    def rows() -> Iterator[Row]:
        for line, body in _lines(path):
            if body is None:
                yield Row(line=line, cells=("",) * len(names), fault="sync-json")
            elif body:
                yield _row(line, [body.get(name) for name in names])

    return Table(file=path.name, header=names, form="NDJSON", rows=rows)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Each line that is not empty: its number, and its object or None."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                body = json.loads(line)
            except (ValueError, RecursionError):
                body = None
            yield number, body if isinstance(body, dict) else None


def _row(line: int, values: list[Any]) -> Row:
    """Values as cells; one with another inside it is a fault, for written as text it would become a name or a note."""
    faults = tuple((index, "sync-json-value") for index, value in enumerate(values) if _is_nested(value))
    cells = tuple("" if _is_nested(value) else _text(value) for value in values)
    return Row(line=line, cells=cells, faults=faults, fault="sync-damaged" if DAMAGED in "".join(cells) else "")


def _is_nested(value: Any) -> bool:
    inner = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict | list) for item in inner)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ja" if value else "nee"
    if isinstance(value, list):
        return "; ".join(_text(item) for item in value)
    return str(value).strip()
