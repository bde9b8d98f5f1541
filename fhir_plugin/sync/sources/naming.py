"""Whom a row is about, read from the columns that name the client and from nothing more."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fhir_plugin.model.bsn import is_bsn
from fhir_plugin.sync.sources.columns import BSN_SYSTEM, ColumnMap
from fhir_plugin.sync.sources.tables import Row

__all__ = ["ClientKey", "ClientNames", "bsn_in", "is_uuid", "without_guard"]

_UUID = re.compile(r"(?:urn:uuid:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """How a source names a client.

    Attributes:
        system: identifier system; empty when ``value`` is the EHR's own Patient id.
        value: held in memory only, never written anywhere in clear.
    """

    system: str
    value: str = field(repr=False)


class ClientNames:
    """Names the clients of one table by one mapping."""

    def __init__(self, header: tuple[str, ...], columns: ColumnMap) -> None:
        self.field = columns.client_field
        systems = {"client_bsn": BSN_SYSTEM, "client_identifier": columns.client_system}
        self._system = systems.get(self.field, "")
        self._at = [header.index(name) for name in columns.of(self.field)]
        self._last: tuple[str, ClientKey | None] = ("", None)

    def of(self, row: Row) -> ClientKey | None:
        """The client of a row; None where it cannot be told."""
        if row.fault or (row.faults and any(index in self._at for index, _ in row.faults)):
            return None
        said = ""
        for index in self._at:
            said = row.cells[index] or said
        if said != self._last[0]:  # the rows of a client mostly follow each other
            self._last = (said, self._read(said))
        return self._last[1]

    def key(self, value: str) -> ClientKey:
        """The client that a value of the field names."""
        return ClientKey(system=self._system, value=value.removeprefix("Patient/"))

    def _read(self, said: str) -> ClientKey | None:
        text = without_guard(said)
        value = bsn_in(text) if self.field == "client_bsn" else text
        return self.key(value) if value else None


def without_guard(text: str) -> str:
    """A cell without the apostrophe that a problem report puts before what a spreadsheet takes for a formula."""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def bsn_in(text: str) -> str:
    """The nine digits of a BSN, however it is written; empty where it is none."""
    digits = re.sub(r"[\s.\-/_]", "", text).zfill(9)
    return digits if is_bsn(digits) else ""


def is_uuid(text: str) -> bool:
    """Whether this is the key of a program: of a hundred of them one holds nine digits that would pass for a BSN."""
    return _UUID.fullmatch(text) is not None
