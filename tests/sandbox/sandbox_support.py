"""The embedded EHR without sockets: a Flask test client that signs in, launches and asks for tokens."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.test import TestResponse

from smart_app.sandbox import ASYMMETRIC, SYMMETRIC, RegisteredClient, SandboxSettings, create_sandbox, parts_of

BASE = "http://localhost:8400"
CALLBACK = "http://localhost:8401/callback/sandbox"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"
ALL = "launch openid fhirUser offline_access patient/*.cruds"
RSA = RSAKey.generate_key(2048, {"kid": "app-rsa"})
ELLIPTIC = ECKey.generate_key("P-384", {"kid": "app-ec"})
JWKS = KeySet([RSA, ELLIPTIC]).as_dict(private=False)

CLIENTS = (
    RegisteredClient(
        client_id="app",
        name="De app",
        launch_url="http://localhost:8401/launch",
        redirect_uris=(CALLBACK,),
        scope=f"{ALL} launch/patient online_access user/*.cruds",
    ),
    RegisteredClient(
        client_id="secretive",
        launch_url="http://localhost:8401/launch",
        redirect_uris=(CALLBACK,),
        scope=ALL,
        auth=SYMMETRIC,
        secret="only-for-tests",
        id_token_alg="ES384",
    ),
    RegisteredClient(
        client_id="signer",
        launch_url="http://localhost:8401/launch",
        redirect_uris=(CALLBACK,),
        scope=f"{ALL} system/*.cruds",
        auth=ASYMMETRIC,
        jwks=JWKS,
        grant_types=("authorization_code", "refresh_token", "client_credentials"),
    ),
)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = field(default_factory=lambda: datetime(2026, 6, 15, 10, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Ehr:
    """One sandbox and one browser."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        settings = {"base_url": BASE, "clients": CLIENTS, "clock": self.clock, **settings}
        self.app = create_sandbox(SandboxSettings(**settings))
        self.parts = parts_of(self.app)
        self.http = self.browser()

    def browser(self) -> FlaskClient:
        """Another browser."""
        return self.app.test_client()

    def fault(self, name: str) -> None:
        self.parts.faults.turn(name, on=True)

    # --- the EHR's own pages ---

    def form_token(self, page: TestResponse) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', page.text)
        assert found, page.text
        return found[1]

    def sign_in(self, user: str = "j.devries") -> None:
        token = self.form_token(self.http.get("/sign-in", base_url=BASE))
        answer = self.http.post("/sign-in", data={"user": user, "form_token": token}, base_url=BASE)
        assert answer.status_code == 303

    def launch(self, patient: str, client: str = "app") -> str:
        answer = self.http.get(f"/children/{patient}/launch/{client}", base_url=BASE)
        assert answer.status_code == 303, answer.text
        return query_of(answer)["launch"]

    # --- OAuth ---

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a right authorization request; None leaves one out."""
        asked = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": CALLBACK,
            "scope": ALL,
            "state": "a-state-that-nobody-can-guess",
            "aud": f"{BASE}/fhir",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def authorize(self, **changes: str | None) -> TestResponse:
        return self.http.get(f"/auth/authorize?{urlencode(self.request(**changes))}", base_url=BASE)

    def code(self, patient: str = "noor", client: str = "app", **changes: str | None) -> str:
        answer = self.authorize(client_id=client, launch=self.launch(patient, client), **changes)
        assert answer.status_code == 302, answer.text
        return query_of(answer)["code"]

    def redeem(self, code: str, headers: dict[str, str] | None = None, **changes: str | None) -> TestResponse:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_id": "app",
            **changes,
        }
        form = {name: value for name, value in form.items() if value is not None}
        return self.browser().post("/auth/token", data=form, headers=headers, base_url=BASE)

    def token(self, patient: str = "noor", user: str = "j.devries", **changes: str | None) -> dict[str, Any]:
        self.sign_in(user)
        answer = self.redeem(self.code(patient, **changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def refresh(self, refresh_token: str, **changes: str) -> TestResponse:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "app", **changes}
        return self.browser().post("/auth/token", data=form, base_url=BASE)

    def assertion(self, key: Any = ELLIPTIC, *, alg: str = "ES384", typ: str = "JWT", **changes: Any) -> dict[str, str]:
        now = int(self.clock().timestamp())
        claims = {
            "iss": "signer",
            "sub": "signer",
            "aud": f"{BASE}/auth/token",
            "exp": now + 240,
            "jti": uuid.uuid4().hex,
            **changes,
        }
        header = {"alg": alg, "kid": str(key.kid), "typ": typ}
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(
                header, {name: value for name, value in claims.items() if value is not None}, key, algorithms=[alg]
            ),
        }

    def backend_token(self, scope: str = "system/*.cruds", **assertion: Any) -> TestResponse:
        form = {"grant_type": "client_credentials", "scope": scope, **self.assertion(**assertion)}
        return self.browser().post("/auth/token", data=form, base_url=BASE)

    # --- FHIR ---

    def fhir(self, method: str, path: str, token: str = "", body: Any = None, **headers: str) -> TestResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        kind = "application/fhir+json" if body is not None else None
        data = orjson.dumps(body) if body is not None else None
        return self.browser().open(
            f"/fhir/{path}", method=method, data=data, content_type=kind, headers=sent, base_url=BASE
        )


def query_of(answer: TestResponse) -> dict[str, str]:
    found = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert all(len(values) == 1 for values in found.values())
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def ids(answer: TestResponse) -> list[str]:
    return [entry["resource"]["id"] for entry in (answer.json or {}).get("entry", [])]
