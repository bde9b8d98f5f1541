"""The launch context of a token response and the user of an id_token, as values.

Source: App Launch 2.2, *Scopes and Launch Context*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fhir_plugin.errors import TokenInvalid
from smart_app.launch.phases import LaunchUser, UserKind
from smart_app.settings import Issuer

__all__ = ["FHIR_ID", "fhir_context", "patient_id", "text", "user_of"]

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""FHIR R4 datatype ``id``."""


def patient_id(context: Mapping[str, Any]) -> str:
    """The patient of the launch.

    Raises:
        TokenInvalid: there is none, or it is no FHIR id; the app never asks or guesses which child is meant.
    """
    value = context.get("patient")
    if not isinstance(value, str) or not FHIR_ID.fullmatch(value):
        remedy = "Open the record of the child first, and then the app from within it."
        raise TokenInvalid("The EHR did not say which child's record is open.", code="no-patient", remedy=remedy)
    return value


def text(context: Mapping[str, Any], name: str) -> str:
    """A text of the context, or empty."""
    value = context.get(name)
    return value if isinstance(value, str) and len(value) <= 2048 else ""


def fhir_context(context: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Each other resource in context as (role, reference, canonical or ``system|value`` of its identifier)."""
    items = context.get("fhirContext")
    found = []
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict):
            continue
        target = text(item, "reference") or text(item, "canonical") or _identifier(item.get("identifier"))
        if target:
            found.append((text(item, "role") or "launch", target))
    return tuple(found)


def user_of(issuer: Issuer, claims: Mapping[str, Any]) -> LaunchUser:
    """Who is at the screen: ``fhirUser`` absolute on this EHR or relative; anything else is nobody we know.

    ``profile`` is what ``fhirUser`` was called before SMART 1.1.
    """
    reference = text(claims, "fhirUser") or text(claims, "profile")
    base = issuer.iss.rstrip("/") + "/"
    relative = reference.removeprefix(base)
    kind, _, rest = relative.partition("/")
    name, subject = text(claims, "name"), text(claims, "sub")
    if kind not in set(UserKind) - {UserKind.UNKNOWN} or not FHIR_ID.fullmatch(rest.partition("/_history/")[0]):
        return LaunchUser(name=name, subject=subject)
    reference = f"{kind}/{rest.partition('/_history/')[0]}"
    return LaunchUser(reference=reference, kind=UserKind(kind), name=name, subject=subject)


def _identifier(value: Any) -> str:
    if not isinstance(value, dict) or not text(value, "value"):
        return ""
    return f"{text(value, 'system')}|{text(value, 'value')}"
