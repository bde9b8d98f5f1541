"""Answering a plan's questions and conflicts on a page: on this machine only, for whoever started it.

The address that opens it works once and leaves a cookie; nothing answers without that cookie, under another host name,
or to a form of another site. The plan file is the only thing it reads and writes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.sync.plans.answering import Open, count_open, waiting, write_answers
from fhir_plugin.sync.plans.planfile import PlanReader
from fhir_plugin.sync.plans.rendering import consent_words, element_words
from fhir_plugin.sync.plans.totals import client_words
from fhir_plugin.sync.plans.wording import value_words
from fhir_plugin.texts import Language
from smart_app.i18n import msg
from smart_app.launch.cookies import same
from smart_app.presenters.dates import date_text
from smart_app.security import content_security_policy
from smart_app.views.language import prepare_templates, request_language, texts

__all__ = ["create_review_app"]

PER_PAGE = 10
"""Clients on a page."""
_DATED = ("birth_date", "designations", "bond_of_trust", "vog_seen", "mandate", "agreement")
_PERIODS = (".start", ".end")
_DAY = re.compile(r"\b\d{4}-\d{2}(?:-\d{2})?\b", re.ASCII)
_COOKIE = "steunfiguren-review"
_HOSTS = ("127.0.0.1", "localhost")
_CHANGED = msg("The plan changed in the meantime. Your answers are still below: look at them again and save once more.")


def create_review_app(plan: Path, token: str) -> Flask:
    """The page for one plan.

    Args:
        plan: the plan file.
        token: opens it once, as ``/open/<token>``.

    Raises:
        InputError: it is no plan.
    """
    PlanReader(plan)
    app = Flask("smart_app")
    app.config.update(TEMPLATES_AUTO_RELOAD=False, MAX_CONTENT_LENGTH=1024 * 1024)
    prepare_templates(app)
    desk = _Desk(plan, token)
    app.add_url_rule("/open/<given>", "review.open", desk.open)
    app.add_url_rule("/", "review.show", desk.show)
    app.add_url_rule("/", "review.save", desk.save, methods=["POST"])
    app.before_request(desk.guard)
    app.after_request(_headers)
    return app


class _Desk:
    def __init__(self, plan: Path, token: str) -> None:
        self._plan = plan
        self._token = token
        self._cookie = secrets.token_urlsafe(32)
        self._form = secrets.token_urlsafe(32)

    def guard(self) -> None:
        """Nobody else's browser, host name or site."""
        if request.host.partition(":")[0] not in _HOSTS:
            abort(403)
        if request.endpoint in ("static", "review.open"):
            return
        if not same(request.cookies.get(_COOKIE, ""), self._cookie):
            abort(403)
        if request.method == "POST" and not same(request.form.get("form", ""), self._form):
            abort(403)

    def open(self, given: str) -> ResponseReturnValue:
        """The address that was shown in the terminal; it works once."""
        if not self._token or not same(given, self._token):
            abort(403)
        self._token = ""
        answer = redirect(url_for("review.show", lang=request.args.get("lang")), 303)
        answer.set_cookie(_COOKIE, self._cookie, httponly=True, samesite="Strict")
        return answer

    def show(self) -> str:
        """A page of what waits."""
        return self._page({}, saved="saved" in request.args)

    def save(self) -> ResponseReturnValue:
        """Write the answers of a page into the plan."""
        given = {
            name.removeprefix("answer "): value for name, value in request.form.items() if name.startswith("answer ")
        }
        try:
            write_answers(self._plan, request.form.get("digest", ""), given)
        except UsageError:
            return self._page(given, problem=texts()(_CHANGED)), 409
        except InputError:
            abort(400)
        return redirect(url_for("review.show", page=_number(), lang=request.args.get("lang"), saved=1), 303)

    def _page(self, given: Mapping[str, str], *, problem: str = "", saved: bool = False) -> str:
        reader = PlanReader(self._plan)
        items = list(waiting(planned.plan for planned in reader.clients()))
        clients = [(patient, list(group)) for patient, group in groupby(items, key=lambda item: item.patient)]
        pages = max(1, -(-len(clients) // PER_PAGE))
        page = min(_number(), pages)
        language = request_language()
        return render_template(
            "review.html",
            source=reader.source,
            plan=self._plan.name,
            digest=reader.digest,
            form=self._form,
            clients=[(patient, _figures(group)) for patient, group in clients[(page - 1) * PER_PAGE : page * PER_PAGE]],
            given=given,
            left=count_open(items),
            total=len(items),
            page=page,
            pages=pages,
            problem=problem,
            saved=saved,
            word=lambda name: element_words(name, language),
            said=lambda name, value: _said(name, value, language),
            consent_word=lambda consent: consent_words(consent, language),
            client_name=lambda patient: client_words(patient, language),
        )


def _said(element: str, value: str, language: Language) -> str:
    """A value in words, its days as people write them."""
    text = value_words(element, value, language)
    return _DAY.sub(_day, text) if element.startswith(_DATED) or element.endswith(_PERIODS) else text


def _day(found: re.Match[str]) -> str:
    try:
        return date_text(PartialDate.parse(found[0]), texts())
    except ValueError:  # somebody's own hand in the plan file
        return found[0]


def _figures(items: list[Open]) -> list[tuple[Open, list[Open]]]:
    """What waits of one client, by figure."""
    grouped = [list(group) for _, group in groupby(items, key=lambda item: item.figure.row)]
    return [(group[0], group) for group in grouped]


def _number() -> int:
    return max(1, request.args.get("page", 1, type=int) or 1)


def _headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = content_security_policy(())
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response
