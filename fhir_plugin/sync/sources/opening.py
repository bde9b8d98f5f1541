"""Opening a list, whatever it is: by its ending."""

from __future__ import annotations

from pathlib import Path

from fhir_plugin.errors import InputError
from fhir_plugin.sync.sources.ndjson import open_ndjson
from fhir_plugin.sync.sources.tables import Table, open_csv

__all__ = ["is_fhir_source", "open_table"]

_WORKBOOKS = (".xlsx", ".xlsm")


def is_fhir_source(named: str) -> bool:
    """Whether a source is a FHIR endpoint and no file."""
    return named.startswith(("https://", "http://"))


def open_table(path: Path, sheet: str = "") -> Table:
    """A list as a table.

    Args:
        path: the file.
        sheet: of a workbook; the first visible one with a list when not given.

    Raises:
        InputError: it cannot be read, its ending is not known, or there is no such sheet.
    """
    kind = path.suffix.lower()
    if sheet and kind not in _WORKBOOKS:
        raise InputError(
            "A list like this has no sheets.", where=path.name, code="sync-sheet", remedy="Leave --sheet out."
        )
    if kind in (".csv", ".tsv", ".txt"):
        return open_csv(path)
    if kind in _WORKBOOKS:
        from fhir_plugin.sync.sources.workbooks import open_workbook  # openpyxl takes a quarter of a second to load

        return open_workbook(path, sheet)
    if kind in (".ndjson", ".jsonl"):
        return open_ndjson(path)
    raise InputError(
        f"Lists that end in '{path.suffix}' cannot be read.",
        where=path.name,
        code="sync-kind",
        remedy="Save it as .csv, .xlsx or .ndjson.",
    )
