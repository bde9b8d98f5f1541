"""SMART Backend Services: a system signs in by itself with a key of its own.

https://hl7.org/fhir/smart-app-launch/backend-services.html (SMART App Launch 2.2): client_credentials with a
private_key_jwt (RFC 7523) in RS384 or ES384. The token is renewed before it ends, with the same scope.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from fhir_plugin.ehr.bearer import Bearer
from fhir_plugin.errors import EhrError, EhrFailed, EhrProtocolError, EhrUnauthorized, EhrUnreachable, InputError

__all__ = ["BackendServices", "discover_token_endpoint", "read_private_key"]

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ("RS384", "ES384")
_LIFETIME = 240  # seconds of the assertion; the specification allows five minutes
_MARGIN = 30  # seconds before its end at which a token counts as over
_FRESH = 2.0  # a token this young was renewed by another thread a moment ago
_ERROR = re.compile(r"[a-z_]{1,40}")

Key = RSAKey | ECKey


def read_private_key(text: str) -> Key:
    """A private RSA or P-384 key in PEM or JWK form.

    Raises:
        InputError: it is neither, or only a public key. The text is never repeated.
    """
    for kind in (RSAKey, ECKey):
        try:
            key = kind.import_key(text if text.lstrip().startswith("-") else _jwk(text))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key.is_private:
            return key
    raise InputError(
        "This is not a private RSA or P-384 key.",
        code="backend-key",
        remedy="Give a PEM or JWK file with the private key that the EHR knows the public half of.",
    )


def discover_token_endpoint(base_url: str, session: requests.Session) -> str:
    """The token endpoint in ``.well-known/smart-configuration``.

    Raises:
        EhrError: there is none, or it is not https.
    """
    where = "GET .well-known/smart-configuration"
    try:
        address = f"{base_url.rstrip('/')}/.well-known/smart-configuration"
        answer = session.get(address, auth=Bearer(), timeout=10, allow_redirects=False)
        found = answer.json() if answer.ok else {}
    except requests.JSONDecodeError:
        found = {}
    except requests.RequestException:
        raise EhrUnreachable("The EHR gave no answer.", where=where, remedy="Check the address.") from None
    endpoint = found.get("token_endpoint") if isinstance(found, dict) else None
    if not isinstance(endpoint, str) or not _is_safe(endpoint):
        raise EhrProtocolError(
            "The EHR names no (https) token endpoint.", where=where, remedy="Give the token endpoint with --token-url."
        )
    return endpoint


@dataclass(slots=True, kw_only=True)
class BackendServices:
    """A token source for ``FhirClient``: call it with False for the current token, with True for a fresh one.

    Attributes:
        client_id: as registered with the EHR.
        key: private key; its ``kid`` must be in the key set the EHR knows.
        token_url: token endpoint; also the audience of the assertion.
        scope: what is asked for, at the first time and at each renewal.
        clock: seconds since the epoch.
        granted: the scopes of the last token.
    """

    client_id: str
    key: Key = field(repr=False)
    token_url: str
    scope: str
    algorithm: str = ""
    session: requests.Session = field(default_factory=requests.Session, repr=False)
    clock: Callable[[], float] = time.time
    granted: frozenset[str] = field(default=frozenset(), init=False)
    _token: str = field(default="", init=False, repr=False)
    _since: float = field(default=0.0, init=False, repr=False)
    _until: float = field(default=0.0, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.algorithm = self.algorithm or ("RS384" if isinstance(self.key, RSAKey) else "ES384")
        if self.algorithm not in _ALGORITHMS or not _is_safe(self.token_url):
            raise InputError(
                "SMART Backend Services needs RS384 or ES384 and an https token endpoint.",
                code="backend-settings",
                remedy="Check the key and the token endpoint.",
            )

    def __call__(self, force: bool) -> str:
        """The access token.

        Raises:
            EhrUnauthorized: the authorization server refuses this client.
            EhrError: it cannot be reached, fails, or answers with something that is no token.
        """
        with self._lock:
            now = self.clock()
            if not self._token or now >= self._until or (force and now - self._since > _FRESH):
                self._renew(now)
            return self._token

    def _renew(self, now: float) -> None:
        form = {
            "grant_type": "client_credentials",
            "scope": self.scope,
            "client_assertion_type": _ASSERTION,
            "client_assertion": self._assertion(now),
        }
        body = self._ask(form)
        token, kind = body.get("access_token"), str(body.get("token_type", ""))
        if not isinstance(token, str) or not token or kind.lower() != "bearer":
            raise EhrProtocolError(
                "The authorization server's answer holds no bearer token.", where="POST token", remedy="Report this."
            )
        lifetime = body.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else 300.0
        self._token, self._since, self._until = token, now, now + max(seconds - _MARGIN, seconds / 2)
        self.granted = frozenset(str(body.get("scope") or self.scope).split())

    def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        try:
            answer = self.session.post(
                self.token_url,
                data=form,
                headers={"Accept": "application/json"},
                auth=Bearer(),
                timeout=15,
                allow_redirects=False,
            )
            body = answer.json()
        except requests.JSONDecodeError:
            body = None
        except requests.RequestException:
            raise EhrUnreachable(
                "The authorization server gave no answer.", where="POST token", remedy="Check the token endpoint."
            ) from None
        if answer.ok and isinstance(body, dict):
            return body
        raise _refusal(answer.status_code, body)

    def _assertion(self, now: float) -> str:
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.key.kid or self.key.thumbprint()}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.token_url,
            "exp": int(now) + _LIFETIME,
            "iat": int(now),
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def _refusal(status: int, body: object) -> EhrError:
    code = str(body.get("error", "")) if isinstance(body, dict) else ""
    named = f" ({code})" if _ERROR.fullmatch(code) else ""
    if status >= 500 or status < 400:
        return EhrFailed(
            f"The authorization server failed. HTTP {status}{named}.", where="POST token", remedy="Try again later."
        )
    return EhrUnauthorized(
        f"The authorization server refuses this client. HTTP {status}{named}.",
        code="backend-refused",
        where="POST token",
        status=status,
        remedy="Check the client id, the registered public key and the scopes.",
    )


def _jwk(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _is_safe(url: str) -> bool:
    """Https, or plain http to this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))
