"""The language of a request: what was asked for, then what was chosen before, the launch's, the browser's, ours."""

from __future__ import annotations

from flask import Flask, current_app, g, request

from smart_app.i18n import Language, Translator, choose, translator

__all__ = ["LANGUAGE_COOKIE", "prepare_templates", "request_language", "texts"]

LANGUAGE_COOKIE = "sf-language"
"""Says which language somebody chose: no secret, and nothing about anybody."""


def request_language() -> Language:
    """Chosen once per request; works before a launch is known, and without one."""
    if "language" not in g:
        launch = g.get("launch")
        wished = request.args.get("lang"), request.cookies.get(LANGUAGE_COOKIE), launch.language if launch else None
        accept = () if launch else [tag for tag, _ in request.accept_languages]
        settings = current_app.extensions.get("steunfiguren.settings")
        g.language = choose(*wished, accept=accept, default=settings.language if settings else "nl")
    found: Language = g.language
    return found


def texts() -> Translator:
    """Texts in the language of this request."""
    return translator(request_language())


def prepare_templates(app: Flask) -> None:
    """Give templates ``_()``, ``t()`` and ``lang`` in the language of the request."""
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        lambda message: texts().catalogue.gettext(message),
        lambda one, many, count: texts().catalogue.ngettext(one, many, count),
        newstyle=True,
    )
    app.context_processor(lambda: {"t": texts(), "lang": request_language()})
