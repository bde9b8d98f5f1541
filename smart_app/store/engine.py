"""Opening the database: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from fhir_plugin.errors import StoreError
from smart_app.store.tables import metadata

__all__ = ["open_engine"]

PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "secure_delete=ON")
"""Readers beside a writer; wait for a writer instead of failing; leave nothing of a purged row in the file."""


def open_engine(url: str) -> Engine:
    """Connect, and create the tables where they lack.

    Raises:
        StoreError: the database cannot be reached.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else create_engine(parsed, pool_pre_ping=True)
        with suppress(SQLAlchemyError):  # another process may make the tables in the same moment
            metadata.create_all(engine)
        metadata.create_all(engine)
    except (SQLAlchemyError, ImportError, OSError) as error:
        remedy = "Check the database URL, and that the database runs."
        raise StoreError("The database cannot be opened.", code="store-unreachable", remedy=remedy) from error
    return engine


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        return create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DB-API connection, untyped by SQLAlchemy
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
