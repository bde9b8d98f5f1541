"""What was agreed, what is being written, and what was written: one SQLite file, one writer at a time.

Before a write is sent its intent is on disk; a run that was killed is resumed by reading the records again. People are
in it only sealed or as keyed hashes (``vault``); logical ids of the EHR stand in clear.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fhir_plugin.errors import StoreError
from fhir_plugin.sync.codec import freeze, thaw
from fhir_plugin.sync.linking import Remembered
from fhir_plugin.sync.vault import Vault, open_vault

__all__ = ["Journal", "Run", "Step", "open_journal"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (
    ehr TEXT NOT NULL, source TEXT NOT NULL, patient TEXT NOT NULL, identity TEXT NOT NULL,
    target TEXT NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (ehr, source, patient, identity)
) STRICT;
CREATE TABLE IF NOT EXISTS settled (
    ehr TEXT NOT NULL, source TEXT NOT NULL, patient TEXT NOT NULL, print TEXT NOT NULL,
    PRIMARY KEY (ehr, source, patient)
) STRICT;
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY, ehr TEXT NOT NULL, source TEXT NOT NULL, plan TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT, clients INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS step (
    run INTEGER NOT NULL REFERENCES run (id), patient TEXT NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL,
    resources INTEGER NOT NULL, sealed BLOB, at TEXT NOT NULL, PRIMARY KEY (run, patient)
) STRICT;
PRAGMA user_version = 1;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One application of a plan; ``finished`` is empty while it goes on, or when it was broken off."""

    id: int
    source: str
    plan: str
    started: str
    finished: str
    clients: int
    states: Mapping[str, int]
    resources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of one client in a run.

    Attributes:
        state: ``intent`` (sent or about to be), ``done``, ``same``, ``changed``, ``failed``, ``undone``.
        code: why, for the states that need a reason.
        resources: how many were written.
        undo: what the resources were before and which version they got; sealed in the file.
    """

    patient: str
    state: str
    code: str = ""
    resources: int = 0
    undo: Any = field(default=None, repr=False)


class Journal:
    """The journal of one source for one EHR. Use ``open_journal``."""

    def __init__(self, connection: sqlite3.Connection, vault: Vault, ehr: str, source: str) -> None:
        self._db = connection
        self._vault = vault
        self._key = (ehr, source)

    @property
    def vault(self) -> Vault:
        """For keyed hashes."""
        return self._vault

    def memory(self, patients: Iterable[str]) -> dict[str, dict[str, Remembered]]:
        """What was agreed about the figures of clients: patient id → identity → memory."""
        listed = list(patients)
        found: dict[str, dict[str, Remembered]] = {patient: {} for patient in listed}
        marks = ",".join("?" * len(listed))
        query = (
            f"SELECT patient, identity, target, sealed FROM memory WHERE ehr=? AND source=? AND patient IN ({marks})"  # noqa: S608  marks are question marks
        )
        for patient, identity, target, sealed in self._db.execute(query, (*self._key, *listed)):
            body = self._vault.open(sealed)
            found[patient][identity] = Remembered(
                identity=identity,
                target=target,
                said=thaw(body["said"]),
                held=thaw(body["held"]),
                known=frozenset(body["known"]),
            )
        return found

    def remember(self, patient: str, items: Iterable[Remembered]) -> None:
        """Write down what is agreed about a client's figures."""
        rows = [
            (
                *self._key,
                patient,
                item.identity,
                item.target,
                self._vault.seal(_agreed(item)),
            )
            for item in items
        ]
        self._db.executemany("INSERT OR REPLACE INTO memory VALUES (?, ?, ?, ?, ?, ?)", rows)

    def settled(self, patients: Iterable[str]) -> dict[str, str]:
        """The prints of clients for whom nothing was left to do: patient id → print."""
        query = "SELECT print FROM settled WHERE ehr=? AND source=? AND patient=?"
        found = {patient: self._db.execute(query, (*self._key, patient)).fetchone() for patient in patients}
        return {patient: row[0] for patient, row in found.items() if row}

    def settle(self, patient: str, mark: str) -> None:
        """Write down that nothing is left to do for a client as long as its print stays the same."""
        self._db.execute("INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?)", (*self._key, patient, mark))

    def forget(self, patient: str) -> None:
        """Forget what was agreed about a client, after an undo."""
        for table in ("memory", "settled"):
            self._db.execute(f"DELETE FROM {table} WHERE ehr=? AND source=? AND patient=?", (*self._key, patient))  # noqa: S608  two names of ours

    def begin(self, plan: str, clients: int) -> int:
        """Start a run; its number."""
        cursor = self._db.execute(
            "INSERT INTO run (ehr, source, plan, started, clients) VALUES (?, ?, ?, ?, ?)",
            (*self._key, plan, _now(), clients),
        )
        return int(cursor.lastrowid or 0)

    def finish(self, run: int) -> None:
        """A run came to its end."""
        self._db.execute("UPDATE run SET finished=? WHERE id=?", (_now(), run))

    def note(self, run: int, steps: Iterable[Step]) -> None:
        """Write steps down; a later state of a client replaces an earlier one."""
        rows = [
            (
                run,
                step.patient,
                step.state,
                step.code,
                step.resources,
                None if step.undo is None else self._vault.seal(step.undo),
                _now(),
            )
            for step in steps
        ]
        self._db.executemany("INSERT OR REPLACE INTO step VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All or nothing of what is written inside, on disk when it ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def runs(self) -> list[Run]:
        """The runs of this source, latest first."""
        rows = self._db.execute(
            "SELECT id, source, plan, started, coalesce(finished, ''), clients FROM run "
            "WHERE ehr=? AND source=? ORDER BY id DESC",
            self._key,
        ).fetchall()
        return [self._run(row) for row in rows]

    def steps(self, run: int, *states: str) -> list[Step]:
        """The steps of a run in the given states, or all."""
        rows = self._db.execute(
            "SELECT patient, state, code, resources, sealed FROM step WHERE run=? ORDER BY rowid", (run,)
        )
        return [
            Step(
                patient=patient,
                state=state,
                code=code,
                resources=resources,
                undo=None if sealed is None else self._vault.open(sealed),
            )
            for patient, state, code, resources, sealed in rows
            if not states or state in states
        ]

    def _run(self, row: tuple[int, str, str, str, str, int]) -> Run:
        states = self._db.execute(
            "SELECT state, count(*), sum(resources) FROM step WHERE run=? GROUP BY state", row[:1]
        )
        counted = states.fetchall()
        return Run(
            id=row[0],
            source=row[1],
            plan=row[2],
            started=row[3],
            finished=row[4],
            clients=row[5],
            states={state: count for state, count, _ in counted},
            resources=sum(total for _, _, total in counted),
        )


@contextmanager
def open_journal(path: Path, ehr: str, source: str) -> Iterator[Journal]:
    """Open a journal for writing; only one process may have it open.

    Raises:
        StoreError: another run has it, it is no journal, or its key is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StoreError(
            "Another run is busy with this journal.", code="sync-journal-busy", remedy="Wait until it is done."
        ) from None
    try:
        vault = open_vault(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
            yield Journal(connection, vault, ehr, source)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The journal cannot be used ({type(error).__name__}).",
            code="sync-journal",
            where=path.name,
            remedy="Check the disk and the file; keep the old one.",
        ) from None
    finally:
        os.close(lock)


def _agreed(item: Remembered) -> dict[str, Any]:
    said, held = item.frozen
    return {"said": said or freeze(item.said), "held": held or freeze(item.held), "known": sorted(item.known)}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
