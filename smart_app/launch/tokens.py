"""The token endpoint: code and refresh exchange, for public, symmetric and asymmetric clients.

Sources: App Launch 2.2, *Obtain access token* and *Refresh access token*; RFC 6749 2.3.1 and 4.1.3; RFC 7523.
"""

from __future__ import annotations

import logging
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from fhir_plugin.errors import AuthorizationDenied, EhrBusy, EhrFailed, LaunchError, TokenInvalid
from smart_app.launch.keys import SigningKeys
from smart_app.launch.network import Outbound
from smart_app.launch.phases import PendingLaunch, Tokens
from smart_app.settings import ClientType

__all__ = ["Grant", "TokenEndpoint"]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
OAUTH_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
    }
)
"""Codes that may be repeated in our own messages; anything else an EHR writes stays out of them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An answer of the token endpoint.

    Attributes:
        tokens: what to keep.
        scopes: granted; None where the answer does not say, which means: as asked (RFC 6749 5.1).
        id_token: still unverified; empty where there is none.
        context: the other members (``patient``, ``fhirContext``, …), still unchecked.
    """

    tokens: Tokens
    scopes: tuple[str, ...] | None = None
    id_token: str = field(default="", repr=False)
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)


class TokenEndpoint:
    """One EHR's token endpoint, with our way to prove who we are.

    Args:
        outbound: requests to that EHR.
        url: the endpoint.
        keys: for asymmetric clients.
        clock: Unix time.
    """

    def __init__(self, outbound: Outbound, url: str, keys: SigningKeys, clock: Callable[[], float] = time.time) -> None:
        self.outbound = outbound
        self.url = url
        self.keys = keys
        self.clock = clock

    def exchange(self, code: str, pending: PendingLaunch) -> Grant:
        """Trade the authorization code for tokens.

        Raises:
            AuthorizationDenied: the EHR refuses.
            TokenInvalid: the answer is no bearer token.
            EhrError: no usable answer.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.code_verifier,
        }
        return self._grant(form)

    def refresh(self, refresh_token: str) -> Grant:
        """Trade a refresh token, asking no other scopes than it has.

        Raises:
            AuthorizationDenied: the EHR refuses; the refresh token is worth nothing any more.
            EhrError: no usable answer.
        """
        return self._grant({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def post(self, url: str, form: Mapping[str, str], *, what: str) -> tuple[int, Any]:
        """POST a form with client authentication to this or a neighbouring endpoint (introspection, revocation)."""
        headers, extra = self._authentication()
        headers["Accept"] = "application/json"
        return self.outbound.request("POST", url, what=what, data={**form, **extra}, headers=headers)

    def _grant(self, form: Mapping[str, str]) -> Grant:
        asked_at = self.clock()
        status, body = self.post(self.url, form, what="token endpoint")
        if status == 200 and isinstance(body, dict) and isinstance(body.get("access_token"), str):
            return _grant(body, asked_at)
        error = body.get("error") if isinstance(body, dict) else None
        code = error if error in OAUTH_ERRORS else "other"
        log.warning("token refused", extra={"issuer": self.outbound.issuer.key, "code": code, "status": status})
        raise _refusal(status, error)

    def _authentication(self) -> tuple[dict[str, str], dict[str, str]]:
        issuer = self.outbound.issuer
        if issuer.client_type is ClientType.PUBLIC:
            return {}, {"client_id": issuer.client_id}
        if issuer.client_type is ClientType.SYMMETRIC:
            pair = f"{quote_plus(issuer.client_id)}:{quote_plus(issuer.client_secret)}"
            return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, {}
        assertion = self.keys.assertion(
            client_id=issuer.client_id, audience=self.url, algorithm=issuer.signing_algorithm, clock=self.clock
        )
        return {}, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def _grant(body: dict[str, Any], asked_at: float) -> Grant:
    kind = body.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer" or not body["access_token"]:
        remedy = "The EHR must issue bearer tokens; report this to its manager."
        raise TokenInvalid("The EHR gave a token of a kind that SMART does not know.", code="token-type", remedy=remedy)
    refresh, scope, id_token = body.get("refresh_token"), body.get("scope"), body.get("id_token")
    return Grant(
        tokens=Tokens(
            access=body["access_token"],
            expires_at=_expiry(body.get("expires_in"), asked_at),
            refresh=refresh if isinstance(refresh, str) else "",
        ),
        scopes=tuple(scope.split()) if isinstance(scope, str) else None,
        id_token=id_token if isinstance(id_token, str) else "",
        context={name: value for name, value in body.items() if name not in _SECRETS},
    )


_SECRETS = frozenset({"access_token", "refresh_token", "id_token"})


def _expiry(seconds: Any, asked_at: float) -> float | None:
    """Some servers write the number as text; one that says nothing usable is asked again after a 401."""
    try:
        return asked_at + float(seconds)
    except (TypeError, ValueError):
        return None


def _refusal(status: int, error: Any) -> LaunchError | EhrBusy | EhrFailed:
    remedy = "Open the app again from the record; if it stays, ask the manager of the record system."
    if status in (429, 503):
        return EhrBusy("The EHR is too busy to let us in.", where="token endpoint", status=status, remedy=remedy)
    if status >= 500:
        return EhrFailed("The EHR failed while letting us in.", where="token endpoint", status=status, remedy=remedy)
    if error in OAUTH_ERRORS:
        return AuthorizationDenied(
            f"The EHR refused ({error}).", code="token-refused", where="token endpoint", remedy=remedy
        )
    message = f"The EHR's answer is no token (HTTP {status})."
    return TokenInvalid(message, code="token-shape", where="token endpoint", remedy=remedy)
