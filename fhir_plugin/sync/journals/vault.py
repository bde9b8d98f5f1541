"""Keeping what a run must remember about people so that the file alone tells nothing.

Bodies are sealed with AES-256-GCM; identifiers become keyed hashes (HMAC-SHA-256). The key is in the environment
(``STEUNFIGUREN_SYNC_KEY``) or in a file of its own beside the journal, readable by its owner alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_plugin.errors import StoreError
from fhir_plugin.wire import dumps, loads

__all__ = ["KEY_VARIABLE", "Vault", "open_vault", "vault_of"]

KEY_VARIABLE = "STEUNFIGUREN_SYNC_KEY"
_SIZE = 32
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens JSON; ``key`` is 32 bytes."""

    key: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cipher", AESGCM(self.key))

    def seal(self, body: Any) -> bytes:
        """Encrypted JSON."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, dumps(body), None)

    def open(self, sealed: bytes) -> Any:
        """The JSON that was sealed.

        Raises:
            StoreError: sealed with another key, or damaged.
        """
        try:
            return loads(self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None))
        except (InvalidTag, ValueError):
            raise StoreError(
                "The journal was written with another key.",
                code="sync-journal-key",
                remedy="Use the key it was made with.",
            ) from None

    def fingerprint(self, text: str | bytes) -> str:
        """A keyed hash: equal for equal texts, and telling nothing without the key."""
        return hmac.digest(self.key, text.encode() if isinstance(text, str) else text, "sha256").hex()


def open_vault(journal: Path) -> Vault:
    """The vault of a journal; its key is made at the first use, never beside a journal that another one sealed.

    Raises:
        OSError: the key cannot be written.
        StoreError: the key is not 32 bytes in base64, or its file cannot be read.
    """
    given = os.environ.get(KEY_VARIABLE)
    path = journal.with_name(f"{journal.name}.key")
    if given is None and not path.exists() and not journal.exists():
        _make_key(path)
    try:
        return vault_of(given if given is not None else path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return vault_of("")


def _make_key(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(base64.b64encode(os.urandom(_SIZE)))
    except OSError:
        path.unlink()  # half a key would be refused for ever
        raise


def vault_of(text: str) -> Vault:
    """The vault with a key in base64.

    Raises:
        StoreError: it is not 32 bytes.
    """
    try:
        key = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _SIZE:
        raise StoreError(
            "The key of the journal cannot be used.",
            code="sync-journal-key",
            remedy=f"Give 32 bytes in base64 in {KEY_VARIABLE}, or restore the key file.",
        )
    return Vault(key)
