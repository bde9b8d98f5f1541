"""Versioned resources in SQLite, with the search index beside them.

One connection behind one lock: the sandbox is one process, a transaction is one SQLite transaction, and a reader never
sees half of one. Index rows are collected and written in bulk just before somebody searches or commits.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from smart_app.sandbox.fhir.compartments import INDIRECT_TYPES, patients_of
from smart_app.sandbox.fhir.index import IndexRows, index_rows
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["Row", "Session", "Store"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
  key INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
  updated INTEGER NOT NULL, method TEXT NOT NULL, body BLOB, UNIQUE (type, id));
CREATE TABLE IF NOT EXISTS past (
  key INTEGER NOT NULL, version INTEGER NOT NULL, updated INTEGER NOT NULL, method TEXT NOT NULL, body BLOB,
  PRIMARY KEY (key, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token (key INTEGER NOT NULL, param TEXT NOT NULL, system TEXT NOT NULL, code TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reference (key INTEGER NOT NULL, param TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS date (
  key INTEGER NOT NULL, param TEXT NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS string (key INTEGER NOT NULL, param TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS compartment (key INTEGER NOT NULL, patient TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS token_code ON token (code, param, system);
CREATE INDEX IF NOT EXISTS token_key ON token (key);
CREATE INDEX IF NOT EXISTS reference_id ON reference (id, param, type);
CREATE INDEX IF NOT EXISTS reference_key ON reference (key);
CREATE INDEX IF NOT EXISTS date_low ON date (param, low);
CREATE INDEX IF NOT EXISTS date_key ON date (key);
CREATE INDEX IF NOT EXISTS string_value ON string (param, value);
CREATE INDEX IF NOT EXISTS string_key ON string (key);
CREATE INDEX IF NOT EXISTS compartment_patient ON compartment (patient);
CREATE INDEX IF NOT EXISTS compartment_key ON compartment (key);
"""
_INDEX_TABLES = ("token", "reference", "date", "string", "compartment")
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
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """All or nothing: commits when the block ends, rolls back when it raises."""
        with self._lock:
            session = Session(self._connection, self.base_url, self._clock)
            self._connection.execute("BEGIN")
            try:
                yield session
                session.flush()
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def clear(self) -> None:
        """Forget every resource and its history."""
        with self._lock:
            for table in ("resource", "past", *_INDEX_TABLES):
                self._connection.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        """Release the database."""
        with self._lock:
            self._connection.close()


class Session:
    """What happens inside one SQLite transaction."""

    def __init__(self, connection: sqlite3.Connection, base_url: str, clock: Callable[[], datetime]) -> None:
        self.base_url = base_url
        self._connection = connection
        self._pending: dict[int, Json] = {}
        self._reindex: set[int] = set()
        self._updated = int(clock().timestamp() * 1000)
        self._instant = datetime.fromtimestamp(self._updated / 1000, tz=UTC).isoformat(timespec="milliseconds")

    def rows(self, sql: str, arguments: Iterable[Any] = ()) -> list[Row]:
        """Rows of a SELECT over ``resource r``; the caller writes everything after the columns."""
        self.flush()
        found = self._connection.execute(f"SELECT {_COLUMNS} {sql}", tuple(arguments))
        return [_row(values) for values in found]

    def keys(self, sql: str, arguments: Iterable[Any] = ()) -> list[int]:
        """First column of a SELECT."""
        self.flush()
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
        identity = str(resource.get("id") or uuid.uuid4())
        version = before.version + 1 if before else 1
        meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": self._stamp()}
        body = {"resourceType": resource["resourceType"], "id": identity, "meta": meta}
        body.update((name, value) for name, value in resource.items() if name not in body)
        row = self._put(body["resourceType"], identity, version, method, body, before)
        self._pending[row.key] = body
        return row

    def delete(self, before: Row) -> Row:
        """Store a deletion as a new version; the history stays."""
        row = self._put(before.type, before.id, before.version + 1, "DELETE", None, before)
        self._pending.pop(row.key, None)
        self._unindex([row.key])
        return row

    def patients_of(self, kind: str, identity: str) -> frozenset[str]:
        """Whose record a stored resource is in."""
        self.flush()
        return self._patients(kind, identity)

    def patients_then(self, past: Row) -> frozenset[str]:
        """Whose record one version was in; empty for a deletion."""
        return patients_of(past.json(), self.base_url, self._patients) if past.body is not None else frozenset()

    def flush(self) -> None:
        """Bring the index up to date with what was written."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        self._unindex([key for key in pending if key in self._reindex])
        self._reindex.clear()
        found = IndexRows()
        for key, body in pending.items():
            index_rows(key, body, self.base_url, found)
        self._insert(found)
        direct = {key: body for key, body in pending.items() if body["resourceType"] not in INDIRECT_TYPES}
        self._place(direct)
        self._place({key: body for key, body in pending.items() if key not in direct})

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
            self._reindex.add(key)
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

    def _unindex(self, keys: list[int]) -> None:
        for table in _INDEX_TABLES if keys else ():
            statement = f"DELETE FROM {table} WHERE key = ?"
            self._connection.executemany(statement, [(key,) for key in keys])

    def _insert(self, found: IndexRows) -> None:
        many = self._connection.executemany
        many("INSERT INTO token VALUES (?, ?, ?, ?)", found.tokens)
        many("INSERT INTO reference VALUES (?, ?, ?, ?)", found.references)
        many("INSERT INTO date VALUES (?, ?, ?, ?)", found.dates)
        many("INSERT INTO string VALUES (?, ?, ?)", found.strings)

    def _place(self, bodies: dict[int, Json]) -> None:
        rows = [
            (key, patient)
            for key, body in bodies.items()
            for patient in patients_of(body, self.base_url, self._patients)
        ]
        self._connection.executemany("INSERT INTO compartment VALUES (?, ?)", rows)

    def _patients(self, kind: str, identity: str) -> frozenset[str]:
        found = self._connection.execute(
            "SELECT c.patient FROM compartment c JOIN resource r ON r.key = c.key WHERE r.type = ? AND r.id = ?",
            (kind, identity),
        )
        return frozenset(str(row[0]) for row in found)


def _row(values: tuple[Any, ...]) -> Row:
    key, kind, identity, version, updated, method, body = values
    return Row(key=key, type=kind, id=identity, version=version, updated=updated, method=method, body=body)
