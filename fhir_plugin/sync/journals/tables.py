"""Tables of the journal, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

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

__all__ = ["memory", "metadata", "noticed", "pace", "run", "seen", "settled", "step", "texts", "watermark"]

metadata = MetaData()


def texts(*names: str) -> list[Column[Any]]:
    """Columns of text that always hold one."""
    return [Column(name, String, nullable=False) for name in names]


memory = Table(
    "memory",
    metadata,
    *texts("ehr", "source", "patient", "identity", "target"),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("ehr", "source", "patient", "identity"),
)
"""What was agreed about each figure."""

settled = Table(
    "settled",
    metadata,
    *texts("ehr", "source", "patient", "print"),
    PrimaryKeyConstraint("ehr", "source", "patient"),
)
"""The prints under which nothing is left to do for a client."""

seen = Table(
    "seen",
    metadata,
    *texts("ehr", "source", "client", "patient"),
    PrimaryKeyConstraint("ehr", "source", "client"),
)
"""Which client a source means by a key (a keyed hash)."""

watermark = Table(
    "watermark",
    metadata,
    *texts("ehr", "source", "since", "whole"),
    PrimaryKeyConstraint("ehr", "source"),
)
"""From when on the EHR's changes still have to be looked at, and when everything was last read."""

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    *texts("ehr", "source", "plan", "started"),
    Column("finished", String),
    Column("clients", Integer, nullable=False),
)
"""Each application of a plan."""

step = Table(
    "step",
    metadata,
    Column("run", Integer, ForeignKey("run.id"), nullable=False),
    *texts("patient", "state", "code"),
    Column("resources", Integer, nullable=False),
    Column("sealed", LargeBinary),
    *texts("at"),
    PrimaryKeyConstraint("run", "patient"),
    Index("step_patient", "patient"),
)
"""What became of each client of a run."""

noticed = Table(
    "noticed",
    metadata,
    Column("run", Integer, ForeignKey("run.id"), nullable=False),
    *texts("code"),
    Column("times", Integer, nullable=False),
    PrimaryKeyConstraint("run", "code"),
)
"""What a run found out about the EHR, and how often."""

pace = Table(
    "pace",
    metadata,
    *texts("ehr"),
    Column("next", Float, nullable=False),
    PrimaryKeyConstraint("ehr"),
)
"""When the next request to an EHR may be sent, in seconds since the epoch of the database's clock."""
