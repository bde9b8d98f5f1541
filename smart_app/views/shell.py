"""What is around every page: language, banner, and the words and helpers that templates use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, g, request
from flask.blueprints import BlueprintSetupState
from markupsafe import Markup

from fhir_plugin.model.names import display_name
from smart_app.i18n import Language, Message, Translator, choose, msg
from smart_app.presenters.access import Viewer
from smart_app.presenters.dates import born_text, date_text, day_text, moment_text
from smart_app.presenters.forms import Option
from smart_app.presenters.words import coding_word, word
from smart_app.views.desk import Desk
from smart_app.views.language import LANGUAGE_COOKIE, prepare_templates, texts

__all__ = ["blueprint"]

blueprint = Blueprint("shell", __name__)

SHORT = 13
"""Characters of an answer that still fits beside others in a narrow frame."""
LANGUAGE_NAMES: dict[Language, str] = {"nl": "Nederlands", "en": "English"}
"""How each language calls itself."""
ROLES: dict[Viewer, Message] = {
    Viewer.PROFESSIONAL: msg("a professional"),
    Viewer.YOUTH: msg("the young person"),
    Viewer.PARENT: msg("a parent"),
    Viewer.FIGURE: msg("a support figure"),
    Viewer.NOBODY: msg("somebody unknown"),
}
"""What stands for the user where neither the record system nor the record names them."""


@blueprint.record_once
def prepare(state: BlueprintSetupState) -> None:
    """Give every template the texts of the request and the words of the presenters."""
    app: Flask = state.app  # type: ignore[assignment]  # Flask registers blueprints on an app
    prepare_templates(app)
    app.jinja_env.filters["lines"] = _lines
    app.jinja_env.globals["is_short"] = _is_short


@blueprint.after_app_request
def remember(response: Response) -> Response:
    """Remember in this browser the language that a page of a launch was asked for in."""
    if "launch" not in g or "lang" not in request.args or response.status_code >= 400:
        return response
    secure = request.is_secure
    response.set_cookie(
        LANGUAGE_COOKIE,
        choose(request.args["lang"]),
        max_age=31_536_000,
        path="/",
        secure=secure,
        httponly=True,
        samesite="None" if secure else "Lax",
        partitioned=secure,
    )
    return response


@blueprint.app_context_processor
def words() -> dict[str, Any]:
    """What templates of all pages use."""
    t = texts()
    found: dict[str, Any] = {
        "word": lambda value: word(value, t),
        "coding_word": lambda value: coding_word(value, t),
        "date_text": lambda value: date_text(value, t),
        "moment_text": lambda value: moment_text(value, t),
        "launch": g.get("launch"),
        "other_languages": [one for one in LANGUAGE_NAMES.items() if one[0] != t.language],
        "here_in": _here_in,
    }
    at_desk = g.get("desk")
    if at_desk is not None:
        found |= {
            "banner": _banner(at_desk, t),
            "rights": at_desk.rights,
            "today": day_text(at_desk.context.today, t),
        }
    return found


def _here_in(language: str) -> str:
    """The address of this page in another language."""
    return f"{request.path}?{urlencode({**request.args, 'lang': language})}"


def _banner(at: Desk, t: Translator) -> dict[str, str]:
    """Whose record this is and who looks; who may not see the network learns nothing new of the child (L4)."""
    child, viewer = at.network.child, at.rights.viewer
    user = at.context.user.display or t(ROLES[viewer])
    if not at.rights.network:
        first = child.name.call_name or next(iter(child.name.given), "") or t("the child")
        return {"name": "" if viewer is Viewer.NOBODY else first, "user": user}
    return {
        "name": display_name(child.name) or t("Name not known"),
        "born": born_text(child.birth_date, at.context.today, t),
        "organisation": (child.organization.display if child.organization else "") or at.launch.issuer.organisation,
        "user": user,
    }


def _is_short(options: Sequence[Option]) -> bool:
    """Whether answers fit beside each other."""
    return all(len(option.text) <= SHORT and not option.hint for option in options)


def _lines(text: str) -> Markup:
    return Markup("<br>").join(text.splitlines())
