"""What stands before every page of a launch: the right launch of the right browser, or no page at all.

Wrong-patient safety rests on three things that are checked here and nowhere else: the launch is named in the path, its
cookie must come along, and every form repeats which patient it was made for.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, g, request
from markupsafe import Markup

from fhir_plugin.errors import LaunchError
from smart_app.launch.cookies import same
from smart_app.launch.routes import cookies, launcher

__all__ = ["CSRF_FIELD", "PATIENT_FIELD", "install"]

CSRF_FIELD = "csrf_token"
PATIENT_FIELD = "patient"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"


def install(app: Flask) -> None:
    """Put the guard before every request, and give templates ``form_guard()`` and addresses of the launch."""
    app.before_request(open_launch)
    app.url_defaults(_own_launch)
    app.jinja_env.globals["form_guard"] = form_guard


def open_launch() -> None:
    """Set ``g.launch`` for an address under ``/l/<launch_id>/``.

    Raises:
        SessionExpired: no such launch for this browser (409: open it again from the record).
        LaunchError: a form of another page, another site or another patient.
    """
    launch_id = (request.view_args or {}).get("launch_id")
    if launch_id is None:
        return
    g.frame_ancestors = launcher().settings.frame_ancestors  # for the page that says that the launch is over
    launch = launcher().active(launch_id, cookies().of_launch(request, launch_id))
    g.frame_ancestors = launch.issuer.frame_ancestors
    g.launch = launch
    if request.method not in SAFE_METHODS:
        _check_form(launch.csrf_token, launch.patient_id)


def form_guard() -> Markup:
    """The hidden fields that every form of a launch carries."""
    field = Markup('<input type="hidden" name="{}" value="{}">')
    return field.format(CSRF_FIELD, g.launch.csrf_token) + field.format(PATIENT_FIELD, g.launch.patient_id)


def _check_form(csrf_token: str, patient_id: str) -> None:
    if request.mimetype != FORM:
        raise LaunchError(
            "Only forms can be sent here, without files.", code="not-a-form", remedy="Use the app's forms."
        )
    elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    if elsewhere or not same(request.form.get(CSRF_FIELD, ""), csrf_token):
        remedy = "Open the page again and send the form from there."
        raise LaunchError("This form was not made by the page that you were on.", code="csrf", remedy=remedy)
    if not same(request.form.get(PATIENT_FIELD, ""), patient_id):
        remedy = "Nothing was saved. Open the app again from the record of the child."
        raise LaunchError("This form belongs to the record of another child.", code="other-patient", remedy=remedy)


def _own_launch(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses made within a launch stay within that launch."""
    if "launch" in g and "launch_id" not in values and current_app.url_map.is_endpoint_expecting(endpoint, "launch_id"):
        values["launch_id"] = g.launch.id
