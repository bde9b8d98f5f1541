"""Made-up EHRs that answer as told, a browser, and a clock that only moves when asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import requests
import responses
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from smart_app.launch.launcher import Launcher
from smart_app.settings import Settings
from smart_app.store.crypto import Keyring
from smart_app.store.engine import open_engine
from smart_app.store.launches import LaunchStore

APP = "https://steun.example.nl"
KEY = bytes(range(32))
_RSA = RSAKey.generate_key(2048, {"kid": "ehr-1", "use": "sig"})


@dataclass
class Clock:
    """Unix time that stands still."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeEhr:
    """An EHR that answers as its attributes say; None leaves a member out."""

    mock: responses.RequestsMock
    clock: Clock
    key: str = "noord"
    base: str = "https://noord.example.nl"
    client_id: str = "app-at-noord"
    signing_key: RSAKey | ECKey = field(default_factory=lambda: _RSA)
    published: list[dict[str, Any]] | None = None
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "ehr-1"})
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    token_answers: list[tuple[int, dict[str, Any] | str] | Exception] = field(default_factory=list)
    token_requests: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    nonce: str = ""
    fhir_status: list[int] = field(default_factory=list)
    fhir_tokens: list[str] = field(default_factory=list)
    patients: dict[str, str] = field(default_factory=dict)

    @property
    def iss(self) -> str:
        return f"{self.base}/fhir"

    @property
    def issuer(self) -> str:
        return f"{self.base}/auth"

    def install(self) -> None:
        self.mock.add_callback(
            "GET", f"{self.iss}/.well-known/smart-configuration", lambda _: self._json(self.smart_configuration())
        )
        self.mock.add_callback("GET", f"{self.issuer}/jwks", lambda _: self._json({"keys": self.keys()}))
        self.mock.add_callback("POST", f"{self.issuer}/token", self._token)
        self.mock.add_callback("GET", re.compile(re.escape(self.iss) + "/Patient/"), self._patient)

    def smart_configuration(self) -> dict[str, Any]:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "ES384"],
            "capabilities": ["launch-ehr"],
            **self.metadata,
        }
        return {name: value for name, value in document.items() if value is not None}

    def keys(self) -> list[dict[str, Any]]:
        return [self.signing_key.as_dict(private=False)] if self.published is None else self.published

    def id_token(self) -> str:
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "sub": "user-1",
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce or None,
            "fhirUser": f"{self.iss}/Practitioner/7",
            "name": "Petra Proefpersoon",
            **self.claims,
        }
        return jwt.encode(
            {name: value for name, value in self.header.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
            self.signing_key,
            algorithms=[self.header["alg"]],
        )

    def token_body(self) -> dict[str, Any]:
        body = {
            "access_token": f"access-{len(self.token_requests)}-{self.key}",
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": f"refresh-{len(self.token_requests)}-{self.key}",
            "scope": "launch openid fhirUser patient/Patient.rs",
            "patient": "kind-1",
            "need_patient_banner": True,
            "id_token": self.id_token(),
            **self.token,
        }
        return {name: value for name, value in body.items() if value is not None}

    def _token(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        form = {name: values[0] for name, values in parse_qs(str(request.body), keep_blank_values=True).items()}
        self.token_requests.append((form, dict(request.headers)))
        if self.token_answers:
            answer = self.token_answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            status, body = answer
            return (status, {}, body.encode()) if isinstance(body, str) else self._json(body, status)
        return self._json(self.token_body())

    def _patient(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        self.fhir_tokens.append(request.headers.get("Authorization", ""))
        if self.fhir_status and (status := self.fhir_status.pop(0)) != 200:
            return self._json({"resourceType": "OperationOutcome", "issue": []}, status)
        found = urlsplit(str(request.url)).path.rpartition("/")[2]
        return self._json({"resourceType": "Patient", "id": found, "name": [{"family": self.patients.get(found, "X")}]})

    @staticmethod
    def _json(document: Any, status: int = 200) -> tuple[int, dict[str, str], bytes]:
        return status, {"Content-Type": "application/json"}, orjson.dumps(document)


@dataclass
class Browser:
    """A browser: one cookie jar, and the EHR's authorization page done by hand."""

    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, base_url=APP, **options)

    def post(self, path: str, data: dict[str, str] | None = None, **options: Any) -> TestResponse:
        return self.client.post(path, base_url=APP, data=data or {}, **options)

    def start(self, ehr: FakeEhr, launch: str = "launch-1", **extra: str) -> dict[str, str]:
        """Launch from the EHR's frame, up to the authorization request; returns its parameters."""
        answer = self.get("/launch", query_string={"iss": ehr.iss, "launch": launch, **extra})
        while answer.status_code == 303 and answer.location.startswith("/"):
            answer = self.get(answer.location)
        assert answer.status_code == 303, (answer.status_code, answer.text)
        params = query_of(answer.location)
        ehr.nonce = params.get("nonce", "")
        return params

    def answer(self, ehr: FakeEhr, state: str, **params: str) -> TestResponse:
        """The EHR's answer at our redirect URI."""
        return self.get(f"/callback/{ehr.key}", query_string={"state": state, "code": "code-1", **params})

    def launch(self, ehr: FakeEhr, **extra: str) -> str:
        """A whole launch; returns the path of its pages."""
        answer = self.answer(ehr, self.start(ehr, **extra)["state"])
        assert answer.status_code == 303, (answer.status_code, answer.text)
        return str(answer.location)


def cookie_name(path: str) -> str:
    """Of the launch at an address."""
    return f"__Host-sf-l-{path.split('/')[2]}"


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def new_launcher(settings: Settings, clock: Clock) -> Launcher:
    keyring = Keyring(settings.encryption_keys)
    store = LaunchStore(open_engine(settings.database_url), keyring, settings.session, clock)
    return Launcher(settings, store, clock=clock)
