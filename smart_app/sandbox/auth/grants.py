"""Grants and extensions of the authorization server: SMART's demands on top of authlib's OAuth core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode

from smart_app.sandbox.auth import hti
from smart_app.sandbox.auth.clients import ASYMMETRIC, PUBLIC, SYMMETRIC
from smart_app.sandbox.auth.scopes import narrowed, parse_scope, resource_scopes
from smart_app.sandbox.auth.state import CODE_LIFE, NONCE_LIFE, Code, Token
from smart_app.sandbox.auth.users import EhrUser

if TYPE_CHECKING:
    from smart_app.sandbox.auth.server import SandboxServer

__all__ = [
    "BackendGrant",
    "CodeGrant",
    "IdToken",
    "Issuer",
    "Rotation",
    "S256Only",
    "SmartParameters",
    "requested_record",
]


def requested_record(request: OAuth2Request) -> str:
    """The record a user chose on the page of a standalone launch."""
    return str(request.form.get("chosen_patient", "")) if request.method == "POST" else ""


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]  # authlib ships no types
    """Authorization code for public, symmetric and asymmetric clients."""

    TOKEN_ENDPOINT_AUTH_METHODS = (PUBLIC, SYMMETRIC, ASYMMETRIC)
    server: SandboxServer

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """Use the launch up, and tie the code to the context that came with it."""
        data = request.payload.data
        handle = data.get("launch", "")
        launch = self.server.state.launch(handle, take=True) if handle else None
        if handle and launch is None:
            raise InvalidRequestError("The launch was used before.", redirect_uri=data["redirect_uri"])
        user: EhrUser = request.user
        patient = launch.patient if launch else user.record or requested_record(request)
        authorization = self.server.open_authorization(request.client, user, patient, request.scope, launch)
        now = self.server.state.clock()
        if nonce := data.get("nonce", ""):
            self.server.state.first_time(f"nonce {request.client.client_id} {nonce}", now + NONCE_LIFE)
        self.server.state.save_code(
            code,
            Code(
                authorization=authorization,
                redirect_uri=data["redirect_uri"],
                code_challenge=data["code_challenge"],
                code_challenge_method=data["code_challenge_method"],
                nonce=nonce,
                auth_time=int(now.timestamp()),
                expires=now + CODE_LIFE,
            ),
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        """The code, once; a wrong verifier or redirect URI uses it up as well."""
        return self.server.state.redeem_code(code, client.client_id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Kept, so that a replay is noticed."""

    def authenticate_user(self, authorization_code: Code) -> EhrUser | None:
        """The user who authorized."""
        return authorization_code.authorization.user


class Rotation(RefreshTokenGrant):  # type: ignore[misc]  # authlib ships no types
    """Refresh tokens work once; the answer holds the next one."""

    TOKEN_ENDPOINT_AUTH_METHODS = (PUBLIC, SYMMETRIC, ASYMMETRIC)
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: SandboxServer

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        """The token, used up by this."""
        return self.server.state.use_refresh_token(refresh_token)

    def authenticate_user(self, refresh_token: Token) -> EhrUser | None:
        """The user who authorized."""
        return refresh_token.get_user()

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """Done by using it."""


class BackendGrant(ClientCredentialsGrant):  # type: ignore[misc]  # authlib ships no types
    """SMART Backend Services: asymmetric clients, ``system/`` scopes, no refresh token."""

    TOKEN_ENDPOINT_AUTH_METHODS = (ASYMMETRIC,)
    server: SandboxServer

    def validate_requested_scope(self) -> None:
        """Only ``system/`` scopes, and at least one that the client is registered for."""
        asked = self.request.payload.scope or ""
        granted = self.client.get_allowed_scope(asked)
        scopes = [parse_scope(item) for item in granted.split()]
        if not scopes or any(scope is None or scope.level != "system" for scope in scopes):
            raise InvalidScopeError()
        self.request.scope = granted


