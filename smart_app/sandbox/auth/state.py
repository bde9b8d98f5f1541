"""What the authorization server remembers: launches, codes, tokens, nonces and assertion ids.

In memory: when the sandbox stops, every session is over. Tokens are kept by digest, so a memory dump holds none.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, TokenMixin

from smart_app.sandbox.auth.clients import RegisteredClient
from smart_app.sandbox.auth.users import EhrUser

__all__ = ["AuthState", "Authorization", "Code", "Launch", "Token"]

LAUNCH_LIFE = timedelta(minutes=5)
CODE_LIFE = timedelta(minutes=1)
REFRESH_LIFE = timedelta(hours=12)
NONCE_LIFE = timedelta(hours=1)
TIDY_FROM = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What the EHR had open when it launched an app; usable once.

    Attributes:
        extra: further parameters of the token response (``intent``, ``fhirContext``, ``tenant`` …).
        message: claims of the HTI message that is the launch (Koppeltaal); empty for SMART.
    """

    client_id: str
    user: EhrUser
    patient: str
    expires: datetime
    need_patient_banner: bool = True
    extra: tuple[tuple[str, Any], ...] = ()
    message: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Authorization:
    """One act of authorization: every code and token that follows from it shares its fate.

    Attributes:
        id: names the family of tokens.
        context: launch context parameters of the token response.
        message: claims of the HTI message it began with; empty for SMART.
    """

    id: str
    client_id: str
    user: EhrUser | None
    patient: str
    scope: str
    context: dict[str, Any] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)
    revoked: bool = False
    code_used: bool = False


@dataclass(slots=True, kw_only=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]  # authlib ships no types
    """An authorization code."""

    authorization: Authorization
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    nonce: str
    auth_time: int
    expires: datetime

    def get_redirect_uri(self) -> str:
        """The redirect URI it was asked with."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """The scopes that were granted."""
        return self.authorization.scope

    def get_nonce(self) -> str:
        """The nonce of the request, or empty."""
        return self.nonce

    def get_auth_time(self) -> int:
        """When the user signed in."""
        return self.auth_time

    def get_acr(self) -> str:
        """Nothing is claimed about how the user signed in."""
        return ""

    def get_amr(self) -> list[str]:
        """Nothing is claimed about how the user signed in."""
        return []


@dataclass(slots=True, kw_only=True)
class Token(TokenMixin):  # type: ignore[misc]  # authlib ships no types
    """An access or refresh token (the token itself is not kept)."""

    authorization: Authorization
    kind: str
    scope: str
    issued: datetime
    expires: datetime
    clock: Callable[[], datetime] = field(repr=False)
    used: bool = False
    revoked: bool = False

    def check_client(self, client: RegisteredClient) -> bool:
        """Whether it was issued to this client."""
        return self.authorization.client_id == client.client_id

    def get_scope(self) -> str:
        """Its scopes."""
        return self.scope

    def get_expires_in(self) -> int:
        """Seconds it lives altogether."""
        return int((self.expires - self.issued).total_seconds())

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.clock() >= self.expires

    def is_revoked(self) -> bool:
        """Whether it, or the authorization it follows from, was taken back."""
        return self.revoked or self.used or self.authorization.revoked

    def get_user(self) -> EhrUser | None:
        """The user behind it; None for a backend service."""
        return self.authorization.user


class AuthState:
    """Thread-safe memory of one authorization server."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._launches: dict[str, Launch] = {}
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, Token] = {}
        self._seen: dict[str, datetime] = {}
        self._tidy_at = TIDY_FROM

    def open_launch(self, launch: Launch, handle: str = "") -> str:
        """Remember a launch; gives its handle (a random one unless the launch has one of its own)."""
        handle = handle or secrets.token_urlsafe(24)
        with self._lock:
            self._tidy()
            self._launches[_digest(handle)] = launch
        return handle

    def launch(self, handle: str, *, take: bool = False) -> Launch | None:
        """The launch behind a handle, or None when it is unknown, used or expired; ``take`` uses it up."""
        with self._lock:
            found = self._launches.get(_digest(handle))
            if found is None or found.expires <= self.clock():
                return None
            if take:
                del self._launches[_digest(handle)]
            return found

    def save_code(self, text: str, code: Code) -> None:
        """Remember a code."""
        with self._lock:
            self._tidy()
            self._codes[_digest(text)] = code

    def redeem_code(self, text: str, client_id: str) -> Code | None:
        """The code, once. A second time everything that came of it is revoked (RFC 6749, section 4.1.2)."""
        with self._lock:
            code = self._codes.get(_digest(text))
            if code is None:
                return None
            if code.authorization.code_used or code.authorization.client_id != client_id:
                code.authorization.revoked = True
                return None
            code.authorization.code_used = True
            return None if code.expires <= self.clock() else code

    def save_token(self, text: str, token: Token) -> None:
        """Remember a token."""
        with self._lock:
            self._tidy()
            self._tokens[_digest(text)] = token

    def token(self, text: str) -> Token | None:
        """The token, whatever its state; None when it was never issued."""
        with self._lock:
            return self._tokens.get(_digest(text))

    def use_refresh_token(self, text: str) -> Token | None:
        """The refresh token, once. Seen again, the whole family is revoked (RFC 9700, section 4.14.2)."""
        with self._lock:
            token = self._tokens.get(_digest(text))
            if token is None or token.kind != "refresh":
                return None
            if token.used:
                token.authorization.revoked = True
                return None
            if token.is_revoked() or token.is_expired():
                return None
            token.used = True
            return token

    def revoke_access_tokens(self) -> None:
        """Take back every access token (the fault of a 401 in the middle of a session)."""
        with self._lock:
            for token in self._tokens.values():
                if token.kind == "access":
                    token.revoked = True

    def seen(self, word: str) -> bool:
        """Whether a nonce or assertion id was used before."""
        with self._lock:
            return word in self._seen

    def first_time(self, word: str, until: datetime) -> bool:
        """Whether a nonce or assertion id is new; it is remembered until then."""
        with self._lock:
            self._tidy()
            if word in self._seen:
                return False
            self._seen[word] = until
            return True

    def _tidy(self) -> None:
        """Forget what has long expired, once in a while: whenever there is twice as much as after the last time.

        Codes and tokens are kept for an hour after they expired, so that a replay is still noticed.
        """
        kept: tuple[dict[str, Any], ...] = (self._launches, self._codes, self._tokens)
        if sum(map(len, kept)) + len(self._seen) < self._tidy_at:
            return
        late = self.clock() - timedelta(hours=1)
        for table in kept:
            for key in [key for key, item in table.items() if item.expires <= late]:
                del table[key]
        self._seen = {word: until for word, until in self._seen.items() if until > self.clock()}
        self._tidy_at = max(TIDY_FROM, 2 * (sum(map(len, kept)) + len(self._seen)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
