"""What we keep ourselves where an EHR cannot: resources it has no place for, the work list, and sagas under way.

A SQLite file beside the journal, or the journal's database; everything about people in it is sealed (``vault``). A
resource that is kept here counts as if the EHR held it: decisions are made on both together (``OwnRecords``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import Integer, Row, Select, cast, delete, select, update

from fhir_plugin.errors import EhrConflict
from fhir_plugin.sync.journals.database import Database
from fhir_plugin.sync.journals.opening import in_database, in_file
from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.records import own_tables as tables

__all__ = ["LOCAL", "Kept", "Open", "OwnStore", "open_own_database", "open_own_store", "own_path"]

Json = dict[str, Any]
LOCAL = "own-"
"""How ids begin of resources that are kept here alone."""


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


_LOST = "\x1flost"
"""After the name of a source: what its runs wrote over stands apart from what its later runs take off the list."""


class OwnStore:
    """The own store for one EHR. Use ``open_own_store`` or ``open_own_database``; threads may share it."""

    def __init__(self, database: Database, vault: Vault, ehr: str) -> None:
        self._db = database
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
        kind, id_, columns = str(body["resourceType"]), str(body["id"]), tables.kept.c
        mine = (columns.ehr == self._ehr, columns.type == kind, columns.id == id_)
        with self._lock, self._db.together():
            row = self._db.execute(select(columns.version, columns.base).where(*mine)).first()
            held = f"{LOCAL}{row.version}" if row else ""
            if expected.startswith(LOCAL) and expected != held:
                raise EhrConflict("It was changed in our own store.", where=kind, remedy="Make the plan again.")
            version = (row.version if row else 0) + 1
            stored = {**body, "meta": {**(body.get("meta") or {}), "versionId": f"{LOCAL}{version}"}}
            key = {"ehr": self._ehr, "patient": patient, "type": kind, "id": id_}
            values = {"version": version, "base": base or (row.base if row else ""), "sealed": self._vault.seal(stored)}
            self._db.put(tables.kept, [{**key, **values}])
        return stored

    def kept(self, patients: Iterable[str]) -> Iterator[Kept]:
        """What is kept of clients."""
        columns = tables.kept.c
        query = select(columns.patient, columns.base, columns.sealed).where(
            columns.ehr == self._ehr, columns.patient.in_(list(patients))
        )
        for row in self._rows(query.order_by(columns.patient, columns.type, columns.id)):
            yield Kept(patient=row.patient, base=row.base, body=self._vault.open(row.sealed))

    def add_versions(self, bodies: Iterable[Json]) -> None:
        """Versions of resources of an EHR that gives no access (``no_access``), all of them or none."""
        rows = [
            {
                "ehr": self._ehr,
                "type": body["resourceType"],
                "id": body["id"],
                "version": body["meta"]["versionId"],
                "sealed": self._vault.seal(body),
            }
            for body in bodies
        ]
        with self._lock, self._db.together():
            self._db.put(tables.own_version, rows)

    def versions(self) -> Iterator[Json]:
        """Every version, each resource's oldest first."""
        columns = tables.own_version.c
        query = select(columns.sealed).where(columns.ehr == self._ehr)
        for row in self._rows(query.order_by(columns.type, columns.id, cast(columns.version, Integer))):
            yield self._vault.open(row.sealed)

    def leave(self, source: str, patient: str, content: Json) -> None:
        """Put on the work list what a person has to enter; it replaces what stood there for the client."""
        columns = tables.open_item.c
        key = {"ehr": self._ehr, "source": source, "patient": patient}
        with self._lock:
            row = self._db.execute(select(columns.since).where(*_are(columns, key))).first()
            since = row.since if row else datetime.now(UTC).isoformat(timespec="seconds")
            self._db.put(tables.open_item, [{**key, "since": since, "sealed": self._vault.seal(content)}])

    def seen(self, source: str, patients: Sequence[str]) -> None:
        """The EHR shows everything that waited for these clients: off the work list."""
        columns = tables.open_item.c
        mine = _are(columns, {"ehr": self._ehr, "source": source})
        with self._lock:
            self._db.execute(delete(tables.open_item).where(*mine, columns.patient.in_(list(patients))))

    def waiting(self, source: str) -> list[Open]:
        """The work list of a source, oldest first."""
        columns = tables.open_item.c
        query = select(columns.patient, columns.since, columns.sealed)
        query = query.where(*_are(columns, {"ehr": self._ehr, "source": source}))
        return [
            Open(patient=row.patient, since=row.since, content=self._vault.open(row.sealed))
            for row in self._rows(query.order_by(columns.since, columns.patient))
        ]

    def lose(self, source: str, patient: str, bodies: Sequence[Json]) -> None:
        """Keep what people wrote and a run wrote over, until somebody says that they have seen to it."""
        with self._lock:
            before = [
                body for item in self.lost(source) if item.patient == patient for body in item.content["resources"]
            ]
            self.leave(f"{source}{_LOST}", patient, {"resources": [*before, *bodies]})

    def lost(self, source: str) -> list[Open]:
        """What people wrote, a run of a source wrote over, and nobody has seen to; oldest first."""
        return self.waiting(f"{source}{_LOST}")

    def see_to(self, source: str, patient: str) -> None:
        """Somebody has seen to what was written over."""
        self.seen(f"{source}{_LOST}", [patient])

    def begin_saga(self, run: int, patient: str, steps: Sequence[Json]) -> None:
        """Write down every step of a saga before the first is sent."""
        key = {"ehr": self._ehr, "run": run, "patient": patient}
        rows = [
            {**key, "position": position, "closed": 0, "sealed": self._vault.seal(step), "done": None}
            for position, step in enumerate(steps)
        ]
        with self._lock, self._db.together():
            self._db.execute(delete(tables.saga).where(*_are(tables.saga.c, key)))
            self._db.put(tables.saga, rows)

    def step_done(self, run: int, patient: str, position: int, written: Json) -> None:
        """A step was written: where, and in which version."""
        self._set_saga({"run": run, "patient": patient, "position": position}, done=self._vault.seal(written))

    def end_saga(self, run: int, patient: str) -> None:
        """A saga needs nothing more; its steps stay for an undo."""
        self._set_saga({"run": run, "patient": patient}, closed=1)

    def open_sagas(self, patients: Iterable[str]) -> list[tuple[int, str]]:
        """(run, client) of the sagas that were broken off."""
        columns = tables.saga.c
        query = select(columns.run, columns.patient).distinct().where(columns.ehr == self._ehr, columns.closed == 0)
        query = query.where(columns.patient.in_(list(patients))).order_by(columns.run)
        return [(row.run, row.patient) for row in self._rows(query)]

    def saga(self, run: int, patient: str) -> list[tuple[Json, Json | None]]:
        """The steps of a saga, in order, each with what was written where that is known."""
        columns = tables.saga.c
        query = select(columns.sealed, columns.done).order_by(columns.position)
        query = query.where(*_are(columns, {"ehr": self._ehr, "run": run, "patient": patient}))
        return [
            (self._vault.open(row.sealed), None if row.done is None else self._vault.open(row.done))
            for row in self._rows(query)
        ]

    def _set_saga(self, key: Mapping[str, Any], **values: Any) -> None:
        mine = _are(tables.saga.c, {"ehr": self._ehr, **key})
        with self._lock:
            self._db.execute(update(tables.saga).where(*mine).values(**values))

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._lock:
            return self._db.execute(query).all()


def own_path(journal: Path) -> Path:
    """Where the own store of a journal file is."""
    return journal.with_name(f"{journal.stem}.own{journal.suffix}")


@contextmanager
def open_own_store(path: Path, vault: Vault, ehr: str) -> Iterator[OwnStore]:
    """Open the own store in a file; every call on it is on disk when it returns.

    Raises:
        StoreError: it is no own store, or was made with another key.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with in_file(path, tables.metadata, "own store") as database:
        yield OwnStore(database, vault, ehr)


@contextmanager
def open_own_database(url: str, vault: Vault, ehr: str) -> Iterator[OwnStore]:
    """Open the own store beside the journal in a PostgreSQL database, for any number of workers.

    Raises:
        StoreError: the database cannot be reached.
    """
    with in_database(url, tables.metadata, "own store") as database:
        yield OwnStore(database, vault, ehr)


def _are(columns: Any, values: Mapping[str, Any]) -> list[Any]:
    """The conditions that columns have these values."""
    return [columns[name] == value for name, value in values.items()]
