"""The FHIR body a model value came from, kept whole so that nothing another system wrote is ever lost.

The mapping writes owned elements into a copy of this body and leaves everything else as it was.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any

from fhir_plugin.model.tangle import oversize, same, twin

__all__ = ["Carried", "copied"]


class Carried:
    """An immutable FHIR JSON object. Its content never shows in a repr.

    Args:
        body: the object.
        tangled: it is beyond reason (:func:`fhir_plugin.model.tangle.oversize`), and is handled with care.
    """

    __slots__ = ("_body", "_tangled")

    def __init__(self, body: Mapping[str, Any], *, tangled: bool = False) -> None:
        self._tangled = tangled
        self._body = self._fresh(dict(body))

    def body(self) -> dict[str, Any]:
        """A fresh copy of the JSON object; changing it changes nothing here."""
        return self._fresh(self._body)

    def _fresh(self, body: dict[str, Any]) -> dict[str, Any]:
        return twin(body) if self._tangled else copied(body)

    @property
    def is_tangled(self) -> bool:
        """Whether the body is nested or large beyond reason, or runs in a circle."""
        return self._tangled

    @property
    def resource_type(self) -> str:
        """``resourceType`` of the body, or empty for a fragment."""
        return _text(self._body, "resourceType")

    @property
    def id(self) -> str:
        """Logical id, or empty."""
        return _text(self._body, "id")

    @property
    def version(self) -> str:
        """``meta.versionId``, or empty."""
        return _text(self._body.get("meta"), "versionId")

    @property
    def reference(self) -> str:
        """``Type/id``, or empty when there is no id."""
        return f"{self.resource_type}/{self.id}" if self.id else ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Carried):
            return False
        tangled = self._tangled or other._tangled
        return same(self._body, other._body) if tangled else self._body == other._body

    def __hash__(self) -> int:
        return hash((self.resource_type, self.id, self.version))

    def __repr__(self) -> str:
        return f"Carried({self.resource_type or 'fragment'})"


def _text(body: Any, key: str) -> str:
    value = body.get(key) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


def copied(value: dict[str, Any]) -> dict[str, Any]:
    """A copy of JSON; many times faster than ``copy.deepcopy``, which every read of a record would feel."""
    try:
        copied: dict[str, Any] = marshal.loads(marshal.dumps(value, 2))  # noqa: S302  made here; version 2 shares nothing
    except ValueError:  # a Decimal, which keeps the digits of a number as they were written; or nested too deep
        copied = twin(value) if oversize(value) else _copied_by_item(value)
    return copied


def _copied_by_item(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied_by_item(item) for key, item in value.items()}
    return [_copied_by_item(item) for item in value] if isinstance(value, list) else value
