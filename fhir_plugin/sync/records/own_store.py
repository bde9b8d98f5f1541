"""What we keep ourselves where an EHR cannot: resources it has no place for, the work list, and sagas under way.

One SQLite file beside the journal; everything about people in it is sealed (``vault``). A resource that is kept here
counts as if the EHR held it: decisions are made on both together (``OwnRecords``).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from fhir_plugin.errors import EhrConflict, StoreError
from fhir_plugin.sync.journals.vault import Vault

__all__ = ["LOCAL", "Kept", "Open", "OwnStore", "open_own_store", "own_path"]

Json = dict[str, Any]
LOCAL = "own-"
"""How ids begin of resources that are kept here alone."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    ehr TEXT NOT NULL, patient TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    version INTEGER NOT NULL, base TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (ehr, type, id)
) STRICT;
CREATE INDEX IF NOT EXISTS kept_patient ON kept (ehr, patient);
CREATE TABLE IF NOT EXISTS own_version (
    ehr TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, version TEXT NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (ehr, type, id, version)
) STRICT;
CREATE TABLE IF NOT EXISTS open_item (
    ehr TEXT NOT NULL, source TEXT NOT NULL, patient TEXT NOT NULL, since TEXT NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (ehr, source, patient)
) STRICT;
CREATE TABLE IF NOT EXISTS saga (
    ehr TEXT NOT NULL, run INTEGER NOT NULL, patient TEXT NOT NULL, position INTEGER NOT NULL, closed INTEGER NOT NULL,
    sealed BLOB NOT NULL, done BLOB, PRIMARY KEY (ehr, run, patient, position)
) STRICT;
PRAGMA user_version = 1;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A resource kept here.

    Attributes:
        base: version of the EHR's resource it stands in for; empty for one the EHR does not have.
        body: with its own ``meta.versionId``.
    """

    patient: str
    base: str = ""
    body: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What waits for a person to enter it in the EHR, for one client.

    Attributes:
        since: UTC instant from which it waits.
        content: see ``worklist``.
    """

    patient: str
    since: str
    content: Json = field(repr=False)


