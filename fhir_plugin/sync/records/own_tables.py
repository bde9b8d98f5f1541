"""Tables of the own store, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, Table

from fhir_plugin.sync.journals.tables import texts

__all__ = ["kept", "metadata", "open_item", "own_version", "saga"]

metadata = MetaData()

kept = Table(
    "kept",
    metadata,
    *texts("ehr", "patient", "type", "id"),
    Column("version", Integer, nullable=False),
    *texts("base"),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("ehr", "type", "id"),
    Index("kept_patient", "ehr", "patient"),
)
"""Resources the EHR has no place for."""

own_version = Table(
    "own_version",
    metadata,
    *texts("ehr", "type", "id", "version"),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("ehr", "type", "id", "version"),
)
"""Every version of everything, for an EHR that gives no access."""

open_item = Table(
    "open_item",
    metadata,
    *texts("ehr", "source", "patient", "since"),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("ehr", "source", "patient"),
)
"""The work list: what people have to enter."""

saga = Table(
    "saga",
    metadata,
    *texts("ehr"),
    Column("run", Integer, nullable=False),
    *texts("patient"),
    Column("position", Integer, nullable=False),
    Column("closed", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("done", LargeBinary),
    PrimaryKeyConstraint("ehr", "run", "patient", "position"),
)
"""The steps of each saga, written down before the first is sent."""
