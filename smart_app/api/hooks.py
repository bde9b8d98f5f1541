"""Where an EHR says that something may have changed: R4 rest-hooks and topic notifications.

A caller shows the secret that only the EHR was given; what it says besides is a hint at most, and nothing of it is kept
or logged. Answers tell nobody whether an address exists.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException, TooManyRequests

from fhir_plugin.sync.inbound.notifications import NotificationKind, read_notification
from fhir_plugin.sync.inbound.store import Hook, InboundStore
from smart_app.limits import SECONDS, MinuteCounter

__all__ = ["create_hooks"]

MAX_BODY = 256 * 1024
PER_MINUTE = 600
"""Notifications of one EHR that are read; more say nothing more, because one poll answers them all."""


def create_hooks(store: InboundStore, on_hint: Callable[[str], None]) -> Flask:
    """A WSGI app that listens for notifications and does nothing else.

    Args:
        store: holds the addresses and the keyed hashes of their secrets.
        on_hint: told the EHR's base URL when something may have changed; must return at once.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.register_blueprint(_routes(store, on_hint, MinuteCounter()))

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        return response

    @app.errorhandler(HTTPException)
    def plain(error: HTTPException) -> Response:
        return Response("", error.code or 500, dict(error.get_headers()) if error.code == 429 else None)

    return app


def _routes(store: InboundStore, on_hint: Callable[[str], None], counter: MinuteCounter) -> Blueprint:
    routes = Blueprint("hooks", __name__, url_prefix="/hooks")

    @routes.route("/<name>", methods=["POST", "PUT"])
    @routes.route("/<name>/<path:_resource>", methods=["PUT"])
    def notified(name: str, _resource: str = "") -> Response:
        """One notification; with a payload, R4 puts it at ``[endpoint]/Type/id``, and it is read by nobody."""
        hook = _authorised(store, name)
        if hook is None:
            return Response("", 401, {"WWW-Authenticate": "Bearer"})
        if not counter.allows(hook.ehr, PER_MINUTE):
            raise TooManyRequests(retry_after=SECONDS)
        notification = read_notification(_body())
        if notification.events:
            store.update_hook(name, events=notification.events)
        if notification.means_change or _missed(hook, notification.events):
            on_hint(hook.ehr)
        return Response("", 200 if notification.kind is NotificationKind.HANDSHAKE else 202)

    return routes


def _authorised(store: InboundStore, name: str) -> Hook | None:
    """The address, if the caller holds its secret; as much work is done for one that does not exist."""
    hook = store.hook(name)
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    shown = store.vault.fingerprint(secret.strip())
    good = hmac.compare_digest(shown, hook.secret if hook else "0" * len(shown))
    return hook if good and scheme.lower() == "bearer" else None


def _missed(hook: Hook, events: int) -> bool:
    """Whether a heartbeat counts further than what was told: a notification was lost."""
    return events > hook.events


def _body() -> Any:
    """The body as JSON; None for an empty one and for anything that cannot be read, which is a hint all the same."""
    try:
        return json.loads(request.get_data(cache=False) or b"null")
    except (ValueError, RecursionError):
        return None
