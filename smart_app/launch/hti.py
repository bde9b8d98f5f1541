"""Koppeltaal: a launch by a signed HTI message, with data through SMART Backend Services.

Sources: HTI core 2.0 (Health Tools Interoperability); Koppeltaal 2.0 TOP-KT-007 and TOP-KT-021 (introspection).
The launch value is a signed message that the authorization server vouches for by introspection (RFC 7662). The token
response brings who and what, but no access token that works: data come with a token of the app's own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from fhir_plugin.errors import LaunchError
from smart_app.launch.context import text
from smart_app.launch.discovery import Endpoints
from smart_app.launch.tokens import TokenEndpoint

__all__ = ["CAPABILITY", "SCOPES", "check_message", "context_of"]

CAPABILITY = "context-ehr-hti"
"""How an EHR says in its metadata that it launches this way; the value of its access token says nothing."""
SCOPES = ("launch", "openid", "fhirUser")
LONGEST_SECONDS = 300 + 60
"""A message lives five minutes at most (HTI core, *exp*), with a minute for clocks that differ."""
REFERENCE = re.compile(r"(Patient|Practitioner|RelatedPerson)/([A-Za-z0-9\-.]{1,64})")


def check_message(
    message: str, endpoints: Endpoints, endpoint: TokenEndpoint, clock: Callable[[], float] = time.time
) -> str:
    """Let the authorization server judge a launch message; returns its ``jti``, which the caller accepts only once.

    Raises:
        LaunchError: it is not active, has no ``jti`` or lives too long.
        EhrError: the server cannot be asked.
    """
    if not endpoints.introspection:
        raise _refused("The EHR launches with a message, but does not say where it can be checked.")
    status, body = endpoint.post(endpoints.introspection, {"token": message}, what="introspection endpoint")
    if status != 200 or not isinstance(body, dict) or body.get("active") is not True:
        raise _refused("The EHR does not stand for this launch.")
    expires = body.get("exp")
    in_time = isinstance(expires, int | float) and clock() - 60 < expires <= clock() + LONGEST_SECONDS
    if not in_time or not text(body, "jti") or not REFERENCE.fullmatch(text(body, "sub")):
        raise _refused("The launch message is incomplete or lives too long.")
    return text(body, "jti")


def context_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The context of a Koppeltaal token response in the words of SMART.

    ``patient`` is a reference, and left out where the patient is the user (``sub``); ``resource`` is the Task.
    """
    subject = text(answer, "sub")
    kind, _, patient = (text(answer, "patient") or subject).partition("/")
    task, definition = text(answer, "resource"), text(answer, "definition")
    return {
        "patient": patient if kind == "Patient" else None,
        "fhirUser": subject if REFERENCE.fullmatch(subject) else "",
        "intent": text(answer, "intent"),
        "fhirContext": [{"reference": reference} for reference in (task, definition) if reference],
    }


def _refused(message: str) -> LaunchError:
    return LaunchError(message, code="hti-refused", where="launch", remedy="Open the app again from the record.")
