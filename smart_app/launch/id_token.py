"""Verify an id_token ourselves: who signed it, for whom, when, and in answer to which request.

Sources: OpenID Connect Core 1.0 §3.1.3.7, App Launch 2.2 *openid fhirUser*. Stricter than the library's own check:
``aud`` is exactly us, ``iss`` is always compared, leeway is one minute, algorithms are an allow-list.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import to_bytes

from fhir_plugin.errors import TokenInvalid
from smart_app.launch.discovery import Endpoints
from smart_app.launch.network import Outbound

__all__ = ["ALGORITHMS", "LEEWAY", "IdTokenVerifier", "KeyCache"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512")
"""Never ``none``, never HMAC with something that is public."""
LEEWAY = 60
KEYS_SECONDS = 3600.0
REFETCH_SECONDS = 60.0
"""An unknown ``kid`` makes us fetch the keys again, at most this often: a stream of bad tokens is no stream of
requests."""


@dataclass(slots=True)
class _Kept:
    keys: KeySet
    fetched_at: float


@dataclass(slots=True)
class KeyCache:
    """Public keys per ``jwks_uri``.

    Attributes:
        clock: monotonic seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def keys(self, outbound: Outbound, url: str, *, fresh: bool = False) -> KeySet:
        """The keys at a URL; ``fresh`` asks again unless that was done less than a minute ago.

        Raises:
            TokenInvalid: there are no usable keys.
            EhrError: no answer.
        """
        with self._lock:
            kept = self._kept.get(url)
        if kept is not None and self.clock() - kept.fetched_at < (REFETCH_SECONDS if fresh else KEYS_SECONDS):
            return kept.keys
        status, document = outbound.get(url, what="jwks")
        keys = _signing_keys(document) if status == 200 else None
        if keys is None:
            raise _invalid("keys", "The EHR publishes no keys to check its identity tokens with.")
        with self._lock:
            self._kept[url] = _Kept(keys, self.clock())
        return keys


class IdTokenVerifier:
    """Verifies the id_tokens of one EHR.

    Args:
        outbound: requests to that EHR.
        endpoints: what discovery found.
        cache: keys, shared between launches.
        clock: Unix time.
    """

    def __init__(
        self, outbound: Outbound, endpoints: Endpoints, cache: KeyCache, clock: Callable[[], float] = time.time
    ) -> None:
        self.outbound = outbound
        self.endpoints = endpoints
        self.cache = cache
        self.clock = clock

    def verify(self, token: str, *, nonce: str = "") -> dict[str, Any]:
        """The claims of a token that holds in every respect.

        Raises:
            TokenInvalid: it does not; the code says why.
        """
        header = _header(token)
        if not self.endpoints.jwks or not self.endpoints.issuer:
            raise _invalid("keys", "The EHR signs people in but does not say with which keys.")
        keys = self._candidates(header)
        algorithm = self._algorithm(header)
        try:
            claims = jwt.decode(token, keys, algorithms=[algorithm]).claims
        except (JoseError, ValueError) as error:
            raise _invalid("signature", "The signature of the EHR's identity token does not hold.") from error
        self._check(claims, nonce)
        return claims

    def _algorithm(self, header: dict[str, Any]) -> str:
        algorithm = header.get("alg")
        said = self.endpoints.id_token_algorithms
        if algorithm not in ALGORITHMS or (said and algorithm not in said):
            raise _invalid("algorithm", "The EHR's identity token is signed in a way that is not allowed.")
        return str(algorithm)

    def _candidates(self, header: dict[str, Any]) -> KeySet:
        """The one key that may have signed: by ``kid``, or without ``kid`` the only one of the right type."""
        algorithm = self._algorithm(header)
        for fresh in (False, True):
            keys = self.cache.keys(self.outbound, self.endpoints.jwks, fresh=fresh)
            suitable = [key for key in keys.keys if _suits(key.as_dict(private=False), algorithm)]
            if "kid" in header:
                suitable = [key for key in suitable if key.kid == header["kid"]]
            if len(suitable) == 1:
                return KeySet(suitable)
        raise _invalid("key", "The EHR's identity token is signed with a key that it does not publish.")

    def _check(self, claims: dict[str, Any], nonce: str) -> None:
        client_id = self.outbound.issuer.client_id
        if claims.get("iss") != self.endpoints.issuer:
            raise _invalid("issuer", "The identity token comes from another server than we asked.")
        if claims.get("aud") not in (client_id, [client_id]):
            raise _invalid("audience", "The identity token was made for another app.")
        if claims.get("azp", client_id) != client_id:
            raise _invalid("audience", "The identity token was made for another app.")
        now = self.clock()
        expires, issued = _number(claims, "exp"), _number(claims, "iat")
        if now > expires + LEEWAY:
            raise _invalid("expired", "The EHR's identity token has expired.")
        if issued > now + LEEWAY:
            raise _invalid("future", "The EHR's identity token is from the future; one of the clocks is wrong.")
        if nonce and "nonce" in claims and claims["nonce"] != nonce:
            raise _invalid("nonce", "The identity token answers another request.")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise _invalid("subject", "The identity token does not say whom it is about.")


def _header(token: str) -> dict[str, Any]:
    try:
        return dict(jws.extract_compact(to_bytes(token)).headers())
    except (JoseError, ValueError) as error:
        raise _invalid("shape", "The EHR's identity token cannot be read.") from error


def _signing_keys(document: Any) -> KeySet | None:
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return None
    keys = []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("kty") in ("RSA", "EC") and entry.get("use", "sig") == "sig":
            try:
                keys.extend(KeySet.import_key_set({"keys": [entry]}).keys)
            except (JoseError, ValueError, KeyError, TypeError):
                continue
    return KeySet(keys) if keys else None


def _suits(key: dict[str, Any], algorithm: str) -> bool:
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
    if key.get("alg", algorithm) != algorithm:
        return False
    if algorithm in curves:
        return key["kty"] == "EC" and key.get("crv") == curves[algorithm]
    return bool(key["kty"] == "RSA")


def _number(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid("shape", f"The EHR's identity token lacks {name}.")
    return float(value)


def _invalid(kind: str, message: str) -> TokenInvalid:
    remedy = "Open the app again from the record; if it stays, ask the manager of the record system."
    return TokenInvalid(message, code=f"id-token-{kind}", where="id_token", remedy=remedy)
