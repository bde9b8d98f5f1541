"""What the EHR says of itself: smart-configuration, openid-configuration, jwks."""

from __future__ import annotations

from typing import Any

from smart_app.sandbox.auth.server import SandboxServer

__all__ = ["openid_configuration", "smart_configuration"]

_CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def smart_configuration(server: SandboxServer) -> dict[str, Any]:
    """``/.well-known/smart-configuration`` (SMART App Launch 2.2, "Conformance")."""
    capabilities = list(_CAPABILITIES)
    if server.faults.active("koppeltaal-noop"):
        capabilities.append("context-ehr-hti")
    return {
        **_shared(server),
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "scopes_supported": [
            "openid",
            "fhirUser",
            "launch",
            "launch/patient",
            "offline_access",
            "online_access",
            "patient/*.cruds",
            "user/*.cruds",
            "system/*.cruds",
        ],
        "introspection_endpoint": server.endpoint("introspect"),
        "revocation_endpoint": server.endpoint("revoke"),
        "capabilities": capabilities,
    }


def openid_configuration(server: SandboxServer) -> dict[str, Any]:
    """``/.well-known/openid-configuration`` (OpenID Connect Discovery 1.0)."""
    return {
        **_shared(server),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES384"],
        "claims_supported": ["sub", "fhirUser", "iss", "aud", "exp", "iat", "auth_time", "nonce"],
    }


def _shared(server: SandboxServer) -> dict[str, Any]:
    return {
        "issuer": server.issuer,
        "jwks_uri": server.endpoint("jwks"),
        "authorization_endpoint": server.endpoint("authorize"),
        "token_endpoint": server.endpoint("token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
