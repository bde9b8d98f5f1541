"""Opening a journal: a file for one run at a time, or a PostgreSQL database for any number of workers."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from fhir_plugin.errors import StoreError, UsageError
from fhir_plugin.sync.journals.database import Database
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.journals.tables import metadata
from fhir_plugin.sync.journals.vault import KEY_VARIABLE, open_vault, vault_of

__all__ = ["database_url", "in_database", "in_file", "open_database", "open_journal"]

_CODES = {"journal": "sync-journal", "own store": "sync-own-store"}
_BUSY = 60_000
"""Milliseconds one process waits for another to write its part."""


@contextmanager
def open_journal(path: Path, ehr: str, source: str, *, beside: bool = False) -> Iterator[Journal]:
    """Open a journal file.

    Args:
        path: of the SQLite file; its locks and its key stand beside it.
        ehr: base URL.
        source: name of the source.
        beside: as one of the processes of a run that has it open already.

    Raises:
        StoreError: another run has it, it is no journal, or its key is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _run_of(path, beside=beside):
        vault = open_vault(path)
        with in_file(path, metadata) as database:
            yield Journal(database, vault, ehr, source)


@contextmanager
def open_database(url: str, ehr: str, source: str) -> Iterator[Journal]:
    """Open a journal in a PostgreSQL database that many processes use at once.

    Raises:
        UsageError: the URL is not one of PostgreSQL, or its driver is not installed.
        StoreError: the database cannot be reached, or the key is not in the environment.
    """
    vault = vault_of(os.environ.get(KEY_VARIABLE, ""))
    with in_database(url, metadata) as database:
        yield Journal(database, vault, ehr, source)


@contextmanager
def in_file(path: Path, tables: MetaData, what: str = "journal") -> Iterator[Database]:
    """A SQLite file with these tables, readable by its owner alone; what is written is on disk at once.

    Args:
        path: of the file.
        tables: made where they are not there yet.
        what: it is called in errors: ``journal`` or ``own store``.

    Raises:
        StoreError: it cannot be used.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT", connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _durable)
    with _opened(engine, tables, path.name, what) as database:
        yield database


@contextmanager
def in_database(url: str, tables: MetaData, what: str = "journal") -> Iterator[Database]:
    """A PostgreSQL database with these tables; arguments as of ``in_file``.

    Raises:
        UsageError: the URL is not one of PostgreSQL, or its driver is not installed.
        StoreError: it cannot be reached.
    """
    with _opened(_engine(url), tables, "the database", what) as database:
        yield database


def database_url(url: str) -> str:
    """A PostgreSQL URL as SQLAlchemy wants it, with the driver this product comes with."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(database_url(url), isolation_level="AUTOCOMMIT", pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ImportError):
        engine = None
    if engine is None or engine.dialect.name != "postgresql":
        raise UsageError(
            "The database is given as postgresql://….",
            code="sync-database",
            remedy="Check --database, and install steunfiguren[postgres].",
        )
    return engine


@contextmanager
def _opened(engine: Engine, tables: MetaData, where: str, what: str) -> Iterator[Database]:
    try:
        with engine.connect() as connection:
            database = Database(connection)
            database.make(tables)
            yield database
    except SQLAlchemyError as error:
        raise StoreError(
            f"The {what} cannot be used ({type(error).__name__}).",
            code=_CODES[what],
            where=where,
            remedy="Check the disk and the file, or the database; keep the old one.",
        ) from None
    finally:
        engine.dispose()


def _durable(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY}"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def _run_of(path: Path, *, beside: bool) -> Iterator[None]:
    """The one run of a file, or one of its processes: a run waits for nobody, also not for what a killed one left."""
    held: list[int] = []

    def take(name: str, how: int) -> None:
        held.append(os.open(path.with_name(f"{path.name}.{name}"), os.O_RDWR | os.O_CREAT, 0o600))
        fcntl.flock(held[-1], how | fcntl.LOCK_NB)

    try:
        try:
            _take_locks(take, beside=beside)
        except BlockingIOError:
            raise StoreError(
                "Another run is busy with this journal.", code="sync-journal-busy", remedy="Wait until it is done."
            ) from None
        if not beside:
            os.close(held.pop())  # looked only whether a process of an earlier run is still at work
        yield
    finally:
        for lock in held:
            os.close(lock)


def _take_locks(take: Callable[[str, int], None], *, beside: bool) -> None:
    if beside:
        take("hands", fcntl.LOCK_SH)
    else:
        take("lock", fcntl.LOCK_EX)
        take("hands", fcntl.LOCK_EX)
