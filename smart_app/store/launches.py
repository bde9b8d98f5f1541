"""Launches at rest: one-time states, sealed launches, and a lease that lets one process refresh at a time.

Everything is keyed by the launch id **and** the hash of the cookie of the browser that owns it; there is no way to
ask for "the" launch of a browser. Every change is one statement whose row count tells who won, so threads and
processes need no other lock. Works on SQLite and PostgreSQL.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Engine, Row, Select, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from fhir_plugin.errors import StoreError
from smart_app.launch.phases import LaunchFacts, PendingLaunch, Tokens, dump, load
from smart_app.settings import SessionLimits
from smart_app.store.crypto import Keyring
from smart_app.store.refusals import expired, state_error
from smart_app.store.tables import drafts, launches, states

__all__ = ["LaunchStore", "StoredTokens", "digest"]

TOUCH_SECONDS = 30.0
"""``seen_at`` is written at most this often, so that reading a page is not a write."""
LEASE_SECONDS = 30.0
"""Longer than a token request may take; a process that dies while refreshing blocks the others no longer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTokens:
    """Tokens with the version that a refresh must still find."""

    tokens: Tokens = field(repr=False)
    version: int


def digest(secret: str) -> str:
    """What the store keeps of a cookie or state: enough to recognise it, not to use it."""
    return sha256(secret.encode()).hexdigest()


