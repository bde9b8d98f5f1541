"""Client authentication with a signed assertion (SMART "asymmetric"; RFC 7523; private_key_jwt)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from smart_app.sandbox.auth.clients import RegisteredClient

if TYPE_CHECKING:
    from smart_app.sandbox.auth.server import SandboxServer

__all__ = ["ClientAssertion"]

_ALGORITHMS = ["RS384", "ES384"]
_LONGEST = timedelta(minutes=5)


def _is_for(audience: Any, ours: list[str]) -> bool:
    """Whether ``aud`` is exactly one of ours; a list with anybody else in it is not."""
    return audience in ours or (isinstance(audience, list) and len(audience) == 1 and audience[0] in ours)


class ClientAssertion(JWTBearerClientAssertion):  # type: ignore[misc]  # authlib ships no types
    """RS384 or ES384, at most five minutes, each ``jti`` once, ``aud`` exactly the token endpoint."""

    def __init__(self, server: SandboxServer) -> None:
        super().__init__(validate_jti=True, leeway=5)
        self._server = server

    def get_audiences(self) -> list[str]:
        """The token endpoint, or the endpoint that is asked itself."""
        asked = request.path.rsplit("/", 1)[-1]
        return list({self._server.endpoint("token"), self._server.endpoint(asked)})

    def resolve_client_public_key(self, client: RegisteredClient) -> KeySet:
        """The keys the client registered."""
        if not client.jwks:
            raise InvalidClientError(description="The client is not registered for assertions.")
        return KeySet.import_key_set(dict(client.jwks))  # type: ignore[arg-type]  # a plain JWKS

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> dict[str, Any]:
        """Signature, then claims."""
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=_ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise InvalidClientError(description="The assertion does not verify.") from error
        if not token.header.get("kid") or token.header.get("typ") != "JWT":
            raise InvalidClientError(description="The assertion's header needs kid and typ=JWT.")
        self.verify_claims(token.claims)
        return dict(token.claims)

    def verify_claims(self, claims: dict[str, Any]) -> None:
        """SMART's demands on ``iss``, ``sub``, ``aud``, ``exp`` and ``jti``."""
        now = self._server.state.clock()
        if claims.get("iss") != claims.get("sub"):
            raise InvalidClientError(description="iss and sub are both the client id.")
        if not _is_for(claims.get("aud"), self.get_audiences()):
            raise InvalidClientError(description="aud is not the token endpoint.")
        expires = claims.get("exp")
        if not isinstance(expires, int) or isinstance(expires, bool):
            raise InvalidClientError(description="exp is missing.")
        until = datetime.fromtimestamp(expires, tz=UTC)
        if not now < until <= now + _LONGEST + timedelta(seconds=self.leeway):
            raise InvalidClientError(description="The assertion lives at most five minutes, and not any more.")
        jti = claims.get("jti")
        if (
            not isinstance(jti, str)
            or not jti
            or not self._server.state.first_time(f"jti {claims['sub']} {jti}", until)
        ):
            raise InvalidClientError(description="jti is missing or was used before.")
