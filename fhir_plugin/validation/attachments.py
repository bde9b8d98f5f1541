"""Attachments: what they say of their data (http://hl7.org/fhir/R4/datatypes.html#Attachment)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check", "decoded_size"]


def decoded_size(data: Any) -> int | None:
    """Number of bytes that base64 text stands for, without decoding it; None for anything else."""
    if type(data) is not str:
        return None
    solid = len(data) - sum(data.count(one) for one in " \t\r\n")
    return None if solid % 4 else solid // 4 * 3 - data[-8:].count("=")


def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Report a stated size or hash (SHA-1) that is not that of the data (att-1 says only that data has a type)."""
    if type(value) is not dict:
        return
    stated, data, hashed = value.get("size"), value.get("data"), value.get("hash")
    size = decoded_size(data)
    if type(stated) is int and size is not None and stated != size:
        scope.error("attachment-size", path, ("stated", str(stated)), ("found", str(size)))
    if type(hashed) is str and type(data) is str and hashed != (found := _sha1(data)) and found:
        scope.error("attachment-hash", path, ("stated", hashed[:64]), ("found", found))


def _sha1(data: str) -> str:
    """The hash of what base64 text stands for, itself in base64; empty where the text is none."""
    try:
        octets = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(hashlib.sha1(octets, usedforsecurity=False).digest()).decode()
