"""Pages of the EHR."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from smart_app.sandbox.auth.users import EhrUser
from smart_app.sandbox.pages.session import check_form_token, form_token, sign_in, sign_out, signed_in_user
from smart_app.sandbox.parts import here

__all__ = ["prepare", "routes"]

routes = Blueprint("pages", __name__)


def prepare(app: Flask) -> None:
    """Give the templates what every page needs."""
    app.context_processor(lambda: {"form_token": form_token})


@routes.get("/sign-in")
def sign_in_page() -> str:
    """Choose who you are."""
    return render_template("sign_in.html", users=here().people.users(), back=request.args.get("back", ""))


@routes.post("/sign-in")
def sign_in_done() -> Response:
    """Begin a session."""
    check_form_token()
    chosen = here().people.user(request.form.get("user", ""))
    if chosen is None:
        abort(400)
    sign_in(chosen)
    return redirect(_own_path(request.form.get("back", "")), 303)


@routes.post("/sign-out")
def sign_out_done() -> Response:
    """End the session."""
    check_form_token()
    sign_out()
    return redirect(url_for("pages.sign_in_page"), 303)


@routes.get("/children/<patient>/launch/<client_id>")
def launch(patient: str, client_id: str) -> Response:
    """Launch an app in a record; ``frame=1`` when the record page shows the banner itself."""
    server, user = here().server, _user()
    client = server.clients.get(client_id)
    if client is None or not client.launch_url or (user.record or patient) != patient:
        abort(404)
    banner = request.args.get("frame") != "1"
    handle = server.start_launch(client.client_id, user, patient, need_patient_banner=banner)
    return redirect(f"{client.launch_url}?{urlencode({'iss': server.issuer, 'launch': handle})}", 303)


def _user() -> EhrUser:
    found = signed_in_user(here().people)
    if found is None:
        abort(redirect(url_for("pages.sign_in_page", back=request.full_path), 303))
    return found


def _own_path(back: str) -> str:
    """A path on this origin; anything else leads to the start."""
    parts = urlsplit(back)
    if parts.scheme or parts.netloc or not back.startswith("/") or back.startswith(("//", "/\\")):
        return "/"
    return back
