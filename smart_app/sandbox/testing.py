"""Running the sandbox inside a test."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from smart_app.sandbox.app import create_sandbox
from smart_app.sandbox.parts import Sandbox, parts_of
from smart_app.sandbox.serving import LateApp, listening
from smart_app.sandbox.settings import SandboxSettings

__all__ = ["Browser", "RunningSandbox", "running_sandbox"]

_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSandbox:
    """A sandbox that listens.

    Attributes:
        base_url: origin, with the port it got.
        parts: its insides, to switch faults or look at the store without HTTP.
    """

    base_url: str
    parts: Sandbox

    @property
    def issuer(self) -> str:
        """FHIR base URL."""
        return f"{self.base_url}/fhir"

    def browser(self, user: str = "j.devries") -> Browser:
        """A browser in which this user is signed in to the EHR."""
        found = Browser(sandbox=self)
        found.sign_in(user)
        return found


@dataclass(slots=True, kw_only=True)
class Browser:
    """Just enough of a browser: cookies, sign-in, launch, authorize."""

    sandbox: RunningSandbox
    http: requests.Session = field(default_factory=requests.Session)

    def sign_in(self, user: str) -> None:
        """Choose a user on the sign-in page."""
        url = f"{self.sandbox.base_url}/sign-in"
        page = self.http.get(url, timeout=10)
        self.http.post(
            url, data={"user": user, "form_token": _form_token(page.text)}, allow_redirects=False, timeout=10
        ).raise_for_status()

    def launch(self, patient: str, client_id: str) -> dict[str, str]:
        """Open an app in a record; gives the parameters the app gets (``iss`` and ``launch``)."""
        url = f"{self.sandbox.base_url}/children/{patient}/launch/{client_id}"
        answer = self.http.get(url, allow_redirects=False, timeout=10)
        answer.raise_for_status()
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def authorize(self, url: str) -> requests.Response:
        """Follow an authorization URL, up to but not including the redirect back to the app."""
        return self.http.get(url, allow_redirects=False, timeout=10)

    def token_for(self, patient: str, client_id: str, redirect_uri: str, scope: str) -> dict[str, Any]:
        """A whole EHR launch of a public client; gives the token response."""
        context = self.launch(patient, client_id)
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": secrets.token_urlsafe(16),
            "aud": self.sandbox.issuer,
            "launch": context["launch"],
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        answer = self.authorize(f"{self.sandbox.base_url}/auth/authorize?{urlencode(asked)}")
        code = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": client_id,
        }
        token = self.http.post(f"{self.sandbox.base_url}/auth/token", data=form, timeout=10)
        token.raise_for_status()
        found: dict[str, Any] = token.json()
        return found


@contextmanager
def running_sandbox(
    settings: SandboxSettings | None = None, *, host: str = "localhost", port: int = 0
) -> Iterator[RunningSandbox]:
    """A sandbox in a thread, on a free port unless one is given; ``base_url`` of the settings is filled in."""
    late = LateApp()
    with listening(late, port=port) as bound:
        base_url = f"http://{host}:{bound}"
        app = create_sandbox(replace(settings or SandboxSettings(), base_url=base_url))
        late.app = app
        yield RunningSandbox(base_url=base_url, parts=parts_of(app))


def _form_token(page: str) -> str:
    match = _FORM_TOKEN.search(page)
    if match is None:
        raise AssertionError("the page holds no form")
    return match[1]
