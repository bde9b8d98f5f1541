"""The network of a child: map, table and the people beside them; as a page, as a map alone, and on paper."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from smart_app.i18n import Message, msg
from smart_app.launch.scopes import describe
from smart_app.presenters.access import Rights, Viewer, rights_of
from smart_app.presenters.ecogram import draw
from smart_app.presenters.ecogram_shapes import FRAMES
from smart_app.presenters.forms import first_name
from smart_app.presenters.network import NetworkPage, network_page
from smart_app.views.desk import Desk, desk
from smart_app.views.work import left_behind

__all__ = ["blueprint"]

NOTICES: dict[str, Message] = {
    "CareTeam": msg("This record system does not give the app what people do and how they take part."),
    "Consent": msg("This record system does not give the app any consents. So nobody may know anything yet."),
    "Observation": msg("This record system does not give the app how close people are."),
}
"""What is missing on the page when a part of the record cannot be read: never shown as if there were nothing."""

SHARING_OFF = msg("Sharing is off, because it could be dangerous for %(name)s. Only professionals see this network.")
SHARING_UNKNOWN = msg("This record system does not let the app see whether sharing is off. So nothing is shared.")
OFF = msg("Sharing is off. So there is nothing to print.")

PREVIEWS = frozenset({Viewer.YOUTH, Viewer.PARENT})
"""With whose eyes a professional can look: who of them sees the network depends on nothing but the child's age."""

blueprint = Blueprint("network", __name__, url_prefix="/l/<launch_id>")


@blueprint.get("/")
def show(launch_id: str) -> ResponseReturnValue:  # noqa: ARG001  the guard has used it
    """The network page; a support figure sees only the own part of it."""
    at = desk()
    if at.rights.figure_id:
        return redirect(url_for("figures.show", figure_id=at.rights.figure_id), 303)
    return _page("network.html", at, at.rights)


@blueprint.get("/map")
def ecogram(launch_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """The map alone, for a screen that is too narrow to show it beside the table."""
    at = desk()
    at.must(at.rights.network)
    return _page("map.html", at, at.rights)


@blueprint.get("/print")
def paper(launch_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """One page for at the table."""
    at = desk()
    at.must(at.rights.network)
    if at.network.sharing_is_off:
        return render_template("refused.html", reason=at.t(OFF), child=first_name(at.network.child), preview=None)
    return _page("print.html", at, at.rights)


@blueprint.get("/as/<viewer>")
def preview(launch_id: str, viewer: str) -> ResponseReturnValue:  # noqa: ARG001
    """What the child or a parent sees today, which may be nothing: to look at it together."""
    at = desk()
    at.must(at.rights.edit)
    if viewer not in PREVIEWS:
        abort(404)
    shown = Viewer(viewer)
    return _page("network.html", at, rights_of(shown, "", at.network, at.context.today), preview=shown)


def _notices(at: Desk, rights: Rights) -> list[str]:
    """What this page cannot show or do here, in words; what the EHR did not grant only matters to who would use it."""
    missing = [one.param("kind") for one in at.report if one.code == "part-unavailable"]
    said = [at.t(NOTICES[kind]) for kind in missing if kind in NOTICES]
    if rights.viewer is Viewer.PROFESSIONAL and at.network.sharing_is_off:
        known = at.network.safety_block is not None
        off = at.t(SHARING_OFF, name=first_name(at.network.child)) if known else at.t(SHARING_UNKNOWN)
        said.insert(0, off)
    lacking = at.launch.lacking if rights.viewer is Viewer.PROFESSIONAL else ()
    unseen = {*missing, "AuditEvent"}  # the audit trail is then kept by the app: nothing for who looks to know or do
    return said + [describe(lack, at.t.language) for lack in lacking if lack.resource not in unseen]


def _page(template: str, at: Desk, rights: Rights, preview: Viewer | None = None) -> str:
    child = first_name(at.network.child)
    if not rights.network:
        return render_template("refused.html", reason=at.t(rights.refusal), child=child, preview=preview)
    page: NetworkPage = network_page(at.network, at.policy, at.context)
    return render_template(
        template,
        page=page,
        child=child,
        rights=rights,
        preview=preview,
        pictures=[draw(child, page.entries, frame) for frame in FRAMES],
        notices=_notices(at, rights),
        done=request.args.get("done", ""),
        unsaved=[] if preview else [(work.title, work.draft.id) for work in left_behind(at)],
    )
