"""SMART scopes: their grammar, version 1 and 2, and what a partial grant leaves out.

Source: App Launch 2.2, *Scopes and Launch Context*
(https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fhir_plugin.texts import Language, sentence

__all__ = ["Lack", "ResourceScope", "describe", "lacking", "parse_scope", "resource_scopes"]

RESOURCE = re.compile(r"(patient|user|system)/([A-Z][A-Za-z]+|\*)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?")
PLAIN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""Any scope-token of RFC 6749 3.3; ``launch``, ``launch/patient?role=…``, ``openid`` and a vendor's own are all
legal."""

VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}

Context = Literal["patient", "user", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceScope:
    """Access to one type of resource.

    Attributes:
        context: whose data: the patient of the launch, whatever the user may see, or the system's.
        resource: FHIR resource type, or ``*``.
        actions: letters of ``cruds``: create, read, update, delete, search.
        query: search parameters that narrow the access, as the server wrote them.
    """

    context: str
    resource: str
    actions: frozenset[str]
    query: str = ""

    def covers(self, other: ResourceScope, action: str) -> bool:
        """Whether this scope permits one action of another; a narrowed scope covers only the same narrowing."""
        return (
            action in self.actions
            and self.resource in ("*", other.resource)
            and (self.context == other.context or self.context in ("user", "system"))
            and self.query in ("", other.query)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What was asked and not granted for one type of resource."""

    resource: str
    actions: str


def parse_scope(text: str) -> ResourceScope | None:
    """Read one scope; None means a scope that is not about resources (``launch``, ``openid``, …).

    Raises:
        ValueError: it looks like a resource scope but breaks the grammar, or is no scope-token at all.
    """
    if not PLAIN.fullmatch(text):
        raise ValueError("a scope has no spaces, quotes or backslashes")
    if not text.startswith(("patient/", "user/", "system/")):
        return None
    match = RESOURCE.fullmatch(text)
    if match is None or not match[3]:
        raise ValueError("its form is (patient|user|system)/(Type|*).cruds with the letters in that order")
    actions = VERSION_1.get(match[3], match[3])
    return ResourceScope(context=match[1], resource=match[2], actions=frozenset(actions), query=match[4] or "")


def resource_scopes(scopes: Iterable[str]) -> tuple[ResourceScope, ...]:
    """The scopes about resources; what a server wrote outside the grammar grants nothing."""
    found = []
    for scope in scopes:
        try:
            parsed = parse_scope(scope)
        except ValueError:
            continue
        if parsed is not None:
            found.append(parsed)
    return tuple(found)


def lacking(requested: Iterable[str], granted: Iterable[str]) -> tuple[Lack, ...]:
    """What of the requested access was not granted, by resource type, actions in the order of ``cruds``."""
    grants = resource_scopes(granted)
    lacks = []
    for wanted in resource_scopes(requested):
        missing = "".join(
            action
            for action in "cruds"
            if action in wanted.actions and not any(grant.covers(wanted, action) for grant in grants)
        )
        if missing:
            lacks.append(Lack(resource=wanted.resource, actions=missing))
    return tuple(lacks)


def describe(lack: Lack, language: Language) -> str:
    """One plain sentence on what cannot be done without this access."""
    kind = "write" if set(lack.actions) & set("cud") and not set(lack.actions) & set("rs") else "read"
    found = sentence(f"scope-lacking-{kind}-{lack.resource}", language) or sentence(
        f"scope-lacking-{kind}", language, (("resource", lack.resource),)
    )
    return found.text if found else lack.resource
