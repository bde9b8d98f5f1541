"""Excel and NDJSON: the same rows, with what only those can have wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook
from sync_desk import CLIENT_SYSTEM, HEADER, row

from fhir_plugin.errors import InputError
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.sync.sources.columns import propose_columns
from fhir_plugin.sync.sources.opening import open_table
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.wanted import Problem, Wanted


def read(path: Path) -> list[Wanted | Problem]:
    table = open_table(path)
    return list(RowReader(table, replace(propose_columns(table.header, "jim"), client_system=CLIENT_SYSTEM)).read())


def workbook(*rows: dict[str, object]) -> Workbook:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Steunfiguren"
    sheet.append(HEADER)
    for cells in rows:
        sheet.append([cells.get(name) for name in HEADER])
    return book


def test_a_sheet_is_read_with_dates_and_numbers_as_excel_keeps_them(tmp_path: Path) -> None:
    book = workbook({**row(), "Cliëntnummer": 1001.0, "Geboortedatum": date(1980, 2, 1), "Vertrouwensband": True})
    book.save(tmp_path / "lijst.xlsx")
    (found,) = read(tmp_path / "lijst.xlsx")
    assert isinstance(found, Wanted)
    assert str(found.place) == "lijst.xlsx[Steunfiguren]:2"
    assert found.client.value == "1001"
    assert found.figure.birth_date == PartialDate(1980, 2, 1)
    assert found.figure.bond_of_trust is not None


def test_a_title_above_the_list_and_a_sheet_of_notes_before_it_are_passed_over(tmp_path: Path) -> None:
    book = workbook(row())
    book.worksheets[0].insert_rows(1, 2)
    book.worksheets[0]["A1"] = "Steunfiguren, november"
    book.create_sheet("Toelichting", 0)["A1"] = "Zie het tweede blad."
    book.save(tmp_path / "lijst.xlsx")
    (found,) = read(tmp_path / "lijst.xlsx")
    assert isinstance(found, Wanted)
    assert str(found.place) == "lijst.xlsx[Steunfiguren]:4"


def test_a_formula_without_a_result_and_a_merged_cell_are_named(tmp_path: Path) -> None:
    book = workbook({**row(), "Achternaam": '=CONCAT("A","B")'}, row(), row(key="F2"), row(key="F3"))
    sheet = book.worksheets[0]
    sheet.merge_cells("C3:C4")
    book.save(tmp_path / "lijst.xlsx")
    found = read(tmp_path / "lijst.xlsx")
    problems = [(item.place.line, item.column, item.code) for item in found if isinstance(item, Problem)]
    assert problems == [
        (2, "Achternaam", "sync-formula"),
        (3, "Voornaam", "sync-merged"),
        (4, "Voornaam", "sync-merged"),
    ]
    assert [item.place.line for item in found if isinstance(item, Wanted)] == [5]


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_what_is_no_workbook_is_refused_with_a_remedy(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "lijst.xlsx"
    path.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        open_table(path)
    assert caught.value.remedy


def test_an_empty_workbook_is_refused(tmp_path: Path) -> None:
    Workbook().save(tmp_path / "lijst.xlsx")
    with pytest.raises(InputError):
        open_table(tmp_path / "lijst.xlsx")


def test_ndjson_is_read_by_line_and_a_broken_line_is_named(tmp_path: Path) -> None:
    good = json.dumps({**row(), "Functie": ["praktisch", "gezelschap"], "Vertrouwensband": True})
    path = tmp_path / "lijst.ndjson"
    path.write_text(f"{good}\n\n{good[:40]}\n[1]\n", encoding="utf-8")
    found = read(path)
    assert isinstance(found[0], Wanted)
    assert [(item.place.line, item.code) for item in found if isinstance(item, Problem)] == [
        (3, "sync-json"),
        (4, "sync-json"),
    ]


def test_a_kind_of_file_nobody_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        open_table(tmp_path / "lijst.pdf")


def test_an_error_excel_left_in_a_cell_is_named_and_never_written_as_a_value(tmp_path: Path) -> None:
    book = workbook({**row(), "Achternaam": "#N/A"})
    book.save(tmp_path / "lijst.xlsx")
    (found,) = read(tmp_path / "lijst.xlsx")
    assert isinstance(found, Problem)
    assert (found.code, found.column) == ("sync-excel-error", "Achternaam")


def test_a_cell_to_the_right_of_the_header_is_named_and_not_dropped(tmp_path: Path) -> None:
    book = workbook(row())
    book.worksheets[0].cell(2, len(HEADER) + 2, "belt liever niet")
    book.save(tmp_path / "lijst.xlsx")
    (found,) = read(tmp_path / "lijst.xlsx")
    assert isinstance(found, Problem)
    assert found.code == "sync-too-many-cells"


def test_sheets_that_hold_a_list_and_are_not_read_are_named_and_can_be_read_by_name(tmp_path: Path) -> None:
    book = workbook(row())
    hidden = book.create_sheet("Oud", 0)
    hidden.append(["Cliëntnummer", "Naam"])
    hidden.append(["1002", "Piet"])
    hidden.sheet_state = "hidden"
    book.create_sheet("Toelichting")["A1"] = "Zie het eerste blad."
    book.save(tmp_path / "lijst.xlsx")
    table = open_table(tmp_path / "lijst.xlsx")
    assert (table.sheet, table.passed_over) == ("Steunfiguren", ("Oud",))
    other = open_table(tmp_path / "lijst.xlsx", sheet="Oud")
    assert (other.sheet, other.passed_over) == ("Oud", ("Steunfiguren",))
    with pytest.raises(InputError) as caught:
        open_table(tmp_path / "lijst.xlsx", sheet="2027")
    assert caught.value.code == "sync-no-sheet"
    assert "Steunfiguren" in caught.value.remedy


def test_a_sheet_is_asked_of_a_workbook_alone(tmp_path: Path) -> None:
    (tmp_path / "lijst.csv").write_text("Cliëntnummer;Naam\n1001;Jan\n", encoding="utf-8")
    with pytest.raises(InputError, match="no sheets"):
        open_table(tmp_path / "lijst.csv", sheet="Blad1")


@pytest.mark.parametrize("value", [{"family": "Jansen"}, [["Jan"]], [{"use": "official"}]])
def test_a_value_inside_a_value_of_ndjson_is_named_and_never_written_as_text(tmp_path: Path, value: object) -> None:
    path = tmp_path / "lijst.ndjson"
    path.write_text(json.dumps({"Cliëntnummer": "1001", "Naam": value}), encoding="utf-8")
    (found,) = read(path)
    assert isinstance(found, Problem)
    assert (found.code, found.column) == ("sync-json-value", "Naam")


def test_bytes_of_ndjson_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "lijst.ndjson"
    path.write_bytes('{"Cliëntnummer": "1001", "Naam": "'.encode() + b'Zo\xeb"}\n')
    (found,) = read(path)
    assert isinstance(found, Problem)
    assert found.code == "sync-damaged"
