"""What the EHR holds, as last seen: one SQLite file that a poll and a listener may share.

Bodies are sealed as in the journal (``vault``); logical ids of the EHR stand in clear. A file of its own, because a
listener runs for months while plans and runs come and go.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhir_plugin.errors import StoreError
from fhir_plugin.sync.journals.vault import Vault, open_vault

__all__ = ["Held", "Hook", "InboundStore", "open_inbound_store"]

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cursor (
    ehr TEXT NOT NULL, type TEXT NOT NULL, instant TEXT NOT NULL, PRIMARY KEY (ehr, type)) STRICT;
CREATE TABLE IF NOT EXISTS held (
    ehr TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, patient TEXT NOT NULL, version TEXT NOT NULL,
    sealed BLOB NOT NULL, PRIMARY KEY (ehr, type, id)) STRICT;
CREATE INDEX IF NOT EXISTS held_patient ON held (ehr, patient);
CREATE TABLE IF NOT EXISTS hook (
    name TEXT PRIMARY KEY, ehr TEXT NOT NULL, secret TEXT NOT NULL, remote TEXT NOT NULL, events INTEGER NOT NULL)
    STRICT;
PRAGMA user_version = 1;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One resource as last seen.

    Attributes:
        patient: id of the Patient it is about.
        version: ``meta.versionId``, or a keyed hash of the body where the EHR gives none.
    """

    type: str
    id: str
    patient: str
    version: str
    body: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """An address of ours that an EHR notifies.

    Attributes:
        name: last part of the address; random.
        secret: keyed hash of the bearer token the EHR must send.
        remote: ``Subscription/…`` in the EHR; empty until it is known.
        events: the highest event number it has told.
    """

    name: str
    ehr: str
    secret: str = field(repr=False)
    remote: str = ""
    events: int = 0


class InboundStore:
    """The store. Use ``open_inbound_store``."""

    def __init__(self, connection: sqlite3.Connection, vault: Vault) -> None:
        self._db = connection
        self._vault = vault

    @property
    def vault(self) -> Vault:
        """For keyed hashes."""
        return self._vault

    def cursor(self, ehr: str, kind: str) -> str:
        """Up to which ``meta.lastUpdated`` a type was read; empty before the first time."""
        row = self._db.execute("SELECT instant FROM cursor WHERE ehr=? AND type=?", (ehr, kind)).fetchone()
        return str(row[0]) if row else ""

    def versions(self, ehr: str, kind: str) -> dict[str, str]:
        """Id → version of everything held of a type."""
        rows = self._db.execute("SELECT id, version FROM held WHERE ehr=? AND type=?", (ehr, kind))
        return {str(key): str(version) for key, version in rows}

    def owners(self, ehr: str, resources: Iterable[tuple[str, str]]) -> set[str]:
        """The patients that held resources are about, as last seen."""
        query = "SELECT patient FROM held WHERE ehr=? AND type=? AND id=?"
        return {row[0] for kind, key in resources for row in self._db.execute(query, (ehr, kind, key))}

    def records(self, ehr: str, patients: Iterable[str]) -> dict[str, list[Json]]:
        """Everything held of some patients."""
        query = "SELECT sealed FROM held WHERE ehr=? AND patient=? ORDER BY type, id"
        return {
            each: [self._vault.open(sealed) for (sealed,) in self._db.execute(query, (ehr, each))] for each in patients
        }

    def keep(self, ehr: str, seen: Iterable[Held], gone: Iterable[tuple[str, str]], cursors: dict[str, str]) -> None:
        """Write down what was seen and what is gone, with how far it was read: all of it, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?)",
                ((ehr, each.type, each.id, each.patient, each.version, self._vault.seal(each.body)) for each in seen),
            )
            self._db.executemany("DELETE FROM held WHERE ehr=? AND type=? AND id=?", ((ehr, *each) for each in gone))
            rows = ((ehr, kind, instant) for kind, instant in cursors.items() if instant)
            self._db.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", rows)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def new_hook(self, ehr: str) -> tuple[Hook, str]:
        """A new address and the secret that belongs to it; only a keyed hash of the secret is kept."""
        secret = secrets.token_urlsafe(32)
        hook = Hook(name=secrets.token_urlsafe(16), ehr=ehr, secret=self._vault.fingerprint(secret))
        self._db.execute("INSERT INTO hook VALUES (?, ?, ?, '', 0)", (hook.name, ehr, hook.secret))
        return hook, secret

    def hook(self, name: str) -> Hook | None:
        """The address of this name, or None."""
        row = self._db.execute("SELECT name, ehr, secret, remote, events FROM hook WHERE name=?", (name,)).fetchone()
        return Hook(name=row[0], ehr=row[1], secret=row[2], remote=row[3], events=row[4]) if row else None

    def update_hook(self, name: str, *, remote: str | None = None, events: int | None = None) -> None:
        """Note what the EHR calls the subscription, or how many events it told; the number only goes up."""
        if remote is not None:
            self._db.execute("UPDATE hook SET remote=? WHERE name=?", (remote, name))
        if events is not None:
            self._db.execute("UPDATE hook SET events=max(events, ?) WHERE name=?", (events, name))

    def drop_hook(self, name: str) -> None:
        """Close an address."""
        self._db.execute("DELETE FROM hook WHERE name=?", (name,))


@contextmanager
def open_inbound_store(path: Path) -> Iterator[InboundStore]:
    """Open the store; several processes may.

    Raises:
        StoreError: it is no store of ours, or its key is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    vault = open_vault(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
            yield InboundStore(connection, vault)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The inbound store cannot be used ({type(error).__name__}).",
            code="sync-inbound-store",
            where=path.name,
            remedy="Check the disk and the file; it can be thrown away and is filled again by the next poll.",
        ) from None
