"""Koppeltaal 2.0: the launch as a signed HTI message, and the token response that goes with it.

Facts: HTI 2.0 claims; scope exactly ``launch openid fhirUser``; ``access_token`` is the word NOOP, there is no refresh
token, and FHIR data comes through a separate client of SMART Backend Services.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from joserfc import jwt

from smart_app.sandbox.auth.state import LAUNCH_LIFE
from smart_app.sandbox.auth.users import EhrUser
from smart_app.sandbox.fhir.outcome import Json

if TYPE_CHECKING:
    from smart_app.sandbox.auth.server import SandboxServer

__all__ = ["SCOPE", "as_token_response", "launch_claims", "launched_resources", "signed"]

SCOPE = frozenset({"launch", "openid", "fhirUser"})
MODULE = "steunfiguren"
_CONTEXT = ("resource", "definition", "sub", "patient", "intent")


def launch_claims(server: SandboxServer, client_id: str, user: EhrUser, patient: str) -> dict[str, Any]:
    """Claims of an HTI message; ``patient`` only where the user is not the patient."""
    now = int(server.state.clock().timestamp())
    claims = {
        "iss": server.issuer,
        "aud": client_id,
        "iat": now,
        "exp": now + int(LAUNCH_LIFE.total_seconds()),
        "jti": uuid.uuid4().hex,
        "resource": f"Task/{patient}-{MODULE}",
        "definition": f"{server.issuer}/ActivityDefinition/{MODULE}",
        "sub": user.fhir_user,
        "intent": "plan",
    }
    return claims if user.fhir_user == f"Patient/{patient}" else {**claims, "patient": f"Patient/{patient}"}


def launched_resources(server: SandboxServer, patient: str) -> list[Json]:
    """What the message refers to: the ActivityDefinition of the app, and the child's Task to work in it."""
    definition = f"{server.issuer}/ActivityDefinition/{MODULE}"
    module = {"resourceType": "ActivityDefinition", "id": MODULE, "url": definition, "status": "active", "kind": "Task"}
    task = {
        "resourceType": "Task",
        "id": f"{patient}-{MODULE}",
        "instantiatesCanonical": definition,
        "status": "ready",
        "intent": "order",
        "for": {"reference": f"Patient/{patient}"},
        "owner": {"reference": f"Patient/{patient}"},
    }
    return [module, task]


def signed(server: SandboxServer, claims: dict[str, Any]) -> str:
    """The message: asymmetric, as HTI asks."""
    key = server.keys.signing("RS256")
    return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": str(key.kid)}, claims, key)


def as_token_response(token: dict[str, Any], claims: dict[str, Any]) -> None:
    """Turn a SMART token response into Koppeltaal's, in place."""
    token.pop("refresh_token", None)
    token["access_token"] = "NOOP"  # noqa: S105  Koppeltaal's own word
    token.update({name: claims[name] for name in _CONTEXT if name in claims})
