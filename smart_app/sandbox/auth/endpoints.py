"""Introspection (RFC 7662) and revocation (RFC 7009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from smart_app.sandbox.auth.clients import ASYMMETRIC, PUBLIC, SYMMETRIC, RegisteredClient
from smart_app.sandbox.auth.state import Launch, Token

if TYPE_CHECKING:
    from smart_app.sandbox.auth.server import SandboxServer

__all__ = ["Introspection", "Revocation"]


@dataclass(frozen=True, slots=True)
class LaunchMessage:
    """An HTI message that has not been used or expired yet."""

    launch: Launch

    def check_client(self, client: RegisteredClient) -> bool:
        """Whether the app was launched with it."""
        return self.launch.client_id == client.client_id

    def is_expired(self) -> bool:
        """No: an expired one is not found."""
        return False

    def is_revoked(self) -> bool:
        """No: a used one is not found."""
        return False


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # authlib ships no types
    """A confidential client may ask about its own tokens, and about HTI messages it was launched with."""

    CLIENT_AUTH_METHODS = (SYMMETRIC, ASYMMETRIC)
    server: SandboxServer

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | LaunchMessage | None:  # noqa: ARG002
        """Look the token or message up."""
        launch = self.server.state.launch(token_string)
        return LaunchMessage(launch) if launch and launch.message else self.server.state.token(token_string)

    def check_permission(self, token: Token | LaunchMessage, client: RegisteredClient, request: OAuth2Request) -> bool:  # noqa: ARG002
        """Only about what was issued to the asker."""
        return token.check_client(client)

    def introspect_token(self, token: Token | LaunchMessage) -> dict[str, Any]:
        """What the token is, and the launch context SMART adds; of a message, its claims."""
        if isinstance(token, LaunchMessage):
            return dict(token.launch.message)
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
