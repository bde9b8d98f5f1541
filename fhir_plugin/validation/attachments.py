"""Attachments: what they say of their data (http://hl7.org/fhir/R4/datatypes.html#Attachment)."""

from __future__ import annotations

from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_size", "decoded_size"]


def decoded_size(data: Any) -> int | None:
    """Number of bytes that base64 text stands for, without decoding it; None for anything else."""
    if type(data) is not str:
        return None
    solid = len(data) - sum(data.count(one) for one in " \t\r\n")
    return None if solid % 4 else solid // 4 * 3 - data[-8:].count("=")


def check_size(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
    """Report a stated size that differs from that of the data (att-1 says only that data has a type)."""
    if type(value) is dict:
        stated, size = value.get("size"), decoded_size(value.get("data"))
        if type(stated) is int and size is not None and stated != size:
            scope.error("attachment-size", path, ("stated", str(stated)), ("found", str(size)))
