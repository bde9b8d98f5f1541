"""Registered clients: SMART apps and backend services."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin

from smart_app.sandbox.auth.scopes import narrowed

__all__ = ["ASYMMETRIC", "PUBLIC", "SYMMETRIC", "RegisteredClient"]

PUBLIC, SYMMETRIC, ASYMMETRIC = "none", "client_secret_basic", "client_assertion_jwt"
"""Ways a client shows who it is (SMART: public, symmetric and asymmetric)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient(ClientMixin):  # type: ignore[misc]  # authlib ships no types
    """One registration.

    Attributes:
        launch_url: where the EHR launches it; empty for an app that only starts standalone or a backend service.
        redirect_uris: exact redirect URIs; no prefixes, no patterns.
        scope: widest scopes it may be granted.
        auth: ``none``, ``client_secret_basic`` or ``client_assertion_jwt``.
        secret: of a symmetric client.
        jwks: public keys of an asymmetric client, by value.
        grant_types: ``authorization_code``, ``refresh_token``, ``client_credentials``.
        id_token_alg: RS256 or ES384.
    """

    client_id: str
    name: str = ""
    launch_url: str = ""
    redirect_uris: tuple[str, ...] = ()
    scope: str = ""
    auth: str = PUBLIC
    secret: str = field(default="", repr=False)
    jwks: Mapping[str, Any] = field(default_factory=dict, repr=False)
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    id_token_alg: str = "RS256"  # noqa: S105  an algorithm

    @property
    def id_token_signed_response_alg(self) -> str:
        """Algorithm of its id_tokens (OpenID Connect Registration 1.0, section 2)."""
        return self.id_token_alg

    def get_client_id(self) -> str:
        """The client id."""
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: SMART asks every authorization request to name its redirect URI."""

    def get_allowed_scope(self, scope: str) -> str:
        """What of the requested scopes this client may have."""
        return narrowed(scope or "", self.scope)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is registered, compared character by character (RFC 9700, section 2.1)."""
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it is the secret of this symmetric client."""
        return bool(self.secret) and hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002  authlib's signature
        """Whether it is registered to authenticate this way."""
        return method == self.auth

    def check_response_type(self, response_type: str) -> bool:
        """Only ``code``."""
        return response_type == "code" and "authorization_code" in self.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it is registered for this grant."""
        return grant_type in self.grant_types
