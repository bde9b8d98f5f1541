"""The embedded EHR as a Flask app: sign-in, records, authorization server and FHIR server on one origin."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response

from fhir_plugin.validation import Validator
from smart_app.sandbox.auth import routes as auth_routes
from smart_app.sandbox.auth.server import SandboxServer
from smart_app.sandbox.faults import FaultSwitch
from smart_app.sandbox.fhir import routes as fhir_routes
from smart_app.sandbox.fhir.disturbance import Disturbance
from smart_app.sandbox.fhir.embedded import EmbeddedBackend
from smart_app.sandbox.fhir.faulty import FaultyBackend
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Backend
from smart_app.sandbox.fhir.notify import Notifier
from smart_app.sandbox.fhir.remote import RemoteBackend
from smart_app.sandbox.fhir.store import Store
from smart_app.sandbox.fhir.validating import ValidatingBackend
from smart_app.sandbox.pages import routes as page_routes
from smart_app.sandbox.parts import Sandbox
from smart_app.sandbox.people import People
from smart_app.sandbox.seed.loading import fill
from smart_app.sandbox.seed.users import USERS
from smart_app.sandbox.settings import SandboxSettings

__all__ = ["create_sandbox"]


def create_sandbox(settings: SandboxSettings | None = None) -> Flask:
    """The EHR as a WSGI app.

    Raises:
        UsageError: a fault in the settings does not exist.
        InputError: a folder or file to load cannot be read.
    """
    settings = settings or SandboxSettings()
    faults = FaultSwitch(settings.faults)
    backend = _backend(settings)
    people = People(backend, USERS, settings.clock)
    server = SandboxServer(settings, faults, people.other_child)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME="sandbox_ehr",
        SESSION_COOKIE_SAMESITE="None" if settings.cross_site else "Lax",
        SESSION_COOKIE_SECURE=settings.cross_site or settings.base_url.startswith("https:"),
        MAX_CONTENT_LENGTH=settings.max_body,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
    )
    app.extensions["sandbox"] = Sandbox(
        settings=settings,
        backend=FaultyBackend(backend, faults),
        server=server,
        people=people,
        faults=faults,
        disturbance=Disturbance(faults, settings.pause),
        notifier=Notifier(backend),
        rights=(lambda _: Guard.everything()) if settings.open_access else server.guard,
    )
    server.init_app(app)
    for blueprint in (auth_routes.routes, fhir_routes.routes, page_routes.routes):
        app.register_blueprint(blueprint)
    page_routes.prepare(app)
    _secure(app, settings)
    fill(backend, settings)
    return app


def _backend(settings: SandboxSettings) -> Backend:
    if settings.fhir_base:
        found: Backend = RemoteBackend(settings.issuer, settings.fhir_base)
    else:
        found = EmbeddedBackend(Store(settings.database, settings.issuer, settings.clock))
    return ValidatingBackend(found, Validator.load()) if settings.validate else found


def _secure(app: Flask, settings: SandboxSettings) -> None:
    apps = " ".join(sorted({_origin(client.launch_url) for client in settings.clients if client.launch_url}))
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; frame-src 'self' {apps}; "
        f"form-action 'self' {apps}; frame-ancestors 'self'; base-uri 'none'"
    )

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        if response.mimetype == "text/html":
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
