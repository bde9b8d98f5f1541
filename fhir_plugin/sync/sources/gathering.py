"""Rows by client, in the order in which clients first appear, some clients at a time: however long the list is.

A list need not be in the order of its clients. Rows wait in a temporary file, sealed with a key that is in memory alone
(a row may hold a BSN); what stays in memory is a number per client.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.tables import Row
from fhir_plugin.sync.sources.wanted import ClientKey, Problem, Wanted

__all__ = ["ClientRows", "Gathering"]

_WINDOW = 1000
_BUFFER = 256
"""Rows of one window that are sealed at once."""
_IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRows:
    """The rows of one client, as they stand."""

    key: ClientKey
    rows: tuple[Row, ...] = field(repr=False)

    @property
    def is_whole(self) -> bool:
        """Whether no row has a fault of its own; what cells say is found out when they are read."""
        return not any(row.fault or row.faults for row in self.rows)


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
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  closed in close()
        self._parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.problems: list[Problem] = []
        self.clients = self._gather()

    def windows(self) -> Iterator[list[ClientRows]]:
        """Some clients at a time, each with all of its rows."""
        for number in sorted(self._parts):
            by_key: dict[ClientKey, list[Row]] = {}
            for offset, size in self._parts[number]:
                self._spool.seek(offset)
                for line, cells, fault, faults in self._vault.open(self._spool.read(size)):
                    marks = tuple((int(index), str(code)) for index, code in faults)
                    row = Row(line=line, cells=tuple(cells), fault=fault, faults=marks)
                    key = self._reader.client_of(row)
                    if key is not None:
                        by_key.setdefault(key, []).append(row)
            yield [ClientRows(key=key, rows=tuple(rows)) for key, rows in by_key.items()]

    def read(self, client: ClientRows) -> Iterator[Wanted | Problem]:
        """The rows of a client as figures, or as what is wrong with them."""
        for row in client.rows:
            yield from self._reader.read_row(row)

    def close(self) -> None:
        """Let the temporary file go."""
        self._spool.close()

    def _gather(self) -> int:
        order: dict[bytes, int] = {}
        waiting: dict[int, list[Row]] = defaultdict(list)
        for row in self._reader.rows():
            key = self._reader.client_of(row)
            if key is None:
                self.problems += [each for each in self._reader.read_row(row) if isinstance(each, Problem)]
                continue
            number = order.setdefault(self._short(key), len(order)) // self._window
            waiting[number].append(row)
            if len(waiting[number]) == _BUFFER:
                self._put(number, waiting.pop(number))
        for number, rows in waiting.items():
            self._put(number, rows)
        return len(order)

    def _short(self, key: ClientKey) -> bytes:
        return hashlib.blake2b(f"{key.system}|{key.value}".encode(), digest_size=12, key=self._salt).digest()

    def _put(self, number: int, rows: list[Row]) -> None:
        sealed = self._vault.seal([(row.line, row.cells, row.fault, row.faults) for row in rows])
        self._spool.seek(0, os.SEEK_END)
        self._parts[number].append((self._spool.tell(), len(sealed)))
        self._spool.write(sealed)
