"""Signing keys of the authorization server."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from joserfc.jwk import ECKey, KeySet, RSAKey

__all__ = ["Key", "SigningKeys"]

Key = RSAKey | ECKey


_making = Lock()


def _pair(generation: int) -> tuple[RSAKey, ECKey]:
    """A pair of keys, the same for every thread: two that ask at once must not each make their own."""
    with _making:
        return _made(generation)


@cache
def _made(generation: int) -> tuple[RSAKey, ECKey]:
    """A pair of keys; made once per process, since making an RSA key takes a while."""
    return (
        RSAKey.generate_key(2048, {"kid": f"rs256-{generation}", "use": "sig", "alg": "RS256"}),
        ECKey.generate_key("P-384", {"kid": f"es384-{generation}", "use": "sig", "alg": "ES384"}),
    )


class SigningKeys:
    """The current keys, those before them while tokens may still carry them, and one never published."""

    def __init__(self) -> None:
        self._generation = 1

    def rotate(self) -> None:
        """Sign with new keys from now on; the old public keys are no longer published."""
        self._generation += 1

    def signing(self, algorithm: str) -> Key:
        """The private key for RS256 or ES384."""
        return self._of(self._generation, algorithm)

    def unpublished(self, algorithm: str) -> Key:
        """A key nobody can look up."""
        return self._of(-1, algorithm)

    def public(self) -> dict[str, Any]:
        """The JWKS."""
        keys: list[Any] = list(_pair(self._generation))
        return dict(KeySet(keys).as_dict(private=False))

    @staticmethod
    def _of(generation: int, algorithm: str) -> Key:
        rsa, elliptic = _pair(generation)
        return rsa if algorithm == "RS256" else elliptic
