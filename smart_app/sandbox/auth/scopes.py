"""SMART scopes: the v2 grammar, and v1 as its older spelling.

Source: SMART App Launch 2.2, https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

__all__ = ["ResourceScope", "narrowed", "parse_scope", "resource_scopes"]

_PATTERN = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)"
    r"\.(?:(?P<v1>read|write|\*)|(?P<v2>(?=[cruds])c?r?u?d?s?))(?:\?(?P<query>\S+))?"
)
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceScope:
    """One scope that opens resources.

    Attributes:
        level: patient, user or system.
        type: resource type, or ``*``.
        permissions: letters out of ``cruds``.
        query: further conditions on the resources (v2 only).
    """

    level: str
    type: str
    permissions: str
    query: tuple[tuple[str, str], ...] = ()

    def covers(self, kind: str, permission: str) -> bool:
        """Whether it opens this interaction on this type; the query is judged apart."""
        return self.type in ("*", kind) and permission in self.permissions

    def __str__(self) -> str:
        query = "?" + "&".join(f"{name}={value}" for name, value in self.query) if self.query else ""
        return f"{self.level}/{self.type}.{self.permissions}{query}"


def parse_scope(text: str) -> ResourceScope | None:
    """Read one scope; None when it is not a resource scope (``openid``) or not well-formed (``.sr``, ``.x``)."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    query = tuple(parse_qsl(match["query"], keep_blank_values=True)) if match["query"] else ()
    permissions = _V1[match["v1"]] if match["v1"] else match["v2"]
    if query and match["v1"]:
        return None
    return ResourceScope(level=match["level"], type=match["type"], permissions=permissions, query=query)


def resource_scopes(scope: str) -> tuple[ResourceScope, ...]:
    """The resource scopes among space-separated scopes."""
    return tuple(found for found in map(parse_scope, scope.split()) if found)


def narrowed(requested: str, allowed: str) -> str:
    """What of the requested scopes is allowed: whole where possible, else with fewer letters; never wider.

    A resource scope is narrowed letter by letter (``patient/*.cruds`` against ``patient/*.rs`` gives
    ``patient/*.rs``), and stays in the spelling it came in when nothing was taken from it.
    """
    plain = {item for item in allowed.split() if parse_scope(item) is None}
    open_scopes = resource_scopes(allowed)
    granted = []
    for item in requested.split():
        wanted = parse_scope(item)
        if wanted is None:
            granted += [item] if item in plain else []
            continue
        granted += _narrow(item, wanted, open_scopes)
    return " ".join(dict.fromkeys(granted))


def _narrow(text: str, wanted: ResourceScope, allowed: tuple[ResourceScope, ...]) -> list[str]:
    same_level = [scope for scope in allowed if scope.level == wanted.level and not scope.query]
    wide = _letters(wanted, [scope for scope in same_level if scope.type in ("*", wanted.type)])
    if wide == wanted.permissions:
        return [text]
    found = []
    if wide:
        found.append(str(_with(wanted, wanted.type, wide)))
    if wanted.type == "*":
        for kind in dict.fromkeys(scope.type for scope in same_level if scope.type != "*"):
            letters = _letters(wanted, [scope for scope in same_level if scope.type in ("*", kind)])
            found += [str(_with(wanted, kind, letters))] if letters else []
    return found


def _letters(wanted: ResourceScope, allowed: list[ResourceScope]) -> str:
    return "".join(letter for letter in wanted.permissions if any(letter in scope.permissions for scope in allowed))


def _with(scope: ResourceScope, kind: str, permissions: str) -> ResourceScope:
    return ResourceScope(level=scope.level, type=kind, permissions=permissions, query=scope.query)
