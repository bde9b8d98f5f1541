"""Response headers and limits: the same for every page, so that no view can forget them.

Sources: CSP Level 3, OWASP Secure Headers, RFC 6797 (HSTS); threat table in ``docs/security.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from smart_app.settings import Exposure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["content_security_policy", "install"]

PERMISSIONS = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "usb",
    "xr-spatial-tracking",
)
HSTS = "max-age=63072000; includeSubDomains"
CACHEABLE = frozenset({"static", "launch.jwks"})
"""Endpoints that hold nothing of anybody."""


def install(app: Flask, settings: Exposure) -> None:
    """Headers on every response, limits on every request."""
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.request_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.limits.request_bytes
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]  # Flask's own way
    if settings.secure:
        app.wsgi_app = _Https(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own way

    @app.after_request
    def secure(response: Response) -> Response:
        return _with_headers(response, settings)


class _Https:
    """The scheme is what the settings say, whatever a proxy did or did not pass on."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.url_scheme"] = "https"
        return self.app(environ, start_response)


def content_security_policy(frame_ancestors: tuple[str, ...], form_action: str = "") -> str:
    """Everything from ourselves, nothing inline, and shown only by whom the settings name.

    Args:
        frame_ancestors: origins; none means it is never framed.
        form_action: a further address that a form of this page goes to; its origin is allowed.
    """
    parts = urlsplit(form_action)
    framed_by = " ".join(frame_ancestors) or "'none'"
    actions = f"'self' {parts.scheme}://{parts.netloc}" if form_action else "'self'"
    return "; ".join(
        (
            "default-src 'none'",
            "base-uri 'none'",
            "connect-src 'self'",
            "font-src 'self'",
            f"form-action {actions}",
            f"frame-ancestors {framed_by}",
            "img-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
        )
    )


def _with_headers(response: Response, settings: Exposure) -> Response:
    ancestors: tuple[str, ...] = g.get("frame_ancestors", ())
    headers = response.headers
    headers["Content-Security-Policy"] = content_security_policy(ancestors, g.get("form_action", ""))
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Permissions-Policy"] = ", ".join(f"{name}=()" for name in PERMISSIONS)
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if not ancestors:
        headers["X-Frame-Options"] = "DENY"
    if settings.secure:
        headers["Strict-Transport-Security"] = HSTS
    if request.endpoint not in CACHEABLE or response.status_code >= 400:
        headers["Cache-Control"] = "no-store"
    return response
