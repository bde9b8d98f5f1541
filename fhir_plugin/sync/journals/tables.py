"""Tables of the journal, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)

__all__ = ["memory", "metadata", "pace", "run", "seen", "settled", "step", "watermark"]

metadata = MetaData()

memory = Table(
    "memory",
    metadata,
    Column("ehr", String, nullable=False),
    Column("source", String, nullable=False),
    Column("patient", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("target", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("ehr", "source", "patient", "identity"),
)
"""What was agreed about each figure."""

settled = Table(
    "settled",
    metadata,
    Column("ehr", String, nullable=False),
    Column("source", String, nullable=False),
    Column("patient", String, nullable=False),
    Column("print", String, nullable=False),
    PrimaryKeyConstraint("ehr", "source", "patient"),
)
"""The prints under which nothing is left to do for a client."""

seen = Table(
    "seen",
    metadata,
    Column("ehr", String, nullable=False),
    Column("source", String, nullable=False),
    Column("client", String, nullable=False),
    Column("patient", String, nullable=False),
    PrimaryKeyConstraint("ehr", "source", "client"),
)
"""Which client a source means by a key (a keyed hash)."""

watermark = Table(
    "watermark",
    metadata,
    Column("ehr", String, nullable=False),
    Column("source", String, nullable=False),
    Column("since", String, nullable=False),
    Column("whole", String, nullable=False),
    PrimaryKeyConstraint("ehr", "source"),
)
"""From when on the EHR's changes still have to be looked at, and when everything was last read."""

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ehr", String, nullable=False),
    Column("source", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("started", String, nullable=False),
    Column("finished", String),
    Column("clients", Integer, nullable=False),
)
"""Each application of a plan."""

step = Table(
    "step",
    metadata,
    Column("run", Integer, ForeignKey("run.id"), nullable=False),
    Column("patient", String, nullable=False),
    Column("state", String, nullable=False),
    Column("code", String, nullable=False),
    Column("resources", Integer, nullable=False),
    Column("sealed", LargeBinary),
    Column("at", String, nullable=False),
    PrimaryKeyConstraint("run", "patient"),
    Index("step_patient", "patient"),
)
"""What became of each client of a run."""

pace = Table(
    "pace",
    metadata,
    Column("ehr", String, primary_key=True),
    Column("next", Float, nullable=False),
)
"""When the next request to an EHR may be sent, in seconds since the epoch of the database's clock."""
