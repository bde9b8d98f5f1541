"""The application factory: settings in, WSGI app out."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from flask import Flask

from smart_app import limits, logs, security
from smart_app.api.app import install_validation
from smart_app.api.service import ValidationService
from smart_app.api.workers import Workers
from smart_app.audit import writer as audit
from smart_app.launch import guard
from smart_app.launch.launcher import Launcher
from smart_app.launch.network import guarded_session
from smart_app.launch.routes import blueprint as launch_blueprint
from smart_app.settings import Issuer, Settings
from smart_app.store.crypto import Keyring
from smart_app.store.engine import open_engine
from smart_app.store.launches import LaunchStore
from smart_app.views import BLUEPRINTS

__all__ = ["create_app"]


def create_app(
    settings: Settings,
    *,
    store: LaunchStore | None = None,
    clock: Callable[[], float] = time.time,
    session: Callable[[Issuer], requests.Session] = guarded_session,
) -> Flask:
    """Build the app.

    Args:
        settings: from :func:`smart_app.settings_file.load_settings`.
        store: another store than the database of the settings.
        clock: Unix time.
        session: makes the HTTP session for an EHR.

    Raises:
        StoreError: the database cannot be opened.
        InputError: a signing key cannot be read.
    """
    app = Flask("smart_app")
    app.config["TEMPLATES_AUTO_RELOAD"] = False
    if store is None:
        keyring = Keyring(settings.encryption_keys)
        store = LaunchStore(open_engine(settings.database_url), keyring, settings.session, clock)
    app.extensions["steunfiguren.settings"] = settings
    app.extensions["steunfiguren.launcher"] = Launcher(settings, store, clock=clock, session=session)
    logs.install(app)
    audit.install(app, settings)
    limits.install(app, settings, clock)
    guard.install(app)
    app.register_blueprint(launch_blueprint)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    if settings.validator is not None:
        workers = Workers(settings.validator)
        service = ValidationService(settings=settings.validator, url=settings.public_url, runner=workers, clock=clock)
        install_validation(app, service)
    security.install(app, settings)
    return app
