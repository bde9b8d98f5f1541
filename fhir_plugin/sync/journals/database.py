"""One connection to SQLite or PostgreSQL, with the little the two say differently."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar, overload

from sqlalchemy import Connection, CursorResult, Executable, MetaData, Table, func, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.selectable import TypedReturnsRows

__all__ = ["Database"]

Rows = TypeVar("Rows", bound=tuple[Any, ...])


class Database:
    """A connection that commits by itself, save inside ``together``."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._is_file = connection.dialect.name == "sqlite"
        self._is_together = False

    @overload
    def execute(self, query: TypedReturnsRows[Rows]) -> CursorResult[Rows]: ...
    @overload
    def execute(self, query: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> CursorResult[Any]: ...
    def execute(self, query: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> CursorResult[Any]:
        """Run one statement; with ``rows``, once for each."""
        return self._db.execute(query, rows)

    def put(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, all of them or none; one with the same key replaces what is there."""
        if not rows:
            return
        wanted = (sqlite_insert if self._is_file else _postgresql_insert())(table)
        keys = [column.name for column in table.primary_key]
        changed = {column.name: wanted.excluded[column.name] for column in table.c if column.name not in keys}
        with self.together() if len(rows) > 1 else nullcontext():  # not a wait for the disk at each row
            self.execute(wanted.on_conflict_do_update(index_elements=keys, set_=changed), rows)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All or nothing of what is written inside, on disk when it ends; inside another one, a part of that."""
        if self._is_together:
            yield
            return
        self._db.exec_driver_sql("BEGIN IMMEDIATE" if self._is_file else "BEGIN")
        self._is_together = True
        try:
            yield
        except BaseException:
            self._db.exec_driver_sql("ROLLBACK")
            raise
        else:
            self._db.exec_driver_sql("COMMIT")
        finally:
            self._is_together = False

    @contextmanager
    def alone(self, names: Iterable[str]) -> Iterator[None]:
        """Hold names that no other process may hold meanwhile.

        A file has one run at a time (``opening``). In PostgreSQL an advisory lock per name is waited for, in an order
        that is the same everywhere; it ends with the connection, also when that is killed.
        """
        keys = [] if self._is_file else sorted(set(map(_lock_of, names)))
        for key in keys:
            self.execute(select(func.pg_advisory_lock(key)))
        try:
            yield
        finally:
            for key in keys:
                self.execute(select(func.pg_advisory_unlock(key)))

    @contextmanager
    def making_tables(self) -> Iterator[None]:
        """One process at a time makes tables; in a file there is no other."""
        with self.alone(["tables|"]):
            yield

    def make(self, tables: MetaData) -> None:
        """Make the tables that are not there yet."""
        with self.making_tables():
            tables.create_all(self._db)


def _postgresql_insert() -> Any:
    from sqlalchemy.dialects.postgresql import insert  # a tenth of a second to load, which a file does without

    return insert


def _lock_of(name: str) -> int:
    """The key of an advisory lock: a signed 64-bit number."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
