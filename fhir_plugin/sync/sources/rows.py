"""Rows to figures: each cell read by what its column means, each fault named by line and column, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from fhir_plugin.model.bsn import holds_bsn, may_hold_bsn, said_to_hold_bsn
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.identity import Identifier
from fhir_plugin.model.terms import BIOLOGICAL_PARENT_CODES, PROFESSIONAL_ROLE_CODES, V3_ROLE_CODE
from fhir_plugin.sync.sources.building import Cells, claim_of, figure_of, role_of
from fhir_plugin.sync.sources.columns import ColumnMap
from fhir_plugin.sync.sources.naming import ClientNames, bsn_in, is_uuid, without_guard
from fhir_plugin.sync.sources.tables import Row, Table
from fhir_plugin.sync.sources.values import BadCell, Words, read_date, read_email, read_phone
from fhir_plugin.sync.sources.vocabulary import ALSO, YES_NO, own_codes
from fhir_plugin.sync.sources.wanted import Place, Problem, Wanted

__all__ = ["RowReader", "cell_kind"]

_ELEMENTS: dict[str, tuple[str, ...]] = {
    "name": (
        "text", "given", "initials", "call_name", "own_prefix", "own_name", "partner_prefix", "partner_name",
    ),
    "telecoms": ("phone", "mobile", "email"),
    "addresses": ("street", "house_number", "addition", "postcode", "city"),
    "designations": ("designated_by", "designated_on"),
    "agreement": ("agreed", "agreed_on", "informed_on"),
    "bond_of_trust": ("bond_of_trust", "bond_of_trust_on"),
    "vog_seen": ("vog_seen", "vog_seen_on"),
    "bond": ("bond_since", "bond_until"),
    "relations": ("relation",),
    "roles": ("role", "relation"),
    "kinds": ("kind",),
    "notes": ("note",),
    "engagement": ("functions", "involvement", "contexts", "engaged_since", "engaged_until"),
    **{name: (name,) for name in ("own_label", "gender", "birth_date", "mandate", "supports", "life_domains", "adult",
        "parent_accord", "programme")},
}  # fmt: skip
"""Element of the figure → the fields it is made of."""

_PHONES = ("phone", "mobile")
_DATES = frozenset(
    {"birth_date", "designated_on", "informed_on", "bond_since", "bond_until", "engaged_since", "engaged_until"}
    | {"bond_of_trust_on", "agreed_on", "vog_seen_on", "consent_since", "consent_until"}
)
_ONE = frozenset({"gender", "mandate", "adult", "parent_accord", "consent"})
_MANY = frozenset(
    {"kind", "functions", "involvement", "contexts", "supports", "life_domains", "relation", "role"}
    | {"designated_by", "consent_by", "consent_for"}
)


_WRITTEN_AS = {part: table for table, part in ALSO.items()}
"""Field → the one in whose column it may stand."""


class RowReader:
    """Reads the rows of one table by one mapping."""

    def __init__(self, table: Table, columns: ColumnMap) -> None:
        self._table = table
        self._columns = columns
        used = set(columns.fields.values())
        elements = {name for name, fields in _ELEMENTS.items() if used & set(fields)}
        self._provided = frozenset(elements)
        self._position = {name: index for index, name in enumerate(table.header)}
        self._names = ClientNames(table.header, columns)

    def read(self) -> Iterator[Wanted | Problem]:
        """Every row, as a figure or as what is wrong with it; several cells may be wrong in one row."""
        for row in self._table.rows():
            yield from self.read_row(row)

    def read_row(self, row: Row) -> Iterator[Wanted | Problem]:
        """One row, as a figure or as everything that is wrong with it."""
        place = Place(file=self._table.file, sheet=self._table.sheet, line=row.line, resource=row.resource)
        if row.fault:
            yield Problem(place=place, code=row.fault, cells=row.cells)
            return
        cells, problems = self._cells(row, place)
        if not problems:
            problems = [Problem(place=place, column=column, code=code) for column, code in _whole_row(cells)]
            problems = [self._named(problem) for problem in problems]
        if problems:
            yield from (_with_cells(problem, row) for problem in problems)
        else:
            yield replace(self._wanted(cells, place), cells=row.cells)

    def _cells(self, row: Row, place: Place) -> tuple[Cells, list[Problem]]:
        values: Cells = {}
        problems: list[Problem] = []
        faults = dict(row.faults)
        for header, name in self._columns.fields.items():
            index = self._position[header]
            text = without_guard(row.cells[index])
            if index in faults:
                problems.append(Problem(place=place, column=header, code=faults[index]))
                continue
            try:
                if text:
                    _add(values, name, self._value(name, text, header))
            except BadCell as bad:
                problems.append(Problem(place=place, column=header, code=bad.code, params=bad.params))
        return values, problems

    def _value(self, name: str, text: str, header: str) -> Any:
        if name == "client_bsn":
            return _client_bsn(text)
        if name in ("client_id", "client_identifier") or (name == "key" and is_uuid(text)):
            return text
        if name == "note":
            if may_hold_bsn(text) or said_to_hold_bsn(text, header):
                raise BadCell("sync-bsn-in-note")
        elif holds_bsn(text) or said_to_hold_bsn(text, header):
            raise BadCell("sync-bsn-as-phone" if name in _PHONES else "sync-bsn-in-figure")
        if name in _DATES:
            return read_date(text)
        if name in _PHONES:
            return read_phone(text)
        if name == "email":
            return read_email(text)
        return self._coded(name, text)

    def _coded(self, name: str, text: str) -> Any:
        own = self._columns.words.get(name, {})
        if name in YES_NO:
            return Words("yes_no", {**self._columns.words.get("yes_no", {}), **own}).one(text) == "yes"
        if name in _ONE:
            return Words(name, own).one(text)
        if name in _MANY:
            return Words(name, own).many(text)
        return text

    def _wanted(self, cells: Cells, place: Place) -> Wanted:
        columns = self._columns
        key = cells.get("key", "")
        identifiers = (Identifier(system=columns.key_system, value=key),) if key and columns.key_system else ()
        provided = self._provided | ({"identifiers"} if columns.key_system else set())
        return Wanted(
            place=place,
            client=self._names.key(cells[self._names.field]),
            key=key,
            figure=figure_of(cells, identifiers),
            provided=frozenset(provided),
            consent=claim_of(cells),
        )

    def _named(self, problem: Problem) -> Problem:
        """A problem with a field, with the header that field has here."""
        headers = self._columns.of(problem.column) or self._columns.of(_WRITTEN_AS.get(problem.column, ""))
        return Problem(place=problem.place, column=headers[0] if headers else "", code=problem.code)


def cell_kind(name: str) -> str:
    """What a cell of a field holds: text, date, phone, email, bsn, or the name of a table of words."""
    if name in YES_NO:
        return "yes_no"
    if name in _ONE | _MANY:
        return name
    kinds = {"client_bsn": "bsn", "email": "email", **dict.fromkeys(_DATES, "date"), **dict.fromkeys(_PHONES, "phone")}
    return kinds.get(name, "text")


def _add(values: Cells, name: str, value: Any) -> None:
    if name in ("phone", "mobile", "email"):
        values[name] = (*values.get(name, ()), value)
    elif name == "note" and name in values:
        values[name] = f"{values[name]}\n{value}"
    elif name in ("relation", "role"):
        roles = tuple(code for code in value if code in own_codes("role"))
        values["role"] = tuple(dict.fromkeys((*values.get("role", ()), *roles)))
        values["relation"] = (*values.get("relation", ()), *(code for code in value if code not in roles))
    else:
        values[name] = value


def _client_bsn(text: str) -> str:
    digits = bsn_in(text)
    if not digits:
        raise BadCell("sync-bsn-invalid")
    return digits


def _whole_row(cells: Cells) -> Iterator[tuple[str, str]]:
    """What is wrong between the cells of a row: field and code."""
    client = next((name for name in ("client_bsn", "client_id", "client_identifier") if cells.get(name)), None)
    if client is None:
        yield "", "sync-no-client"
    if not any(cells.get(name) for name in ("text", "given", "own_name", "call_name", "own_label")):
        yield "", "sync-no-figure"
    if any((V3_ROLE_CODE, code) in BIOLOGICAL_PARENT_CODES for code in cells.get("relation", ())):
        yield "relation", "sync-parent"
    if any(role_of(code).key in PROFESSIONAL_ROLE_CODES for code in cells.get("role", ())):
        yield "role", "sync-professional"
    for start, end in (
        ("bond_since", "bond_until"),
        ("engaged_since", "engaged_until"),
        ("consent_since", "consent_until"),
    ):
        if _reversed(cells.get(start), cells.get(end)):
            yield end, "sync-period"
    if cells.get("consent") == "given":
        yield from _consent_faults(cells)


def _consent_faults(cells: Cells) -> Iterator[tuple[str, str]]:
    if not cells.get("consent_by"):
        yield "consent", "sync-consent-by"
    for name in ("consent_since", "consent_until"):
        value = cells.get(name)
        if value is None or not value.is_full:
            yield name if value else "consent", f"sync-{name.replace('_', '-')}"


def _reversed(start: PartialDate | None, end: PartialDate | None) -> bool:
    return bool(start and end and end.last_day() < start.first_day())


def _with_cells(problem: Problem, row: Row) -> Problem:
    return Problem(
        place=problem.place, column=problem.column, code=problem.code, params=problem.params, cells=row.cells
    )
