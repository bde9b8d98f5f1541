"""Introspection (RFC 7662) and revocation (RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from smart_app.sandbox.auth.clients import ASYMMETRIC, PUBLIC, SYMMETRIC, RegisteredClient
from smart_app.sandbox.auth.state import Token

if TYPE_CHECKING:
    from smart_app.sandbox.auth.server import SandboxServer

__all__ = ["Introspection", "Revocation"]


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # authlib ships no types
    """A confidential client may ask about its own tokens."""

    CLIENT_AUTH_METHODS = (SYMMETRIC, ASYMMETRIC)
    server: SandboxServer

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:  # noqa: ARG002
        """Look the token up."""
        return self.server.state.token(token_string)

    def check_permission(self, token: Token, client: RegisteredClient, request: OAuth2Request) -> bool:  # noqa: ARG002
        """Only about what was issued to the asker."""
        return token.check_client(client)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        """What the token is, and the launch context SMART adds."""
        authorization = token.authorization
        found: dict[str, Any] = {
            "active": True,
            "iss": self.server.issuer,
            "client_id": authorization.client_id,
            "scope": token.scope,
            "token_type": "Bearer",
            "iat": int(token.issued.timestamp()),
            "exp": int(token.expires.timestamp()),
        }
        if authorization.user is not None:
            found["sub"] = authorization.user.id
            found["fhirUser"] = f"{self.server.issuer}/{authorization.user.fhir_user}"
        if authorization.patient:
            found["patient"] = authorization.patient
        return found


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # authlib ships no types
    """A client gives its tokens back; a refresh token takes its whole family with it."""

    CLIENT_AUTH_METHODS = (PUBLIC, SYMMETRIC, ASYMMETRIC)
    server: SandboxServer

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:  # noqa: ARG002
        """Look the token up."""
        return self.server.state.token(token_string)

    def revoke_token(self, token: Token, request: OAuth2Request) -> None:  # noqa: ARG002  authlib's signature
        """Take it back."""
        token.revoked = True
        if token.kind == "refresh":
            token.authorization.revoked = True
