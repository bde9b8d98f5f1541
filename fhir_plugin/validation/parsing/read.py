"""Choose the reader: JSON value, JSON text or XML text."""

from __future__ import annotations

from typing import Any

from fhir_plugin.validation.parsing.jsontext import read_json
from fhir_plugin.validation.parsing.result import Parsed, failed
from fhir_plugin.validation.schema import Schema

__all__ = ["parse"]


def parse(source: bytes | str | dict[str, Any], schema: Schema, max_bytes: int) -> Parsed:
    """Read one resource; whatever is wrong is an issue, never an exception.

    Args:
        source: JSON or XML text, or JSON values.
        schema: types, needed to read XML.
        max_bytes: largest text that is read.
    """
    if not isinstance(source, bytes | str):
        return Parsed(tree=source) if isinstance(source, dict) else failed("input-kind", kind=type(source).__name__)
    if len(source) > max_bytes:
        return failed("input-too-large", limit=str(max_bytes))
    start = source[:200].lstrip()
    if (start[:1] in (b"<", "<")) or (start[:4] == b"\xef\xbb\xbf<") or start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _xml(source, schema)
    return read_json(source)


def _xml(source: bytes | str, schema: Schema) -> Parsed:
    from fhir_plugin.validation.parsing.xmltext import read_xml  # lxml is not needed, and not loaded, for JSON

    return read_xml(source, schema)