class S256Only(CodeChallenge):  # type: ignore[misc]  # authlib ships no types
    """PKCE, always, by S256 (SMART App Launch 2.2, "Considerations for PKCE Support")."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        """Challenge and method are there, and the method is S256."""
        data = grant.request.payload.data
        if not data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        if data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("'code_challenge_method' must be S256")
        super().validate_code_challenge(grant, redirect_uri)


class SmartParameters:
    """``aud``, ``state``, ``redirect_uri`` and ``launch`` of the authorization request."""

    def __call__(self, grant: CodeGrant) -> None:
        """Register with a grant."""
        grant.register_hook("after_validate_authorization_request_payload", self.validate)

    def validate(self, grant: CodeGrant, _redirect_uri: str) -> None:
        """Check what SMART demands, then narrow the scopes to what this user may give."""
        request, server = grant.request, grant.server
        data = request.payload.data
        for name in ("redirect_uri", "state", "scope", "aud"):
            if not data.get(name):
                raise InvalidRequestError(f"Missing '{name}'")
        if data["aud"] != server.issuer:
            raise InvalidRequestError("'aud' is not the FHIR base URL of this EHR")
        asked = set(request.payload.scope.split())
        if ("launch" in asked) != bool(data.get("launch")):
            raise InvalidRequestError("'launch' goes with the scope 'launch', and the other way round")
        self._launch(server, request, data.get("launch", ""))
        request.scope = _for_user(request.scope, request.user, has_patient=bool(asked & {"launch", "launch/patient"}))
        if not request.scope:
            raise InvalidScopeError()

    @staticmethod
    def _launch(server: SandboxServer, request: OAuth2Request, handle: str) -> None:
        if not handle:
            return
        launch = server.state.launch(handle)
        if launch is not None and launch.message and set(request.payload.scope.split()) != hti.SCOPE:
            raise InvalidScopeError()
        if launch is None or launch.client_id != request.client.client_id:
            raise InvalidRequestError("The launch is unknown, used or too old: launch the app from the record again")
        if request.user is not None and launch.user.id != request.user.id:
            raise InvalidRequestError("The launch belongs to somebody else who is signed in to the EHR")


def _for_user(scope: str, user: EhrUser | None, *, has_patient: bool) -> str:
    """The part a user may give: within the user's own scopes, and ``patient/`` only with a patient."""
    limited = narrowed(scope, user.scope) if user is not None and user.scope else scope
    if has_patient:
        return limited
    return " ".join(item for item in limited.split() if not any(s.level == "patient" for s in resource_scopes(item)))


class IdToken(OpenIDCode):  # type: ignore[misc]  # authlib ships no types
    """The id_token: who is using the app (OpenID Connect Core 1.0; SMART ``fhirUser``)."""

    DEFAULT_EXPIRES_IN = 300

    def __init__(self, server: SandboxServer) -> None:
        super().__init__(require_nonce=False)
        self._server = server

    def process_token(self, grant: CodeGrant, response: tuple[int, dict[str, Any], Any]) -> dict[str, Any]:
        """The launch context first, so that the id_token is about the token that is really given out."""
        self._server.add_context(grant, response)
        found: dict[str, Any] = super().process_token(grant, response)
        return found

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        """Whether this client used the nonce for a code before (remembered when the code is given)."""
        return self._server.state.seen(f"nonce {request.payload.client_id} {nonce}")

    def get_encode_header(self, client: Any) -> dict[str, str]:
        """``alg``, ``kid`` and ``typ``."""
        return self._server.id_token_header(client)

    def resolve_client_private_key(self, client: Any) -> Any:
        """The key of this client's algorithm."""
        return self._server.id_token_key(client)

    def get_client_claims(self, client: Any) -> dict[str, Any]:
        """``iss``, ``aud`` and times."""
        return self._server.id_token_claims(client)

    def get_authorization_code_claims(self, authorization_code: Code) -> dict[str, Any]:
        """``nonce`` echoed, and when the user signed in."""
        claims: dict[str, Any] = super().get_authorization_code_claims(authorization_code)
        if self._server.faults.active("no-nonce"):
            claims.pop("nonce", None)
        return claims

    def generate_user_info(self, user: EhrUser, scope: str) -> dict[str, str]:
        """``sub``, and with the scope ``fhirUser`` (or ``profile``) the name and the resource of the user."""
        info = {"sub": user.id}
        if {"fhirUser", "profile"} & set(scope.split()):
            info["name"] = user.name.partition(",")[0]
            info["fhirUser"] = f"{self._server.issuer}/{user.fhir_user}"
        return info


class Issuer(IssuerParameter):  # type: ignore[misc]  # authlib ships no types
    """``iss`` in the authorization response (RFC 9207)."""

    def __init__(self, server: SandboxServer) -> None:
        self._server = server

    def get_issuer(self) -> str:
        """Our issuer."""
        return self._server.response_issuer
