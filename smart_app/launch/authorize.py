"""The authorization request, and what its answer must be before anything in it is believed.

Sources: App Launch 2.2, *Request an authorization code*; RFC 7636 (PKCE); RFC 9207 (``iss``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from fhir_plugin.errors import AuthorizationDenied, LaunchStateError
from smart_app.launch.discovery import Endpoints
from smart_app.launch.phases import PendingLaunch
from smart_app.settings import Issuer

__all__ = ["Authorization", "authorization_request", "denied", "refuse_mix_up"]

LONGEST_ADDRESS = 2000
"""A longer authorization request goes as a form where the EHR takes one. Shorter ones go by address: a form from our
site to the EHR's does not carry its SameSite=Lax cookies, so that people would have to sign in again."""
DENIALS = frozenset({"access_denied", "login_required", "consent_required", "interaction_required"})
"""Authorization errors that mean a person, not a set-up, said no (RFC 6749 4.1.2.1, OIDC Core 3.1.2.6)."""
FAILURES = frozenset(
    {
        "invalid_client",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    }
)
"""The others that the specifications know; they go to the log for whoever looks into the registration."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Where the browser goes next.

    Attributes:
        endpoint: authorization endpoint.
        params: of the authorization request.
        post: send them as a form instead of in the address.
    """

    endpoint: str
    params: Mapping[str, str] = field(repr=False)
    post: bool = False

    @property
    def url(self) -> str:
        """The request as one address."""
        params = dict(self.params)
        uri: str = prepare_grant_uri(self.endpoint, params.pop("client_id"), params.pop("response_type"), **params)
        return uri


def authorization_request(issuer: Issuer, pending: PendingLaunch, endpoints: Endpoints, state: str) -> Authorization:
    """What to ask the EHR's authorization server."""
    params = {
        "response_type": "code",
        "client_id": issuer.client_id,
        "redirect_uri": pending.redirect_uri,
        "scope": " ".join(pending.scopes),
        "state": state,
        "aud": issuer.iss,
        "code_challenge": create_s256_code_challenge(pending.code_verifier),
        "code_challenge_method": "S256",
    }
    if "openid" in pending.scopes:
        params["nonce"] = pending.nonce
    if pending.launch:
        params["launch"] = pending.launch
    request = Authorization(endpoint=endpoints.authorize, params=params)
    wanted = issuer.authorize_post or len(request.url) > LONGEST_ADDRESS
    return replace(request, post=wanted and endpoints.authorize_post)


def refuse_mix_up(issuer: Issuer, pending: PendingLaunch, endpoints: Endpoints, answer: Mapping[str, str]) -> None:
    """The answer must come from the EHR that was asked: its own redirect URI, and its own ``iss`` (RFC 9207 2.4)."""
    wrong_door = pending.issuer_key != issuer.key or pending.redirect_uri.rpartition("/")[2] != issuer.key
    expected = endpoints.issuer or issuer.iss
    wrong_name = answer.get("iss", expected) != expected or (endpoints.sends_iss and "iss" not in answer)
    if wrong_door or wrong_name:
        remedy = "Open the app again from the record; if it stays, report it to the manager of the record system."
        message = "The answer comes from another EHR than was asked."
        raise LaunchStateError(message, code="launch-mix-up", where="callback", remedy=remedy)


def denied(error: str, issuer: Issuer) -> AuthorizationDenied:
    """The error for an error code of the EHR; a code we do not know is not repeated, for it may hold anything."""
    code = error if error in DENIALS | FAILURES else "other"
    log.warning("authorization refused", extra={"issuer": issuer.key, "code": code})
    if error in DENIALS:
        remedy = "Open the app again from the record and allow access."
        return AuthorizationDenied("Access to the record was refused.", code="authorization-denied", remedy=remedy)
    remedy = "Ask the manager of the record system to check how the app is registered."
    return AuthorizationDenied("The EHR could not grant access.", code="authorization-failed", remedy=remedy)
