"""Answers of a form on their way to the record: sealed, beside their launch, so that the back button loses nothing.

A launch that ends by itself (its time is over, or the EHR gives no more access) leaves its drafts for the next launch
of the same person on the same record, which may take them over. Signing out throws them away.
"""

from __future__ import annotations

import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, replace

import orjson
from sqlalchemy import ColumnElement, delete, insert, select, update

from fhir_plugin.errors import StoreError
from smart_app.launch.phases import LaunchFacts
from smart_app.store.launches import LaunchStore
from smart_app.store.tables import drafts

__all__ = ["Draft", "Drafts"]

MOST_PER_LAUNCH = 20

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


class Drafts:
    """The drafts of one launch; those of another do not exist here.

    Args:
        store: holds the launches and their drafts.
        launch: whose drafts.
    """

    def __init__(self, store: LaunchStore, launch: LaunchFacts) -> None:
        self._store = store
        self._launch_id = launch.id
        who = launch.user.reference
        whose = f"drafts of {launch.issuer_key} {launch.patient_id} {who}"
        self._owner = store.keyring.mark(whose) if who else ""

    def put(self, draft: Draft) -> None:
        """Keep a draft, new or changed; the oldest of the launch make room."""
        until = self._store.clock() + self._store.limits.absolute.total_seconds()
        row = {"expires_at": until, "sealed": self._sealed(draft)}
        with self._store.engine.begin() as connection:
            if connection.execute(update(drafts).where(*self._mine(draft.id)).values(row)).rowcount:
                return
            own = drafts.c.launch_id == self._launch_id
            newest = select(drafts.c.id).where(own).order_by(drafts.c.expires_at.desc())
            spare = [found.id for found in connection.execute(newest.offset(MOST_PER_LAUNCH - 1))]
            connection.execute(delete(drafts).where(drafts.c.id.in_(spare)))
            where = {"id": draft.id, "launch_id": self._launch_id, "owner": self._owner}
            connection.execute(insert(drafts).values(where | row))

    def get(self, draft_id: str) -> Draft | None:
        """A draft of this launch, or None."""
        with self._store.engine.connect() as connection:
            row = connection.execute(select(drafts).where(*self._mine(draft_id), self._is_fresh())).first()
        return self._opened(row.sealed, row.launch_id, row.id) if row else None

    def drop(self, draft_id: str) -> None:
        """Throw one draft away."""
        with self._store.engine.begin() as connection:
            connection.execute(delete(drafts).where(*self._mine(draft_id)))

    def left_behind(self) -> tuple[Draft, ...]:
        """What this person was writing in this record in launches that are over, the latest first."""
        with self._store.engine.connect() as connection:
            rows = connection.execute(select(drafts).where(*self._left()).order_by(drafts.c.expires_at.desc())).all()
        found = []
        for row in rows:
            with suppress(StoreError):  # sealed with a key that is gone
                found.append(self._opened(row.sealed, row.launch_id, row.id))
        return tuple(found)

    def take_over(self, draft_id: str) -> None:
        """Make a draft that was left behind one of this launch; nothing where there is no such draft (any more)."""
        with self._store.engine.begin() as connection:
            row = connection.execute(select(drafts).where(*self._left(), drafts.c.id == draft_id)).first()
            if row is not None:
                sealed = self._sealed(self._opened(row.sealed, row.launch_id, row.id))
                here = (drafts.c.id == draft_id, drafts.c.launch_id == row.launch_id)
                connection.execute(update(drafts).where(*here).values(launch_id=self._launch_id, sealed=sealed))

    def _mine(self, draft_id: str) -> tuple[ColumnElement[bool], ...]:
        return drafts.c.id == draft_id, drafts.c.launch_id == self._launch_id

    def _is_fresh(self) -> ColumnElement[bool]:
        return drafts.c.expires_at >= self._store.clock()

    def _left(self) -> tuple[ColumnElement[bool], ...]:
        own = (drafts.c.owner == self._owner, drafts.c.owner != "")
        return *own, self._is_fresh(), drafts.c.launch_id.not_in(self._store.running())

    def _sealed(self, draft: Draft) -> bytes:
        return self._store.keyring.seal(orjson.dumps(draft), bound_to=f"draft {self._launch_id} {draft.id}")

    def _opened(self, sealed: bytes, launch_id: str, draft_id: str) -> Draft:
        body = orjson.loads(self._store.keyring.open(sealed, bound_to=f"draft {launch_id} {draft_id}"))
        for name in ("base", "values", "sent", "wrote"):
            body[name] = {key: tuple(many) for key, many in body.get(name, {}).items()}
        return Draft(**body | {"consents": tuple(body.get("consents", ()))})