class OwnStore:
    """The own store for one EHR. Use ``open_own_store``; threads may share it."""

    def __init__(self, connection: sqlite3.Connection, vault: Vault, ehr: str) -> None:
        self._db = connection
        self._vault = vault
        self._ehr = ehr
        self._lock = RLock()

    def keep(self, patient: str, body: Json, *, base: str = "", expected: str = "") -> Json:
        """Keep a resource, durably; returns it with its version.

        Args:
            patient: id of the client.
            body: with its id.
            base: version of the EHR's resource it stands in for.
            expected: version it must have now; empty when it is not kept yet.

        Raises:
            EhrConflict: it is kept in another version.
        """
        kind, id_ = str(body["resourceType"]), str(body["id"])
        with self._lock:
            row = self._db.execute(
                "SELECT version, base FROM kept WHERE ehr=? AND type=? AND id=?", (self._ehr, kind, id_)
            ).fetchone()
            held = f"{LOCAL}{row[0]}" if row else ""
            if expected.startswith(LOCAL) and expected != held:
                raise EhrConflict("It was changed in our own store.", where=kind, remedy="Make the plan again.")
            version = (row[0] if row else 0) + 1
            stored = {**body, "meta": {**(body.get("meta") or {}), "versionId": f"{LOCAL}{version}"}}
            values = (self._ehr, patient, kind, id_, version, base or (row[1] if row else ""))
            self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?, ?)", (*values, self._seal(stored)))
        return stored

    def kept(self, patients: Iterable[str]) -> Iterator[Kept]:
        """What is kept of clients."""
        for patient in patients:
            with self._lock:
                rows = self._db.execute(
                    "SELECT base, sealed FROM kept WHERE ehr=? AND patient=? ORDER BY type, id", (self._ehr, patient)
                ).fetchall()
            for base, sealed in rows:
                yield Kept(patient=patient, base=base, body=self._vault.open(sealed))

    def add_versions(self, bodies: Iterable[Json]) -> None:
        """Versions of resources of an EHR that gives no access (``no_access``), all of them or none."""
        rows = [
            (self._ehr, body["resourceType"], body["id"], body["meta"]["versionId"], self._seal(body))
            for body in bodies
        ]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO own_version VALUES (?, ?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")

    def versions(self) -> Iterator[Json]:
        """Every version, each resource's oldest first."""
        query = "SELECT sealed FROM own_version WHERE ehr=? ORDER BY type, id, CAST(version AS INTEGER)"
        with self._lock:
            rows = self._db.execute(query, (self._ehr,)).fetchall()
        for (sealed,) in rows:
            yield self._vault.open(sealed)

    def leave(self, source: str, patient: str, content: Json) -> None:
        """Put on the work list what a person has to enter; it replaces what stood there for the client."""
        key = (self._ehr, source, patient)
        with self._lock:
            row = self._db.execute("SELECT since FROM open_item WHERE ehr=? AND source=? AND patient=?", key).fetchone()
            since = row[0] if row else datetime.now(UTC).isoformat(timespec="seconds")
            self._db.execute(
                "INSERT OR REPLACE INTO open_item VALUES (?, ?, ?, ?, ?)", (*key, since, self._seal(content))
            )

    def seen(self, source: str, patients: Sequence[str]) -> None:
        """The EHR shows everything that waited for these clients: off the work list."""
        with self._lock:
            self._db.executemany(
                "DELETE FROM open_item WHERE ehr=? AND source=? AND patient=?",
                [(self._ehr, source, patient) for patient in patients],
            )

    def waiting(self, source: str) -> list[Open]:
        """The work list of a source, oldest first."""
        query = "SELECT patient, since, sealed FROM open_item WHERE ehr=? AND source=? ORDER BY since, patient"
        with self._lock:
            rows = self._db.execute(query, (self._ehr, source)).fetchall()
        return [Open(patient=row[0], since=row[1], content=self._vault.open(row[2])) for row in rows]

    def begin_saga(self, run: int, patient: str, steps: Sequence[Json]) -> None:
        """Write down every step of a saga before the first is sent."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM saga WHERE ehr=? AND run=? AND patient=?", (self._ehr, run, patient))
            self._db.executemany(
                "INSERT INTO saga VALUES (?, ?, ?, ?, 0, ?, NULL)",
                [(self._ehr, run, patient, position, self._seal(step)) for position, step in enumerate(steps)],
            )
            self._db.execute("COMMIT")

    def step_done(self, run: int, patient: str, position: int, written: Json) -> None:
        """A step was written: where, and in which version."""
        self._db_do(
            "UPDATE saga SET done=? WHERE ehr=? AND run=? AND patient=? AND position=?",
            (self._seal(written), self._ehr, run, patient, position),
        )

    def end_saga(self, run: int, patient: str) -> None:
        """A saga needs nothing more; its steps stay for an undo."""
        self._db_do("UPDATE saga SET closed=1 WHERE ehr=? AND run=? AND patient=?", (self._ehr, run, patient))

    def open_sagas(self, patients: Iterable[str]) -> list[tuple[int, str]]:
        """(run, client) of the sagas that were broken off."""
        wanted = set(patients)
        query = "SELECT DISTINCT run, patient FROM saga WHERE ehr=? AND closed=0 ORDER BY run"
        with self._lock:
            return [(run, patient) for run, patient in self._db.execute(query, (self._ehr,)) if patient in wanted]

    def saga(self, run: int, patient: str) -> list[tuple[Json, Json | None]]:
        """The steps of a saga, in order, each with what was written where that is known."""
        query = "SELECT sealed, done FROM saga WHERE ehr=? AND run=? AND patient=? ORDER BY position"
        with self._lock:
            rows = self._db.execute(query, (self._ehr, run, patient)).fetchall()
        return [(self._vault.open(row[0]), None if row[1] is None else self._vault.open(row[1])) for row in rows]

    def _seal(self, body: Json) -> bytes:
        return self._vault.seal(body)

    def _db_do(self, query: str, values: tuple[Any, ...]) -> None:
        with self._lock:
            self._db.execute(query, values)


def own_path(journal: Path) -> Path:
    """Where the own store of a journal is."""
    return journal.with_name(f"{journal.stem}.own{journal.suffix}")


@contextmanager
def open_own_store(path: Path, vault: Vault, ehr: str) -> Iterator[OwnStore]:
    """Open the own store; every call on it is on disk when it returns.

    Raises:
        StoreError: it is no own store, or was made with another key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_SCHEMA)
        yield OwnStore(connection, vault, ehr)
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The own store cannot be used ({type(error).__name__}).",
            code="sync-own-store",
            where=path.name,
            remedy="Check the disk and the file; keep the old one.",
        ) from None
    finally:
        connection.close()
