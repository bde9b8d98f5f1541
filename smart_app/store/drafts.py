"""Answers of a form on their way to the record: sealed, beside their launch, so that the back button loses nothing."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import orjson
from sqlalchemy import (
    Column,
    Engine,
    Float,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from fhir_plugin.errors import StoreError
from smart_app.store.crypto import Keyring

__all__ = ["Draft", "DraftStore"]

LIFETIME = timedelta(hours=10)
MOST_PER_LAUNCH = 20

_metadata = MetaData()
_drafts = Table(
    "draft",
    _metadata,
    Column("id", String(32), primary_key=True),
    Column("launch_id", String(32), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="what was typed: sealed, bound to launch and draft"),
    Index("ix_draft_launch_id", "launch_id"),
    Index("ix_draft_expires_at", "expires_at"),
)

Values = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One form that is being filled in.

    Attributes:
        id: random; the business identifier of a new figure follows from it, so that saving twice creates one figure.
        figure_id: whom it is about; empty for somebody new.
        candidate: reference of the person in the record who becomes a figure; empty otherwise.
        entry: the step it began at; empty when adding.
        base: answers the figure gave when editing began.
        values: answers now.
        sent: answers as they were last sent to the record; empty before the first attempt to save.
        wrote: what the figure holds once that attempt is in the record.
        sent_at: the moment of the first attempt, so that a note of a second attempt is recognised.
        consents: business identifiers of the consents that were sent.
        saved: the figure's id once it is in the record.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    figure_id: str = ""
    candidate: str = ""
    entry: str = ""
    base: Values = field(default_factory=dict, repr=False)
    values: Values = field(default_factory=dict, repr=False)
    sent: Values = field(default_factory=dict, repr=False)
    wrote: Values = field(default_factory=dict, repr=False)
    sent_at: str = ""
    consents: tuple[str, ...] = ()
    saved: str = ""

    @property
    def urn(self) -> str:
        """The draft as a ``urn:uuid:``."""
        return f"urn:uuid:{uuid.UUID(self.id)}"

    @property
    def mark(self) -> str:
        """Business identifier of the figure that comes of it."""
        return self.urn_of("figure")

    def urn_of(self, part: str) -> str:
        """A name for something that is created together with the figure; the same each time."""
        return f"urn:uuid:{uuid.uuid5(uuid.UUID(self.id), part)}"

    def answered(self, names: frozenset[str], given: Values) -> Draft:
        """The draft with the answers of one page replaced."""
        kept = {name: many for name, many in self.values.items() if name not in names}
        return replace(self, values=kept | {name: many for name, many in given.items() if name in names})


class DraftStore:
    """Drafts by launch; a draft of another launch does not exist here.

    Args:
        engine: the database of the launches.
        keyring: seals what was typed.
        clock: Unix time.
    """

    def __init__(self, engine: Engine, keyring: Keyring, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._keyring = keyring
        self._clock = clock
        try:
            with suppress(SQLAlchemyError):  # another process may make the table in the same moment
                _metadata.create_all(engine)
            _metadata.create_all(engine)
        except SQLAlchemyError as error:
            remedy = "Check the database URL, and that the database runs."
            raise StoreError("The database cannot be opened.", code="store-unreachable", remedy=remedy) from error

    def put(self, launch_id: str, draft: Draft) -> None:
        """Keep a draft, new or changed; the oldest of a launch make room."""
        sealed = self._keyring.seal(orjson.dumps(draft), bound_to=f"draft {launch_id} {draft.id}")
        row = {"expires_at": self._clock() + LIFETIME.total_seconds(), "sealed": sealed}
        mine = (_drafts.c.id == draft.id, _drafts.c.launch_id == launch_id)
        with self._engine.begin() as connection:
            if connection.execute(update(_drafts).where(*mine).values(row)).rowcount:
                return
            connection.execute(delete(_drafts).where(_drafts.c.expires_at < self._clock()))
            newest = select(_drafts.c.id).where(_drafts.c.launch_id == launch_id).order_by(_drafts.c.expires_at.desc())
            spare = [found.id for found in connection.execute(newest.offset(MOST_PER_LAUNCH - 1))]
            connection.execute(delete(_drafts).where(_drafts.c.id.in_(spare)))
            connection.execute(insert(_drafts).values(id=draft.id, launch_id=launch_id, **row))

    def get(self, launch_id: str, draft_id: str) -> Draft | None:
        """A draft of this launch, or None."""
        mine = (_drafts.c.id == draft_id, _drafts.c.launch_id == launch_id, _drafts.c.expires_at >= self._clock())
        with self._engine.connect() as connection:
            row = connection.execute(select(_drafts.c.sealed).where(*mine)).first()
        if row is None:
            return None
        body = orjson.loads(self._keyring.open(row.sealed, bound_to=f"draft {launch_id} {draft_id}"))
        for name in ("base", "values", "sent", "wrote"):
            body[name] = {key: tuple(many) for key, many in body.get(name, {}).items()}
        return Draft(**body | {"consents": tuple(body.get("consents", ()))})

    def drop(self, launch_id: str, draft_id: str) -> None:
        """Throw one draft away."""
        with self._engine.begin() as connection:
            connection.execute(delete(_drafts).where(_drafts.c.id == draft_id, _drafts.c.launch_id == launch_id))

    def forget(self, launch_id: str) -> None:
        """Throw away everything of a launch that is over."""
        with self._engine.begin() as connection:
            connection.execute(delete(_drafts).where(_drafts.c.launch_id == launch_id))