class LaunchStore:
    """Pending and running launches.

    Args:
        engine: from :func:`smart_app.store.engine.open_engine`.
        keyring: seals what is about people, and every token.
        limits: idle and absolute timeouts.
        clock: Unix time.
    """

    def __init__(
        self, engine: Engine, keyring: Keyring, limits: SessionLimits, clock: Callable[[], float] = time.time
    ) -> None:
        self.engine = engine
        self.keyring = keyring
        self.limits = limits
        self.clock = clock

    def add_state(self, state: str, browser: str, pending: PendingLaunch) -> None:
        """Remember what a state stands for, until it is used or ``limits.state`` has passed."""
        handle = digest(state)
        row = {
            "handle": handle,
            "browser": digest(browser),
            "issuer_key": pending.issuer_key,
            "expires_at": self.clock() + self.limits.state.total_seconds(),
            "sealed": self.keyring.seal(dump(pending), bound_to=f"state {handle}"),
        }
        with self.engine.begin() as connection:
            connection.execute(insert(states).values(row))

    def read_state(self, state: str, browser: str) -> PendingLaunch:
        """What a state stands for, for the browser that started it, without using it up.

        Raises:
            LaunchStateError: unknown, used, expired or of another browser.
        """
        handle = digest(state)
        with self.engine.connect() as connection:
            row = connection.execute(select(states).where(states.c.handle == handle)).first()
        sealed = self._usable(row, digest(browser))
        return load(PendingLaunch, self.keyring.open(sealed, bound_to=f"state {handle}"))

    def take_state(self, state: str) -> PendingLaunch:
        """Consume a state without asking for its browser: only to start over with a new one in a tab of its own.

        Raises:
            LaunchStateError: unknown, used or expired.
        """
        return self._consume(state, None)

    def use_state(self, state: str, browser: str) -> PendingLaunch:
        """Consume a state: exactly one caller gets it, and only from the browser that started it.

        Raises:
            LaunchStateError: unknown, used, expired or of another browser.
        """
        return self._consume(state, digest(browser))

    def once(self, name: str, seconds: float) -> None:
        """Accept a name (such as the ``jti`` of a message) the first time only, for as long as it could be replayed.

        Raises:
            LaunchStateError: it was seen before.
        """
        row = {"handle": digest(name), "browser": "", "issuer_key": "", "expires_at": self.clock() + seconds}
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(states).values(row | {"used_at": self.clock()}))
        except IntegrityError:
            raise state_error("used") from None

    def add_launch(self, facts: LaunchFacts, tokens: Tokens, browser: str) -> None:
        """Keep a completed launch for the browser that owns it."""
        now = self.clock()
        row = {
            "id": facts.id,
            "browser": digest(browser),
            "issuer_key": facts.issuer_key,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + self.limits.absolute.total_seconds(),
            "facts": self.keyring.seal(dump(facts), bound_to=f"facts {facts.id}"),
            "tokens": self._sealed_tokens(facts.id, tokens),
            "token_version": 1,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(launches).values(row))

    def launch(self, launch_id: str, browser: str) -> LaunchFacts:
        """The launch with this id, of this browser.

        Raises:
            SessionExpired: no such launch, another browser's, or past its idle or absolute end.
        """
        now = self.clock()
        with self.engine.connect() as connection:
            row = connection.execute(
                select(launches).where(launches.c.id == launch_id, launches.c.browser == digest(browser))
            ).first()
        if row is None:
            raise expired("missing")
        if now >= row.expires_at or now >= row.seen_at + self.limits.idle.total_seconds():
            self.end(launch_id)
            raise expired("timeout")
        if now >= row.seen_at + TOUCH_SECONDS:
            with self.engine.begin() as connection:
                connection.execute(update(launches).where(launches.c.id == launch_id).values(seen_at=now))
        facts = self._facts(launch_id, row.facts)
        if facts.id != launch_id or facts.issuer_key != row.issuer_key:
            raise StoreError(
                "A stored launch was moved.", code="store-tampered", remedy="Open it again from the record."
            )
        return facts

    def tokens(self, launch_id: str) -> StoredTokens:
        """The tokens of a launch.

        Raises:
            SessionExpired: it has ended.
        """
        with self.engine.connect() as connection:
            row = connection.execute(
                select(launches.c.tokens, launches.c.token_version).where(launches.c.id == launch_id)
            ).first()
        if row is None:
            raise expired("missing")
        tokens = load(Tokens, self.keyring.open(row.tokens, bound_to=f"tokens {launch_id}"))
        return StoredTokens(tokens=tokens, version=row.token_version)

    def take_lease(self, launch_id: str, version: int) -> str | None:
        """Try to become the one that refreshes; None when somebody else is at it or was first."""
        now, holder = self.clock(), secrets.token_hex(16)
        with self.engine.begin() as connection:
            won = connection.execute(
                update(launches)
                .where(
                    launches.c.id == launch_id,
                    launches.c.token_version == version,
                    or_(launches.c.lease.is_(None), launches.c.lease_until < now),
                )
                .values(lease=holder, lease_until=now + LEASE_SECONDS)
            ).rowcount
        return holder if won else None

    def is_leased(self, launch_id: str, version: int) -> bool:
        """Whether somebody is refreshing these tokens, or has done so since they were read."""
        with self.engine.connect() as connection:
            row = connection.execute(
                select(launches.c.token_version, launches.c.lease, launches.c.lease_until).where(
                    launches.c.id == launch_id
                )
            ).first()
        if row is None:
            raise expired("missing")
        return bool(row.token_version != version or (row.lease is not None and row.lease_until >= self.clock()))

    def keep_tokens(self, launch_id: str, tokens: Tokens, lease: str, *, release: bool = True) -> bool:
        """Replace the tokens while holding the lease; False when the lease or the launch is gone."""
        freed = {"lease": None, "lease_until": None} if release else {}
        with self.engine.begin() as connection:
            kept = connection.execute(
                update(launches)
                .where(launches.c.id == launch_id, launches.c.lease == lease)
                .values(
                    tokens=self._sealed_tokens(launch_id, tokens),
                    token_version=launches.c.token_version + (1 if release else 0),
                    **freed,
                )
            ).rowcount
        return bool(kept)

    def end(self, launch_id: str, *, typed: bool = False) -> None:
        """Purge a launch; with ``typed`` also what was written in its forms, which otherwise waits for its writer."""
        with self.engine.begin() as connection:
            connection.execute(delete(launches).where(launches.c.id == launch_id))
            if typed:
                connection.execute(delete(drafts).where(drafts.c.launch_id == launch_id))

    def running(self) -> Select[tuple[str]]:
        """Ids of the launches that are not over; a part of other queries."""
        now = self.clock()
        return select(launches.c.id).where(
            launches.c.expires_at > now, launches.c.seen_at > now - self.limits.idle.total_seconds()
        )

    def clean(self) -> int:
        """Purge everything past its time; returns how many rows went."""
        now = self.clock()
        idle = now - self.limits.idle.total_seconds()
        with self.engine.begin() as connection:
            gone = connection.execute(delete(states).where(states.c.expires_at <= now)).rowcount
            gone += connection.execute(delete(drafts).where(drafts.c.expires_at <= now)).rowcount
            ended = or_(launches.c.expires_at <= now, launches.c.seen_at <= idle)
            return gone + connection.execute(delete(launches).where(ended)).rowcount

    def _consume(self, state: str, browser: str | None) -> PendingLaunch:
        handle = digest(state)
        with self.engine.begin() as connection:
            row = connection.execute(select(states).where(states.c.handle == handle)).first()
            sealed = self._usable(row, browser)
            won = connection.execute(
                update(states)
                .where(states.c.handle == handle, states.c.used_at.is_(None))
                .values(used_at=self.clock(), sealed=None)
            ).rowcount
        if not won:
            raise state_error("used")
        return load(PendingLaunch, self.keyring.open(sealed, bound_to=f"state {handle}"))

    def _sealed_tokens(self, launch_id: str, tokens: Tokens) -> bytes:
        return self.keyring.seal(dump(tokens), bound_to=f"tokens {launch_id}")

    def _facts(self, launch_id: str, sealed: bytes) -> LaunchFacts:
        """A launch of another version, or under a key that is gone, is over; one that was tampered with is an alarm."""
        try:
            return load(LaunchFacts, self.keyring.open(sealed, bound_to=f"facts {launch_id}"))
        except StoreError as error:
            if error.code == "store-tampered":
                raise
            raise expired("unreadable") from error

    def _usable(self, row: Row[tuple[Any, ...]] | None, browser: str | None) -> bytes:
        if row is None:
            raise state_error("unknown")
        if browser is not None and row.browser != browser:
            raise state_error("browser")
        if row.used_at is not None or row.sealed is None:
            raise state_error("used")
        if self.clock() >= row.expires_at:
            raise state_error("expired")
        return bytes(row.sealed)
