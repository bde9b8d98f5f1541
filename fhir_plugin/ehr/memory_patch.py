"""JSON Patch for the EHR in memory."""

from __future__ import annotations

import copy
from typing import Any

__all__ = ["PatchFailed", "patched"]

Json = dict[str, Any]


class PatchFailed(Exception):
    """A ``test`` of the patch does not hold."""


def patched(body: Json, operations: list[Json]) -> Json:
    """A body after a JSON Patch (RFC 6902: test, add, replace, remove)."""
    result = copy.deepcopy(body)
    for operation in operations:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        target: Any = result
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target[part]
        _apply(target, last, operation)
    return result


def _apply(target: Any, last: str, operation: Json) -> None:
    key: Any = last if isinstance(target, dict) else len(target) if last == "-" else int(last)
    match operation["op"]:
        case "test":
            if (target.get(key) if isinstance(target, dict) else target[key]) != operation["value"]:
                raise PatchFailed
        case "remove":
            del target[key]
        case "add" if isinstance(target, list):
            target.insert(key, operation["value"])
        case _:
            target[key] = operation["value"]
