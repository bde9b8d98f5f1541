"""Keeping an access token fresh: one refresh at a time over all threads and processes, and no refresh token used twice.

Source: App Launch 2.2, *Refresh access token*; RFC 9700 2.2.2 (rotation). The refresh token leaves the store *before*
it is sent: whoever dies or gets no answer half-way cannot send it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fhir_plugin.errors import AuthorizationDenied, EhrBusy, EhrError, EhrUnreachable, SessionExpired, TokenInvalid
from smart_app.launch.context import patient_id
from smart_app.launch.id_token import IdTokenVerifier
from smart_app.launch.phases import LaunchFacts, Tokens
from smart_app.launch.tokens import Grant, TokenEndpoint
from smart_app.store.launches import LEASE_SECONDS, LaunchStore, StoredTokens

__all__ = ["LaunchTokens"]

EARLY_SECONDS = 30.0
"""Renew a little before the end, so that a token does not expire on its way."""
POLL_SECONDS = 0.05

log = logging.getLogger(__name__)


class LaunchTokens:
    """The token source of one launch within one request; see ``fhir_plugin.ehr.transport.TokenSource``.

    Args:
        facts: whose tokens.
        store: where they rest.
        endpoint: makes the token endpoint when it is needed, for that may ask the EHR's metadata.
        verifier: makes the verifier of a refreshed id_token; None where the settings leave it unread.
        clock: Unix time.
        wait: waits a number of seconds.
    """

    def __init__(
        self,
        facts: LaunchFacts,
        store: LaunchStore,
        *,
        endpoint: Callable[[], TokenEndpoint],
        verifier: Callable[[], IdTokenVerifier] | None,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.facts = facts
        self.store = store
        self.endpoint = endpoint
        self.verifier = verifier
        self.clock = clock
        self.wait = wait
        self._last: StoredTokens | None = None

    def __call__(self, force: bool) -> str:
        """The access token; with ``force`` one that is newer than the last one given.

        Raises:
            SessionExpired: there is no way to a working token.
        """
        current = self.store.tokens(self.facts.id) if force or self._last is None else self._last
        rejected = force and self._last is not None and current.version == self._last.version
        if rejected or self._is_due(current.tokens):
            self._last = None
            current = self._renewed(current, rejected=rejected)
        self._last = current
        return current.tokens.access

    def _is_due(self, tokens: Tokens) -> bool:
        return tokens.expires_at is not None and self.clock() >= tokens.expires_at - EARLY_SECONDS

    def _is_good(self, tokens: Tokens) -> bool:
        return tokens.expires_at is None or self.clock() < tokens.expires_at

    def _renewed(self, current: StoredTokens, *, rejected: bool) -> StoredTokens:
        deadline = self.clock() + LEASE_SECONDS * 2
        while self.clock() < deadline:
            if not current.tokens.refresh and not self._somebody_is_at_it(current):
                return self._last_chance(current, rejected=rejected)
            lease = self.store.take_lease(self.facts.id, current.version)
            if lease is not None:
                return self._refreshed(self.store.tokens(self.facts.id), lease, rejected=rejected)
            self.wait(POLL_SECONDS)
            found = self.store.tokens(self.facts.id)
            if found.version != current.version:
                return found
            current = found
        raise EhrUnreachable("The EHR takes too long to renew access.", where="token endpoint", remedy="Try again.")

    def _somebody_is_at_it(self, current: StoredTokens) -> bool:
        """A refresh token that has left the store while a lease runs is on its way to the EHR right now."""
        return self.store.is_leased(self.facts.id, current.version)

    def _last_chance(self, current: StoredTokens, *, rejected: bool) -> StoredTokens:
        """Without refresh token, what we have is used until the EHR says no."""
        if self._is_good(current.tokens) and not rejected:
            return current
        self.store.end(self.facts.id)
        raise _over("session-token")

    def _refreshed(self, current: StoredTokens, lease: str, *, rejected: bool) -> StoredTokens:
        refresh = current.tokens.refresh
        if not refresh:
            self.store.keep_tokens(self.facts.id, current.tokens, lease)
            return self._last_chance(current, rejected=rejected)
        spent = replace(current.tokens, refresh="")
        self.store.keep_tokens(self.facts.id, spent, lease, release=False)
        try:
            grant = self.endpoint().refresh(refresh)
        except EhrError as error:
            unused = isinstance(error, EhrBusy) or error.code == "ehr-unreachable"
            kept = current.tokens if unused else spent
            self.store.keep_tokens(self.facts.id, kept, lease)
            if rejected or not self._is_good(kept):
                raise
            return StoredTokens(tokens=kept, version=current.version + 1)
        except (AuthorizationDenied, TokenInvalid):
            self.store.end(self.facts.id)
            raise _over("session-refused") from None
        self._check(grant)
        tokens = replace(grant.tokens, refresh=grant.tokens.refresh or refresh)
        if not self.store.keep_tokens(self.facts.id, tokens, lease):
            raise _over("session-missing")
        log.info("token renewed", extra={"issuer": self.facts.issuer_key})
        return StoredTokens(tokens=tokens, version=current.version + 1)

    def _check(self, grant: Grant) -> None:
        """Another patient, or another person at the screen, ends the launch."""
        try:
            changed = "patient" in grant.context and patient_id(grant.context) != self.facts.patient_id
            changed = changed or self._is_somebody_else(grant)
        except TokenInvalid as error:
            log.warning("refresh not believed", extra={"issuer": self.facts.issuer_key, "code": error.code})
            changed = True
        if changed:
            self.store.end(self.facts.id)
            raise SessionExpired(
                "The EHR gave access to another record than the one on screen.",
                code="session-other-patient",
                remedy="Open the app again from the record of the child.",
            )

    def _is_somebody_else(self, grant: Grant) -> bool:
        if self.verifier is None or not grant.id_token or not self.facts.user.subject:
            return False
        claims: dict[str, Any] = self.verifier().verify(grant.id_token)
        return bool(claims["sub"] != self.facts.user.subject)


def _over(code: str) -> SessionExpired:
    message = "The EHR no longer gives this launch access."
    return SessionExpired(message, code=code, remedy="Open the app again from the record.")
