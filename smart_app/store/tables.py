"""The tables: pending states, launches and drafts. Everything about people and every token is in a sealed column."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

__all__ = ["drafts", "launches", "metadata", "states"]

metadata = MetaData()

states = Table(
    "pending_launch",
    metadata,
    Column("handle", String(64), primary_key=True, comment="SHA-256 of the state parameter"),
    Column("browser", String(64), nullable=False, comment="SHA-256 of the cookie of the browser that started it"),
    Column("issuer_key", String(32), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float, comment="a used state stays until it expires, so that a replay can be told apart"),
    Column("sealed", LargeBinary),
    Index("ix_pending_launch_expires_at", "expires_at"),
)

launches = Table(
    "launch",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("browser", String(64), nullable=False, comment="SHA-256 of the launch's cookie"),
    Column("issuer_key", String(32), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, comment="absolute end"),
    Column("facts", LargeBinary, nullable=False, comment="patient, user, scopes, context: sealed"),
    Column("tokens", LargeBinary, nullable=False, comment="access and refresh token: sealed"),
    Column("token_version", Integer, nullable=False, default=1),
    Column("lease", String(32), comment="who is refreshing now"),
    Column("lease_until", Float),
    Index("ix_launch_expires_at", "expires_at"),
)

drafts = Table(
    "launch_draft",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("launch_id", String(32), nullable=False),
    Column("owner", String(64), nullable=False, comment="keyed hash of EHR, patient and user; empty for nobody known"),
    Column("expires_at", Float, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="what was typed: sealed, bound to launch and draft"),
    Index("ix_launch_draft_launch_id", "launch_id"),
    Index("ix_launch_draft_owner", "owner"),
    Index("ix_launch_draft_expires_at", "expires_at"),
)
