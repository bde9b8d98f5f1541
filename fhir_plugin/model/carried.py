"""The FHIR body a model value came from, kept whole so that nothing another system wrote is ever lost.

The mapping writes owned elements into a copy of this body and leaves everything else as it was.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any

__all__ = ["Carried"]


class Carried:
    """An immutable FHIR JSON object. Its content never shows in a repr."""

    __slots__ = ("_body",)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = _copied(dict(body))

    def body(self) -> dict[str, Any]:
        """A fresh copy of the JSON object; changing it changes nothing here."""
        return _copied(self._body)

    @property
    def resource_type(self) -> str:
        """``resourceType`` of the body, or empty for a fragment."""
        return str(self._body.get("resourceType", ""))

    @property
    def id(self) -> str:
        """Logical id, or empty."""
        return str(self._body.get("id", ""))

    @property
    def version(self) -> str:
        """``meta.versionId``, or empty."""
        meta = self._body.get("meta")
        return str(meta.get("versionId", "")) if isinstance(meta, dict) else ""

    @property
    def reference(self) -> str:
        """``Type/id``, or empty when there is no id."""
        return f"{self.resource_type}/{self.id}" if self.id else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Carried) and self._body == other._body

    def __hash__(self) -> int:
        return hash((self.resource_type, self.id, self.version))

    def __repr__(self) -> str:
        return f"Carried({self.resource_type or 'fragment'})"


def _copied(value: dict[str, Any]) -> dict[str, Any]:
    """A copy of JSON; many times faster than ``copy.deepcopy``, which every read of a record would feel."""
    try:
        copied: dict[str, Any] = marshal.loads(marshal.dumps(value, 2))  # noqa: S302  made here; version 2 shares nothing
    except ValueError:  # a Decimal, which keeps the digits of a number as they were written
        copied = _copied_by_item(value)
    return copied


def _copied_by_item(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied_by_item(item) for key, item in value.items()}
    return [_copied_by_item(item) for item in value] if isinstance(value, list) else value
