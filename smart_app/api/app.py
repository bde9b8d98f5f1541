"""The validator as part of the app, and as an app by itself: no EHR, no settings file, no database."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Flask, redirect, url_for
from flask.typing import ResponseReturnValue

from smart_app import limits, logs, security
from smart_app.api import routes
from smart_app.api.service import ValidationService
from smart_app.api.settings import ValidatorSettings
from smart_app.api.workers import Runner, Workers
from smart_app.settings import RateLimits
from smart_app.views import errors, validation
from smart_app.views.language import prepare_templates

__all__ = ["Standalone", "create_validator_app", "install_validation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standalone:
    """How a validator by itself is reached; see :class:`smart_app.settings.Exposure`."""

    url: str
    secure: bool = False
    trusted_proxies: int = 0
    limits: RateLimits = field(default_factory=RateLimits)


def install_validation(app: Flask, service: ValidationService) -> None:
    """Add the operation and its page to an app."""
    app.extensions["steunfiguren.validation"] = service
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(validation.blueprint)


def create_validator_app(settings: ValidatorSettings, reached: Standalone, runner: Runner | None = None) -> Flask:
    """The validator by itself.

    Args:
        settings: limits and definitions.
        reached: where and how.
        runner: who answers; processes of their own by default.

    Raises:
        PackageError: a package cannot be read.
    """
    app = Flask("smart_app")
    app.config["TEMPLATES_AUTO_RELOAD"] = False
    service = ValidationService(settings=settings, url=reached.url, runner=runner or Workers(settings))
    _ = service.profiles  # a package that cannot be read is for whoever starts this, not for whoever asks first
    prepare_templates(app)
    logs.install(app)
    limits.install(app, reached)
    app.register_blueprint(errors.blueprint)
    install_validation(app, service)
    app.add_url_rule("/", "home", _home)
    security.install(app, reached)
    return app


def _home() -> ResponseReturnValue:
    return redirect(url_for("validation_page.show"))
