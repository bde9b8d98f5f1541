"""The authorization server: who gets which token, and what it opens."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import OAuth2Request
from flask import Flask
from joserfc import jwt

from smart_app.sandbox.auth import hti
from smart_app.sandbox.auth.assertion import ClientAssertion
from smart_app.sandbox.auth.clients import ASYMMETRIC, RegisteredClient
from smart_app.sandbox.auth.endpoints import Introspection, Revocation
from smart_app.sandbox.auth.grants import BackendGrant, CodeGrant, IdToken, Issuer, Rotation, S256Only, SmartParameters
from smart_app.sandbox.auth.keys import Key, SigningKeys
from smart_app.sandbox.auth.scopes import resource_scopes
from smart_app.sandbox.auth.state import LAUNCH_LIFE, REFRESH_LIFE, Authorization, AuthState, Launch, Token
from smart_app.sandbox.auth.users import EhrUser
from smart_app.sandbox.faults import FaultSwitch
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.outcome import FhirError
from smart_app.sandbox.settings import SandboxSettings

__all__ = ["SandboxServer"]

TokenDict = dict[str, Any]


class SandboxServer(AuthorizationServer):  # type: ignore[misc]  # authlib ships no types
    """authlib's server with SMART's demands and the sandbox's faults.

    Args:
        other_patient: gives another Patient id than the one given, for the fault that changes the patient.
    """

    def __init__(self, settings: SandboxSettings, faults: FaultSwitch, other_patient: Callable[[str], str]) -> None:
        self.issuer = settings.issuer
        self.faults = faults
        self.keys = SigningKeys()
        self.state = AuthState(settings.clock)
        self.clients: dict[str, RegisteredClient] = {client.client_id: client for client in settings.clients}
        self._settings = settings
        self._other_patient = other_patient
        super().__init__(query_client=self.clients.get, save_token=self._save)

    def init_app(self, app: Flask, query_client: Any = None, save_token: Any = None) -> None:
        """Register grants and endpoints."""
        super().init_app(app, query_client, save_token)
        logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it writes tokens down
        self.register_token_generator("default", self._generate)
        self.register_client_auth_method(ASYMMETRIC, ClientAssertion(self))
        self.register_grant(CodeGrant, [S256Only(), SmartParameters(), IdToken(self)])
        self.register_grant(Rotation, [self._with_context])
        self.register_grant(BackendGrant)
        self.register_endpoint(Introspection)
        self.register_endpoint(Revocation)
        self.register_extension(lambda server: Issuer(self)(server))

    @property
    def response_issuer(self) -> str:
        """``iss`` of authorization responses."""
        return "https://ander-ehr.example/fhir" if self.faults.active("mix-up-iss") else self.issuer

    @property
    def launches_by_post(self) -> bool:
        """Whether apps are launched as Koppeltaal does, by a form that holds a signed message."""
        return self.faults.active("koppeltaal-noop")

    def endpoint(self, name: str) -> str:
        """Absolute URL of ``authorize``, ``token``, ``introspect``, ``revoke`` or ``jwks``."""
        return f"{self._settings.base_url}/auth/{name}"

    def start_launch(self, client_id: str, user: EhrUser, patient: str, **extra: Any) -> str:
        """Open a launch context; gives the value of ``launch``."""
        banner = bool(extra.pop("need_patient_banner", True))
        message = hti.launch_claims(self, client_id, user, patient) if self.launches_by_post else {}
        launch = Launch(
            client_id=client_id,
            user=user,
            patient=patient,
            expires=self.state.clock() + LAUNCH_LIFE,
            need_patient_banner=banner,
            extra=tuple(extra.items()),
            message=message,
        )
        return self.state.open_launch(launch, hti.signed(self, message) if message else "")

    def open_authorization(
        self, client: RegisteredClient, user: EhrUser | None, patient: str, scope: str, launch: Launch | None
    ) -> Authorization:
        """A new family of tokens, with the context that goes into its token responses."""
        context: TokenDict = {"patient": patient} if patient else {}
        if launch is not None:
            context.update(launch.extra)
        context["need_patient_banner"] = launch.need_patient_banner if launch else True
        context["smart_style_url"] = f"{self._settings.base_url}/static/smart-style.json"
        context["tenant"] = "jeugdhulp-demo"
        return Authorization(
            id=uuid.uuid4().hex,
            client_id=client.client_id,
            user=user,
            patient=patient,
            scope=scope,
            context=context if user is not None else {},
            message=launch.message if launch else {},
        )

    def guard(self, header: str | None) -> Guard:
        """The rights behind an ``Authorization`` header.

        Raises:
            FhirError: 401, there is no token or it does not work (any more).
        """
        kind, _, text = (header or "").partition(" ")
        token = self.state.token(text.strip()) if kind.lower() == "bearer" and text else None
        if token is None or token.kind != "access" or token.is_expired() or token.is_revoked():
            challenge = 'Bearer error="invalid_token"' if text else "Bearer"
            message = "The access token does not work any more." if text else "This needs an access token."
            raise FhirError(401, "login", message, headers={"WWW-Authenticate": challenge})
        authorization = token.authorization
        return Guard(
            identity=authorization.id,
            scopes=resource_scopes(token.scope),
            patient=authorization.patient or None,
            own_record=(authorization.user.record or None) if authorization.user else None,
        )

    def id_token_header(self, client: RegisteredClient) -> dict[str, str]:
        """Header of an id_token; the faults about keys are made here."""
        if self.faults.active("rotated-keys"):
            self.keys.rotate()
        header = {"alg": client.id_token_alg, "typ": "JWT"}
        if not self.faults.active("no-kid"):
            header["kid"] = str(self.id_token_key(client).kid)
        return header

    def id_token_key(self, client: RegisteredClient) -> Key:
        """Private key of an id_token."""
        if self.faults.active("unknown-kid"):
            return self.keys.unpublished(client.id_token_alg)
        return self.keys.signing(client.id_token_alg)

    def id_token_claims(self, client: RegisteredClient) -> TokenDict:
        """``iss``, ``aud``, ``iat`` and ``exp`` of an id_token."""
        issued = int(self.state.clock().timestamp())
        if self.faults.active("expired-id-token"):
            issued -= 3600
        audience = "another-app" if self.faults.active("wrong-aud") else client.client_id
        return {"iss": self.issuer, "aud": audience, "iat": issued, "exp": issued + IdToken.DEFAULT_EXPIRES_IN}

    def add_context(self, grant: Any, response: tuple[int, TokenDict, Any]) -> None:
        """Put the launch context into the token response of the code, and of every refresh."""
        authorization = self._authorization(grant.request)
        if authorization is None:
            return
        refreshed = grant.request.refresh_token is not None
        if refreshed and authorization.patient and self.faults.active("changed-patient-on-refresh"):
            authorization.patient = self._other_patient(authorization.patient)
            authorization.context["patient"] = authorization.patient
        token = response[1]
        token.update(authorization.context)
        if authorization.message:
            hti.as_token_response(token, dict(authorization.message))

    def _generate(
        self,
        *,
        grant_type: str,
        client: RegisteredClient,
        user: EhrUser | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> TokenDict:
        """The token response, before context and id_token."""
        granted = client.get_allowed_scope(scope or "") if grant_type == "client_credentials" else scope or ""
        life = expires_in or self._settings.token_seconds
        token: TokenDict = {
            "token_type": "Bearer",
            "access_token": self._access_token(client, user, granted, life),
            "expires_in": life,
            "scope": granted,
        }
        if include_refresh_token and {"offline_access", "online_access"} & set(granted.split()):
            token["refresh_token"] = secrets.token_urlsafe(32)
        return token

    def _access_token(self, client: RegisteredClient, user: EhrUser | None, scope: str, life: int) -> str:
        if self.faults.active("opaque-token"):
            return secrets.token_urlsafe(32)
        key = self.keys.signing("RS256")
        issued = int(self.state.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": user.id if user else client.client_id,
            "client_id": client.client_id,
            "scope": scope,
            "iat": issued,
            "exp": issued + life,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": str(key.kid)}, claims, key)

    def _save(self, token: TokenDict, request: OAuth2Request) -> None:
        authorization = self._authorization(request)
        if authorization is None:
            authorization = self.open_authorization(request.client, None, "", token["scope"], None)
        now = self.state.clock()
        lives: Mapping[str, timedelta] = {
            "access_token": timedelta(seconds=token["expires_in"]),
            "refresh_token": REFRESH_LIFE,
        }
        for name, life in lives.items():
            if name in token:
                record = Token(
                    authorization=authorization,
                    kind=name.removesuffix("_token"),
                    scope=token["scope"],
                    issued=now,
                    expires=now + life,
                    clock=self.state.clock,
                )
                self.state.save_token(token[name], record)

    def _with_context(self, grant: Any) -> None:
        grant.register_hook("after_create_token_response", self.add_context)

    @staticmethod
    def _authorization(request: OAuth2Request) -> Authorization | None:
        if request.authorization_code is not None:
            found: Authorization = request.authorization_code.authorization
            return found
        if request.refresh_token is not None:
            refreshed: Authorization = request.refresh_token.authorization
            return refreshed
        return None
