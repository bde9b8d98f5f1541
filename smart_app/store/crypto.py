"""AES-256-GCM for what rests in the store, with the launch id as associated data and keys that rotate.

A sealed value is ``version (1) | key id (4) | nonce (12) | ciphertext and tag``. The associated data ties it to its
row and column: a value copied to another launch does not open (threat *tokens at rest*).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_plugin.errors import StoreError

__all__ = ["Keyring"]

VERSION = b"\x01"
KEY_ID_BYTES = 4
NONCE_BYTES = 12
HEADER_BYTES = len(VERSION) + KEY_ID_BYTES + NONCE_BYTES


class Keyring:
    """The encryption keys: the first seals, all open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise StoreError("No encryption key is set.", remedy="Set STEUNFIGUREN_ENCRYPTION_KEYS.")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._first = _key_id(keys[0])
        self._marker = sha256(b"steunfiguren mark" + keys[0]).digest()

    def mark(self, text: str) -> str:
        """A keyed hash by which a row is found again without saying of whom it is; another one under another key."""
        return hmac.digest(self._marker, text.encode(), "sha256").hex()

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypt with the first key, bound to one place in the store."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        ciphertext = self._ciphers[self._first].encrypt(nonce, plain, bound_to.encode())
        return VERSION + self._first + nonce + ciphertext

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Decrypt with the key that sealed it.

        Raises:
            StoreError: the key is gone, the value was changed, or it was sealed for another place.
        """
        key_id = sealed[len(VERSION) : len(VERSION) + KEY_ID_BYTES]
        cipher = self._ciphers.get(key_id)
        if not sealed.startswith(VERSION) or cipher is None:
            remedy = "Keep the old key behind the new one in STEUNFIGUREN_ENCRYPTION_KEYS until it is no longer used."
            raise StoreError("A stored value was sealed with a key that is gone.", code="store-key", remedy=remedy)
        try:
            return cipher.decrypt(
                sealed[HEADER_BYTES - NONCE_BYTES : HEADER_BYTES], sealed[HEADER_BYTES:], bound_to.encode()
            )
        except InvalidTag as error:
            remedy = "Nobody but the app may write its database; open the app again from the record."
            raise StoreError("A stored value was changed or moved.", code="store-tampered", remedy=remedy) from error


def _key_id(key: bytes) -> bytes:
    return sha256(b"steunfiguren key id" + key).digest()[:KEY_ID_BYTES]
