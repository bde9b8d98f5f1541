"""Opening a list, whatever it is: by its ending."""

from __future__ import annotations

from pathlib import Path

from fhir_plugin.errors import InputError
from fhir_plugin.sync.sources.ndjson import open_ndjson
from fhir_plugin.sync.sources.tables import Table, open_csv

__all__ = ["open_table"]


def open_table(path: Path) -> Table:
    """A list as a table.

    Raises:
        InputError: it cannot be read, or its ending is not known.
    """
    kind = path.suffix.lower()
    if kind in (".csv", ".tsv", ".txt"):
        return open_csv(path)
    if kind in (".xlsx", ".xlsm"):
        from fhir_plugin.sync.sources.workbooks import open_workbook  # openpyxl takes a quarter of a second to load

        return open_workbook(path)
    if kind in (".ndjson", ".jsonl"):
        return open_ndjson(path)
    raise InputError(
        f"Lists that end in '{path.suffix}' cannot be read.",
        where=path.name,
        code="sync-kind",
        remedy="Save it as .csv, .xlsx or .ndjson.",
    )
