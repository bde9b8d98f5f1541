"""Pages of the EHR: sign in, choose a child, the record with an app in it, what is stored, faults."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, abort, g, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from smart_app.sandbox.auth.clients import RegisteredClient
from smart_app.sandbox.auth.hti import launched_resources
from smart_app.sandbox.auth.users import EhrUser
from smart_app.sandbox.faults import FAULTS
from smart_app.sandbox.pages import language as words
from smart_app.sandbox.pages.kept import kept_of
from smart_app.sandbox.pages.session import check_form_token, form_token, sign_in, sign_out, signed_in_user
from smart_app.sandbox.parts import here
from smart_app.sandbox.people import ChildCard
from smart_app.sandbox.seed.loading import store

__all__ = ["prepare", "routes"]

routes = Blueprint("pages", __name__)


def prepare(app: Flask) -> None:
    """Give the templates what every page needs, and turn errors of pages into pages."""
    app.before_request(words.remember_language)
    app.context_processor(_for_templates)
    app.register_error_handler(HTTPException, _failed)


def _for_templates() -> dict[str, object]:
    return {
        "t": words.text,
        "fault": words.fault_text,
        "day": words.day,
        "age": words.age,
        "moment": words.moment,
        "language": words.language(),
        "other_language_url": words.other_language_url(),
        "form_token": form_token,
        "user": signed_in_user(here().people),
        "faults_on": here().faults.names(),
    }


def _failed(error: HTTPException) -> tuple[str, int]:
    """A page that says what to do."""
    status = error.code or 500
    known = {400: "error-400", 404: "error-404"}
    return render_template("ehr/error.html", what=words.text(known.get(status, "error-other"))), status


@routes.get("/")
def start() -> Response:
    """To the list, or to the only record someone may see."""
    user = _user()
    target = url_for("pages.record", patient=user.record) if user.record else url_for("pages.children")
    return redirect(target, 303)


@routes.get("/sign-in")
def sign_in_page() -> str:
    """Choose who you are."""
    return render_template("ehr/sign_in.html", users=here().people.users(), back=request.args.get("back", ""))


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


@routes.get("/children")
def children() -> str:
    """Every client; only for professionals."""
    if _user().record:
        abort(404)
    return render_template("ehr/children.html", children=here().people.children())


@routes.get("/children/<patient>")
def record(patient: str) -> str:
    """The record, with an app in it."""
    child, apps = _child(patient), _apps()
    wanted = request.args.get("app", apps[0].client_id if apps else "")
    app = next((item for item in apps if item.client_id == wanted), None)
    return render_template("ehr/record.html", child=child, apps=apps, app=app)


@routes.get("/children/<patient>/launch/<client_id>")
def launch(patient: str, client_id: str) -> Response | str:
    """Launch an app in a record; ``frame=1`` when the record page shows the banner itself."""
    server, user, child = here().server, _user(), _child(patient)
    client = next((item for item in _apps() if item.client_id == client_id), None)
    if client is None:
        abort(404)
    banner = request.args.get("frame") != "1"
    handle = server.start_launch(client.client_id, user, child.id, need_patient_banner=banner)
    fields = {"iss": server.issuer, "launch": handle}
    if server.launches_by_post:
        store(here().backend, launched_resources(server, child.id))
        return render_template("ehr/post_launch.html", app=client, fields=fields)
    return redirect(f"{client.launch_url}?{urlencode(fields)}", 303)


@routes.get("/children/<patient>/stored")
def stored(patient: str) -> str:
    """What the store keeps of this child."""
    child = _child(patient)
    return render_template("ehr/stored.html", child=child, apps=_apps(), kept=kept_of(here().backend, child.id))


@routes.route("/faults", methods=["GET", "POST"])
def faults() -> str:
    """Switch faults; for everybody, since it is a test bench."""
    if request.method == "POST":
        check_form_token()
        wanted = set(request.form.getlist("fault"))
        for name in FAULTS:
            here().faults.turn(name, on=name in wanted)
    return render_template("ehr/faults.html", names=FAULTS, saved=request.method == "POST")


def _user() -> EhrUser:
    if "user" not in g:
        g.user = signed_in_user(here().people)
    if g.user is None:
        abort(redirect(url_for("pages.sign_in_page", back=request.full_path.removesuffix("?")), 303))
    found: EhrUser = g.user
    return found


def _child(patient: str) -> ChildCard:
    """The child, if the user may open this record; who may not is told the same as for a record that is not there."""
    user = _user()
    child = here().people.child(patient) if (user.record or patient) == patient else None
    if child is None:
        abort(404)
    return child


def _apps() -> list[RegisteredClient]:
    return [client for client in here().server.clients.values() if client.launch_url]


def _own_path(back: str) -> str:
    """A path on this origin; anything else leads to the start."""
    parts = urlsplit(back)
    if parts.scheme or parts.netloc or not back.startswith("/") or back.startswith(("//", "/\\")):
        return "/"
    return back
