"""The addresses of the launch: ``/launch``, ``/start``, ``/callback/<issuer>``, ``/jwks.json`` and sign-out.

Nothing here takes a target from a request: where the browser goes next comes from our settings, the EHR's pinned
metadata or our own store (no open redirect).
"""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from fhir_plugin.errors import LaunchError, LaunchStateError
from fhir_plugin.texts import Language
from smart_app.launch.cookies import Cookies
from smart_app.launch.discovery import issuer_of
from smart_app.launch.launcher import Launcher
from smart_app.launch.phases import Begun

__all__ = ["blueprint", "cookies", "launcher"]

blueprint = Blueprint("launch", __name__)

JWKS_SECONDS = 300
"""Short enough to rotate keys within the hour, long enough to spare us requests."""
LONGEST = 8192
"""Characters of a parameter; some EHRs put a signed token in ``launch``."""


def launcher() -> Launcher:
    """The launcher of this app."""
    found: Launcher = current_app.extensions["steunfiguren.launcher"]
    return found


def cookies() -> Cookies:
    """The cookies of this app."""
    return Cookies(settings=launcher().settings)


@blueprint.route("/launch", methods=["GET", "POST"])
def launch() -> ResponseReturnValue:
    """EHR launch, by GET or by form POST (App Launch 2.2, *Launch app: EHR launch*)."""
    values = request.form if request.method == "POST" else request.args
    issuer = issuer_of(launcher().settings.issuers, values.get("iss"))
    g.frame_ancestors = issuer.frame_ancestors
    handle = values.get("launch", "")
    if not 0 < len(handle) <= LONGEST:
        message = "The record system opened the app without saying for which record."
        raise LaunchError(message, code="no-launch", remedy="Open the app again from the record.")
    launcher().admit(issuer, handle)
    begun = launcher().begin(issuer, handle, _language(values.get("lang")))
    return _away(begun, known_to_work=cookies().work(request) or _is_top_level())


@blueprint.get("/start")
def start() -> ResponseReturnValue:
    """Standalone launch: choose the EHR, then the EHR lets one choose the patient (``launch/patient``)."""
    choices = [issuer for issuer in launcher().settings.issuers if issuer.standalone]
    chosen = next((issuer for issuer in choices if issuer.key == request.args.get("issuer")), None)
    if chosen is None:
        return render_template("launch/start.html", issuers=choices)
    g.frame_ancestors = chosen.frame_ancestors
    return _away(launcher().begin(chosen, "", _language(request.args.get("lang"))), known_to_work=True)


@blueprint.get("/launch/continue/<state>")
def proceed(state: str) -> ResponseReturnValue:
    """On to the EHR if this browser keeps our cookie here; else offer a tab of its own, where it does."""
    g.frame_ancestors = launcher().settings.frame_ancestors
    browser = cookies().of_state(request, state)
    if browser is not None:
        return _authorize(launcher().begun(state, browser))
    if "tab" in request.args:
        message = "This browser keeps no cookies of the app, so it cannot remember which record is open."
        raise LaunchError(message, code="cookies-blocked", remedy="Allow cookies for this site, then open it again.")
    return render_template("launch/new_tab.html", address=url_for("launch.new_tab", state=state))


@blueprint.get("/launch/tab/<state>")
def new_tab(state: str) -> ResponseReturnValue:
    """The same launch again, in a tab of its own; the EHR's launch value has not been spent yet."""
    fresh = launcher().restart(state)
    response = make_response(redirect(url_for("launch.proceed", state=fresh.state, tab=1), 303))
    cookies().set_state(response, fresh.state, fresh.secret)
    return response


@blueprint.get("/callback/<issuer_key>")
def callback(issuer_key: str) -> ResponseReturnValue:
    """The EHR's answer; ends in a clean address that can be reloaded and gone back to."""
    g.frame_ancestors = launcher().issuer(issuer_key).frame_ancestors
    answer = _single_values()
    state = answer.get("state", "")
    done = launcher().finish(issuer_key, answer, cookies().of_state(request, state))
    response = make_response(redirect(f"/l/{done.facts.id}/", 303))
    cookies().drop_state(response, state)
    cookies().set_launch(request, response, done.facts.id, done.secret)
    return response


@blueprint.get("/jwks.json")
def jwks() -> Response:
    """The public keys of our client assertions."""
    response = jsonify(launcher().keys.jwks())
    response.headers["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
    return response


@blueprint.get("/l/<launch_id>/look.css")
def look(launch_id: str) -> Response:  # noqa: ARG001  the guard has turned it into g.launch
    """The EHR's colours and font, within limits of contrast (App Launch 2.2, *smart_style_url*)."""
    return Response(launcher().look(g.launch), mimetype="text/css")


@blueprint.post("/l/<launch_id>/sign-out")
def sign_out(launch_id: str) -> ResponseReturnValue:
    """Purge this launch; other launches of this browser go on."""
    launcher().end(g.launch)
    response = make_response(render_template("launch/signed_out.html"))
    cookies().drop_launch(response, launch_id)
    return response


def _away(begun: Begun, *, known_to_work: bool) -> Response:
    """To the EHR; by way of a page of ours where it is not sure that the browser keeps our cookie in this frame."""
    if known_to_work:
        response = make_response(_authorize(begun))
    else:
        response = make_response(redirect(url_for("launch.proceed", state=begun.state), 303))
    cookies().set_state(response, begun.state, begun.secret)
    return response


def _authorize(begun: Begun) -> ResponseReturnValue:
    authorization = launcher().authorization(begun)
    if not authorization.post:
        return redirect(authorization.url, 303)
    g.form_action = authorization.endpoint
    return render_template("launch/authorize.html", authorization=authorization)


def _is_top_level() -> bool:
    """Whether the browser says that it shows us in a tab and not in a frame (Fetch Metadata)."""
    return request.headers.get("Sec-Fetch-Dest") == "document"


def _single_values() -> dict[str, str]:
    """The parameters, each once (RFC 6749 3.1): a repeated one is read differently by different readers."""
    values = request.args.to_dict(flat=False)
    if any(len(found) > 1 or len(found[0]) > LONGEST for found in values.values()):
        message = "The answer of the EHR cannot be read in one way only."
        raise LaunchStateError(message, code="launch-state-unknown", remedy="Open the app again from the record.")
    return {name: found[0] for name, found in values.items()}


def _language(wish: str | None) -> Language | None:
    return "en" if wish == "en" else "nl" if wish == "nl" else None
