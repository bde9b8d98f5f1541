"""For tests: the whole conversation in one process, without a port, and a launch without the dance.

``session_to({origin: wsgi_app})`` is a session factory for :func:`smart_app.app.create_app` that answers from WSGI
apps, such as the sandbox EHR; ``open_launch(app, browser, …)`` puts a finished launch in the store and its cookie in
a test browser.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from flask.testing import FlaskClient
from requests.adapters import BaseAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from waitress.channel import ClientDisconnected
from werkzeug.test import EnvironBuilder, run_wsgi_app

from smart_app.launch.cookies import Cookies
from smart_app.launch.launcher import Launcher
from smart_app.launch.phases import LaunchFacts, LaunchUser, Tokens, UserKind
from smart_app.settings import Issuer

__all__ = ["PRACTITIONER", "WsgiAdapter", "open_launch", "session_to"]

PRACTITIONER = LaunchUser(
    reference="Practitioner/1", kind=UserKind.PRACTITIONER, name="Petra Proefpersoon", subject="practitioner-1"
)


class WsgiAdapter(BaseAdapter):
    """Answers requests from WSGI apps, by origin; any other origin is a connection error.

    Attributes:
        sent: ``METHOD url`` of every request, in order, so that a test can count round trips.
    """

    def __init__(self, apps: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__()
        self.apps = dict(apps)
        self.sent: list[str] = []

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        """Run the WSGI app of the request's origin."""
        url = str(request.url)
        self.sent.append(f"{request.method} {url}")
        parts = urlsplit(url)
        app = self.apps.get(f"{parts.scheme}://{parts.netloc}")
        if app is None:
            raise requests.ConnectionError(f"nothing answers at {parts.netloc}", request=request)
        body = request.body.encode() if isinstance(request.body, str) else request.body
        builder = EnvironBuilder(
            path=parts.path,
            query_string=parts.query,
            base_url=f"{parts.scheme}://{parts.netloc}",
            method=request.method or "GET",
            headers=list(request.headers.items()),
            input_stream=BytesIO(body if isinstance(body, bytes) else b""),
        )
        try:
            chunks, status, headers = run_wsgi_app(app, builder.get_environ(), buffered=True)
        except ClientDisconnected:  # how a WSGI app under waitress lets a connection drop
            raise requests.ConnectionError("the connection dropped", request=request) from None
        response = requests.Response()
        response.status_code = int(status.split()[0])
        response.headers.update(dict(headers))
        response.url = url
        response.request = request
        response.raw = HTTPResponse(
            body=BytesIO(b"".join(chunks)),
            status=response.status_code,
            headers=HTTPHeaderDict(headers),
            preload_content=False,
            original_response=_Original(headers),  # type: ignore[arg-type]  # what cookie jars look at, no more
        )
        return response

    def close(self) -> None:
        """Nothing to close."""


class _Original:
    """The headers as ``http.cookiejar`` wants to read them."""

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.msg = Message()
        for name, value in headers:
            self.msg.add_header(name, value)

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing to close."""


def session_to(apps: Mapping[str, Callable[..., Any]]) -> Callable[[Issuer], requests.Session]:
    """A session factory whose requests stay within the process."""
    adapter = WsgiAdapter(apps)

    def session(_issuer: Issuer) -> requests.Session:
        made = requests.Session()
        made.trust_env = False
        made.mount("http://", adapter)
        made.mount("https://", adapter)
        return made

    return session


def open_launch(
    app: Flask,
    browser: FlaskClient,
    *,
    patient_id: str,
    user: LaunchUser = PRACTITIONER,
    access_token: str = "test-token",  # noqa: S107  a token for a store that asks none
    issuer_key: str = "",
    **facts: Any,
) -> str:
    """Put a finished launch in the app's store and its cookie in the browser; returns the path of its first page.

    Args:
        app: from ``create_app``.
        browser: gets the cookie.
        patient_id: whose record is open.
        user: who is at the screen.
        access_token: what the FHIR client will send.
        issuer_key: which EHR; the first of the settings when empty.
        facts: other fields of :class:`LaunchFacts`, such as ``language="en"``.
    """
    launcher: Launcher = app.extensions["steunfiguren.launcher"]
    settings = launcher.settings
    issuer = launcher.issuer(issuer_key or settings.issuers[0].key)
    facts = {"scopes": issuer.scopes, "requested_scopes": issuer.scopes, "language": settings.language, **facts}
    launch = LaunchFacts(
        id=secrets.token_hex(16),
        issuer_key=issuer.key,
        patient_id=patient_id,
        user=user,
        created_at=launcher.clock(),
        **facts,
    )
    secret = secrets.token_urlsafe(32)
    launcher.store.add_launch(launch, Tokens(access=access_token), secret)
    with app.test_request_context():
        response = app.response_class()
        Cookies(settings=settings).set_launch(app.request_class({}), response, launch.id, secret)
    name, _, value = response.headers["Set-Cookie"].partition(";")[0].partition("=")
    domain = urlsplit(settings.public_url).hostname or "localhost"
    browser.set_cookie(name, value, domain=domain, secure=settings.secure)
    return f"/l/{launch.id}/"
