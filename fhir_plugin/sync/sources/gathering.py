"""Rows by client, in the order in which clients first appear, some clients at a time: however long the list is.

A list need not be in the order of its clients. Rows wait in SQLite's temporary database, which holds little in memory
and the rest in an unnamed file (https://www.sqlite.org/inmemorydb.html#temp_db); they are sealed with a key that is in
memory alone (a row may hold a BSN). The rows of a client who can be passed over are not kept at all.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.sources.naming import ClientKey, ClientNames
from fhir_plugin.sync.sources.tables import Row, Table

__all__ = ["ClientRows", "Gathering", "Left", "everybody"]

_WINDOW = 1000
_TABLES = """
    PRAGMA journal_mode=OFF;
    CREATE TABLE client (short BLOB PRIMARY KEY, number INTEGER, passed INTEGER) WITHOUT ROWID;
    CREATE TABLE part (number INTEGER, sealed BLOB);
    BEGIN;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRows:
    """The rows of one client, as they stand; nothing is read from them before it is needed."""

    key: ClientKey
    rows: Sequence[Row] = field(repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether no row has a fault of its own; what cells say is found out when they are read."""
        return not any(row.fault or row.faults for row in self.rows)


Left = Callable[[Sequence[ClientRows]], Collection[ClientKey]]
"""Of some clients, those that have to be looked at; the others are passed over."""


def everybody(clients: Sequence[ClientRows]) -> Collection[ClientKey]:
    """Nobody is passed over."""
    return [client.key for client in clients]


class Gathering:
    """The rows of one table by client.

    Attributes:
        strays: rows that name no client.
        clients: how many there are, those included that are passed over.
        passed: clients that are passed over, and rows of theirs; final when ``windows`` came to its end.
    """

    def __init__(self, table: Table, names: ClientNames, *, left: Left = everybody, window: int = _WINDOW) -> None:
        self._table = table
        self._names = names
        self._left = left
        self._window = window
        self._vault = Vault(os.urandom(32))
        self._salt = os.urandom(16)
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)
        self._in_order = True
        self.strays: list[Row] = []
        self.clients = 0
        self.passed = (0, 0)
        self._gather()

    @property
    def is_empty(self) -> bool:
        """Whether everybody is passed over."""
        return not self.strays and self._db.execute("SELECT 1 FROM part").fetchone() is None

    def windows(self) -> Iterator[list[ClientRows]]:
        """Some clients at a time, each with all of its rows."""
        for some in in_chunks(self._kept(), self._window):
            apart = [client for client, parts in some if parts > 1]
            known = {client.key for client in apart}.difference(self._left(apart)) if apart else ()
            for client in apart:
                self._count(len(client.rows) if client.key in known else 0)
            if left := [client for client, _ in some if client.key not in known]:
                yield left

    def close(self) -> None:
        """Let the temporary file go."""
        self._db.close()

    def _kept(self) -> Iterator[tuple[ClientRows, int]]:
        """The clients whose rows were kept, each with the number of places in the list where they stood."""
        order = "rowid" if self._in_order else "number, rowid"
        with closing(self._db.execute(f"SELECT number, sealed FROM part ORDER BY {order}")) as found:  # noqa: S608  of two fixed words
            for _, parts in groupby(found, key=lambda part: part[0]):
                opened = [self._vault.open(sealed) for _, sealed in parts]
                system, value, _ = opened[0]
                rows = [_row(row) for _, _, some in opened for row in some]
                yield ClientRows(key=ClientKey(system=system, value=value), rows=rows), len(opened)

    def _gather(self) -> None:
        again: set[bytes] = set()
        for some in in_chunks(self._groups(), self._window):
            by_client: dict[ClientKey, list[Row]] = {}
            for key, rows in some:
                if key is None:
                    self.strays += rows
                else:
                    by_client.setdefault(key, []).extend(rows)
            again |= self._take({self._short(key): ClientRows(key=key, rows=rows) for key, rows in by_client.items()})
        if again:
            self._take_again(again)
        self._db.execute("COMMIT")

    def _groups(self) -> Iterator[tuple[ClientKey | None, list[Row]]]:
        return ((key, list(rows)) for key, rows in groupby(self._table.rows(), self._names.of))

    def _take(self, clients: Mapping[bytes, ClientRows]) -> set[bytes]:
        """Keep the rows of some clients, but for those who can be passed over.

        Returns:
            Who was passed over for the rows that stood first, and has more.
        """
        before = self._held(clients)
        fresh = {short: client for short, client in clients.items() if short not in before}
        left = set(self._left(list(fresh.values()))) if fresh else set()
        held = dict(before)
        for short, client in fresh.items():
            held[short] = (self.clients, 0 if client.key in left else len(client.rows))
            self.clients += 1
            self._count(held[short][1])
        self._db.executemany("INSERT INTO client VALUES (?, ?, ?)", ((short, *held[short]) for short in fresh))
        self._in_order = self._in_order and not before
        self._keep((held[short][0], client) for short, client in clients.items() if not held[short][1])
        return {short for short, (_, passed) in before.items() if passed}

    def _held(self, shorts: Collection[bytes]) -> dict[bytes, tuple[int, int]]:
        """Of clients that were met before: the how-manieth, and how many rows were passed over."""
        marks = ",".join("?" * len(shorts))
        query = f"SELECT short, number, passed FROM client WHERE short IN ({marks})"  # noqa: S608  of question marks
        return {short: (number, passed) for short, number, passed in self._db.execute(query, list(shorts))}

    def _take_again(self, shorts: set[bytes]) -> None:
        """Keep all the rows of clients who were passed over too soon: they have more rows than they had."""
        held = {short: found for each in in_chunks(shorts, self._window) for short, found in self._held(each).items()}
        for _, passed in held.values():
            self.passed = (self.passed[0] - 1, self.passed[1] - passed)
        for key, rows in self._groups():
            if key is not None and (short := self._short(key)) in held:
                self._keep([(held[short][0], ClientRows(key=key, rows=rows))])

    def _keep(self, clients: Iterable[tuple[int, ClientRows]]) -> None:
        sealed = (
            (number, self._vault.seal((client.key.system, client.key.value, [_parts(row) for row in client.rows])))
            for number, client in clients
        )
        self._db.executemany("INSERT INTO part VALUES (?, ?)", sealed)

    def _count(self, rows: int) -> None:
        """Count a client who is passed over, with so many rows."""
        if rows:
            self.passed = (self.passed[0] + 1, self.passed[1] + rows)

    def _short(self, key: ClientKey) -> bytes:
        return hashlib.blake2b(f"{key.system}|{key.value}".encode(), digest_size=12, key=self._salt).digest()


def _parts(row: Row) -> tuple[Any, ...]:
    return row.line, row.cells, row.fault, row.faults, row.resource


def _row(parts: Sequence[Any]) -> Row:
    line, cells, fault, faults, resource = parts
    marks = tuple((int(index), str(code)) for index, code in faults)
    return Row(line=line, cells=tuple(cells), fault=fault, faults=marks, resource=resource)
