"""Rows by client, in the order in which clients first appear, some clients at a time: however long the list is.

A list need not be in the order of its clients. Rows wait in SQLite's temporary database, which holds little in memory
and the rest in an unnamed file (https://www.sqlite.org/inmemorydb.html#temp_db); they are sealed with a key that is in
memory alone (a row may hold a BSN).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.tables import Row
from fhir_plugin.sync.sources.wanted import ClientKey, Problem, Wanted

__all__ = ["ClientRows", "Gathering"]

_WINDOW = 1000
_TABLES = """
    PRAGMA journal_mode=OFF;
    CREATE TABLE client (short BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID;
    CREATE TABLE part (number INTEGER, sealed BLOB);
    BEGIN;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRows:
    """The rows of one client, as they stand.

    Attributes:
        parts: line, cells, fault, faults and resource of each (``tables.Row``); no row is made of them before it is
            needed.
    """

    key: ClientKey
    parts: Sequence[Any] = field(repr=False)

    @property
    def cells(self) -> list[Sequence[str]]:
        """What each row says."""
        return [cells for _, cells, _, _, _ in self.parts]

    @property
    def is_whole(self) -> bool:
        """Whether no row has a fault of its own; what cells say is found out when they are read."""
        return not any(fault or faults for _, _, fault, faults, _ in self.parts)

    def rows(self) -> Iterator[Row]:
        """The rows."""
        for line, cells, fault, faults, resource in self.parts:
            marks = tuple((int(index), str(code)) for index, code in faults)
            yield Row(line=line, cells=tuple(cells), fault=fault, faults=marks, resource=resource)


class Gathering:
    """The rows of one reader by client.

    Attributes:
        problems: of rows that name no client.
        clients: how many there are.
    """

    def __init__(self, reader: RowReader, *, window: int = _WINDOW) -> None:
        self._reader = reader
        self._window = window
        self._vault = Vault(os.urandom(32))
        self._salt = os.urandom(16)
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)
        self._in_order = True
        self.problems: list[Problem] = []
        self.clients = 0
        self._gather()

    def windows(self) -> Iterator[list[ClientRows]]:
        """Some clients at a time, each with all of its rows."""
        order = "rowid" if self._in_order else "number, rowid"
        window: list[ClientRows] = []
        with closing(self._db.execute(f"SELECT number, sealed FROM part ORDER BY {order}")) as found:  # noqa: S608  of two fixed words
            for _, parts in groupby(found, key=lambda part: part[0]):
                (system, value, rows), *others = (self._vault.open(sealed) for _, sealed in parts)
                for other in others:
                    rows += other[2]
                window.append(ClientRows(key=ClientKey(system=system, value=value), parts=rows))
                if len(window) == self._window:
                    yield window
                    window = []
        if window:
            yield window

    def read(self, client: ClientRows) -> Iterator[Wanted | Problem]:
        """The rows of a client as figures, or as what is wrong with them."""
        for row in client.rows():
            yield from self._reader.read_row(row)

    def close(self) -> None:
        """Let the temporary file go."""
        self._db.close()

    def _gather(self) -> None:
        last = -1
        for key, rows in groupby(self._reader.rows(), self._reader.client_of):
            if key is None:
                read = (each for row in rows for each in self._reader.read_row(row))
                self.problems += [each for each in read if isinstance(each, Problem)]
                continue
            number = self._number(key)
            self._in_order = self._in_order and number > last
            last = number
            parts = [(row.line, row.cells, row.fault, row.faults, row.resource) for row in rows]
            sealed = self._vault.seal((key.system, key.value, parts))
            self._db.execute("INSERT INTO part VALUES (?, ?)", (number, sealed))
        self._db.execute("COMMIT")

    def _number(self, key: ClientKey) -> int:
        """The how-manieth client this is."""
        short = hashlib.blake2b(f"{key.system}|{key.value}".encode(), digest_size=12, key=self._salt).digest()
        held = self._db.execute("SELECT number FROM client WHERE short = ?", (short,)).fetchone()
        if held is not None:
            return int(held[0])
        self._db.execute("INSERT INTO client VALUES (?, ?)", (short, self.clients))
        self.clients += 1
        return self.clients - 1
