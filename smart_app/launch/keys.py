"""The app's own signing keys: private ones sign client assertions, public ones are published in ``/jwks.json``.

Source: App Launch 2.2, *Client Authentication: Asymmetric* (RS384 and ES384; every JWK with ``kty`` and ``kid``).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fhir_plugin.ehr.backend import Key, read_private_key
from fhir_plugin.errors import InputError

__all__ = ["ASSERTION_SECONDS", "SigningKeys"]

ASSERTION_SECONDS = 240
"""Within the five minutes of the specification, with room for a clock that runs behind."""
CURVE = "P-384"


class SigningKeys:
    """Keys in the order of the settings; the first of a kind signs, all are published.

    To rotate: put a new key behind the old one, wait until servers have fetched ``/jwks.json`` again, then swap them;
    remove the old key when its last assertion has expired.
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self.keys = tuple(keys)
        for key in self.keys:
            key.ensure_kid()

    @classmethod
    def load(cls, paths: Iterable[Path]) -> SigningKeys:
        """Read private keys from PEM or JWK files.

        Raises:
            InputError: a file is missing, is no private key, or of a kind that SMART does not use.
        """
        return cls(_load(path) for path in paths)

    def jwks(self) -> dict[str, Any]:
        """The public halves, each with ``kid``, ``use`` and ``alg``."""
        return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": _algorithm(key)} for key in self.keys]}

    def for_algorithm(self, algorithm: str) -> Key:
        """The key that signs.

        Raises:
            InputError: no key of that kind is configured.
        """
        key = next((key for key in self.keys if _algorithm(key) == algorithm), None)
        if key is None:
            kind = "RSA" if algorithm == "RS384" else CURVE
            remedy = f"Add a private {kind} key to signing_keys."
            raise InputError(f"There is no key to sign with {algorithm}.", code="settings", remedy=remedy)
        return key

    def assertion(
        self, *, client_id: str, audience: str, algorithm: str, clock: Callable[[], float] = time.time
    ) -> str:
        """A client assertion for one token request (RFC 7523; ``exp`` ≤ 5 minutes, ``jti`` never repeated).

        Raises:
            InputError: no key of that kind is configured.
        """
        key = self.for_algorithm(algorithm)
        now = int(clock())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(24),
        }
        return jwt.encode({"alg": algorithm, "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=[algorithm])


def _algorithm(key: Key) -> str:
    return "RS384" if isinstance(key, RSAKey) else "ES384"


def _load(path: Path) -> Key:
    remedy = "Make one with: openssl ecparam -name secp384r1 -genkey -noout -out key.pem"
    try:
        key = read_private_key(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The signing key cannot be read.", where=str(path), remedy=remedy) from error
    except InputError as error:
        raise InputError(error.message, where=str(path), remedy=remedy) from error
    if isinstance(key, ECKey) and key.curve_name != CURVE:
        raise InputError("ES384 needs a key on curve P-384.", where=str(path), remedy=remedy)
    return key
