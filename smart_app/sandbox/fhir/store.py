"""Versioned resources in SQLite, with the search index beside them.

One connection behind one lock: the sandbox is one process, a transaction is one SQLite transaction, and a reader never
sees half of one.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from smart_app.sandbox.fhir.compartments import patients_of
from smart_app.sandbox.fhir.index import Index, Places, clear_index, prepare_index
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["Row", "Session", "Store"]

_PRAGMAS = (
    "page_size = 8192",  # of a new file; resources of 2 or 3 kB would leave much of a smaller page empty
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "cache_size = -65536",  # KiB
    "wal_autocheckpoint = 4000",  # pages; an index page that is written again and again is then copied once
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
  key INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
  updated INTEGER NOT NULL, method TEXT NOT NULL, body BLOB, UNIQUE (type, id));
CREATE TABLE IF NOT EXISTS past (
  key INTEGER NOT NULL, version INTEGER NOT NULL, updated INTEGER NOT NULL, method TEXT NOT NULL, body BLOB,
  PRIMARY KEY (key, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resource_updated ON resource (type, updated) WHERE body IS NOT NULL;
"""
_COLUMNS = "r.key, r.type, r.id, r.version, r.updated, r.method, r.body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version of one resource.

    Attributes:
        key: row number, stable over versions.
        updated: milliseconds since the epoch.
        method: the HTTP method that made this version.
        body: JSON, or None for a deletion.
        parsed: the resource, where it is at hand.
    """

    key: int
    type: str
    id: str
    version: int
    updated: int
    method: str
    body: bytes | None
    parsed: Json | None = field(default=None, repr=False, compare=False)

    def json(self) -> Json:
        """The resource.

        Raises:
            FhirError: 410, it was deleted.
        """
        if self.body is None:
            raise FhirError(410, "deleted", f"This {self.type} was deleted.")
        found: Json = orjson.loads(self.body) if self.parsed is None else self.parsed
        return found

    @property
    def moment(self) -> datetime:
        """When this version was made (UTC)."""
        return datetime.fromtimestamp(self.updated / 1000, tz=UTC)


class Store:
    """The resources of one EHR.

    Args:
        database: a file, or ``:memory:``.
        base_url: FHIR base, to tell own absolute references from foreign ones.
        clock: gives the current instant, aware.
    """

    def __init__(self, database: str, base_url: str, clock: Callable[[], datetime]) -> None:
        self.base_url = base_url
        self._clock = clock
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)
        prepare_index(self._connection, base_url)
        self._places = Places(self._connection)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """All or nothing: commits when the block ends, rolls back when it raises."""
        with self._lock:
            session = Session(self._connection, Index(self._connection, self.base_url, self._places), self._clock)
            self._connection.execute("BEGIN")
            try:
                yield session
                session.flush()
            except BaseException:
                self._connection.execute("ROLLBACK")
                self._places.end(committed=False)
                raise
            self._connection.execute("COMMIT")
            self._places.end(committed=True)

    def clear(self) -> None:
        """Forget every resource and its history."""
        with self._lock:
            for table in ("resource", "past"):
                self._connection.execute(f"DELETE FROM {table}")
            clear_index(self._connection)

    def close(self) -> None:
        """Release the database."""
        with self._lock:
            self._connection.close()


class Session:
    """What happens inside one SQLite transaction."""

    def __init__(self, connection: sqlite3.Connection, index: Index, clock: Callable[[], datetime]) -> None:
        self.base_url = index.base_url
        self._connection = connection
        self._index = index
        self._updated = int(clock().timestamp() * 1000)
        self._instant = datetime.fromtimestamp(self._updated / 1000, tz=UTC).isoformat(timespec="milliseconds")

    def rows(self, sql: str, arguments: Iterable[Any] = ()) -> list[Row]:
        """Rows of a SELECT over ``resource r``; the caller writes everything after the columns."""
        self._index.flush()
        found = self._connection.execute(f"SELECT {_COLUMNS} {sql}", tuple(arguments))
        return [_row(values) for values in found]

    def keys(self, sql: str, arguments: Iterable[Any] = ()) -> list[int]:
        """First column of a SELECT."""
        self._index.flush()
        return [int(row[0]) for row in self._connection.execute(sql, tuple(arguments))]

    def current(self, kind: str, identity: str) -> Row | None:
        """The latest version, deletions included; None when it never existed."""
        found = self._connection.execute(
            f"SELECT {_COLUMNS} FROM resource r WHERE type = ? AND id = ?",
            (kind, identity),
        ).fetchone()
        return _row(found) if found else None

    def versions(self, row: Row) -> list[Row]:
        """All versions, newest first."""
        past = self._connection.execute(
            "SELECT key, ?, ?, version, updated, method, body FROM past WHERE key = ? ORDER BY version DESC",
            (row.type, row.id, row.key),
        )
        return [row, *(_row(values) for values in past)]

    def write(self, resource: Json, method: str, before: Row | None) -> Row:
        """Store a new version; a missing ``id`` is given out. Meta is set, everything else kept as sent."""
        identity = str(resource.get("id") or self.new_id())
        version = before.version + 1 if before else 1
        meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": self._stamp()}
        first = {"resourceType": resource["resourceType"], "id": identity, "meta": meta}
        body = {**first, **resource, **first}  # these first, whatever their order was
        row = self._put(body["resourceType"], identity, version, method, body, before)
        self._index.put(row.key, body, known=before is not None)
        return row

    def new_id(self) -> str:
        """An id nobody has: a UUID of version 7, so that what is written together stands together in every index."""
        random = secrets.randbits(74)
        high = self._updated << 16 | 7 << 12 | random >> 62
        return str(uuid.UUID(int=high << 64 | 2 << 62 | random & (1 << 62) - 1))

    def delete(self, before: Row) -> Row:
        """Store a deletion as a new version; the history stays."""
        row = self._put(before.type, before.id, before.version + 1, "DELETE", None, before)
        self._index.drop(row.key, row.type, row.id)
        return row

    def holds(self, name: str, system: str, text: str) -> bool:
        """Whether any resource has this token or reference under this search parameter."""
        self._index.flush()
        return self._index.holds(name, system, text)

    def patients_of(self, kind: str, identity: str) -> frozenset[str]:
        """Whose record a stored resource is in."""
        self._index.flush()
        return self._index.patients(kind, identity)

    def patients_then(self, past: Row) -> frozenset[str]:
        """Whose record one version was in; empty for a deletion."""
        return patients_of(past.json(), self.base_url, self._index.patients) if past.body is not None else frozenset()

    def flush(self) -> None:
        """Bring the index up to date with what was written."""
        self._index.flush()

    def _stamp(self) -> str:
        return self._instant.replace("+00:00", "Z")

    def _put(self, kind: str, identity: str, version: int, method: str, parsed: Json | None, before: Row | None) -> Row:
        body = None if parsed is None else orjson.dumps(parsed)
        if before is None:
            cursor = self._connection.execute(
                "INSERT INTO resource (type, id, version, updated, method, body) VALUES (?, ?, ?, ?, ?, ?)",
                (kind, identity, version, self._updated, method, body),
            )
            key = int(cursor.lastrowid or 0)
        else:
            key = before.key
            self._connection.execute(
                "INSERT INTO past VALUES (?, ?, ?, ?, ?)",
                (key, before.version, before.updated, before.method, before.body),
            )
            self._connection.execute(
                "UPDATE resource SET version = ?, updated = ?, method = ?, body = ? WHERE key = ?",
                (version, self._updated, method, body, key),
            )
        return Row(
            key=key,
            type=kind,
            id=identity,
            version=version,
            updated=self._updated,
            method=method,
            body=body,
            parsed=parsed,
        )


def _row(values: tuple[Any, ...]) -> Row:
    key, kind, identity, version, updated, method, body = values
    return Row(key=key, type=kind, id=identity, version=version, updated=updated, method=method, body=body)
