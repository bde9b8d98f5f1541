"""Sharing off and on again, where sharing would endanger the child (L11)."""

from __future__ import annotations

from uuid import uuid4

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fhir_plugin.errors import EhrConflict, EhrError, EhrUnauthorized
from fhir_plugin.model.bsn import may_hold_bsn
from smart_app.presenters import safety
from smart_app.presenters.access import Viewer
from smart_app.presenters.forms import ERRORS, asked_about, first_name, kept_name, seal_of
from smart_app.views.desk import Desk, desk

__all__ = ["blueprint"]

blueprint = Blueprint("safety", __name__, url_prefix="/l/<launch_id>/safety")

BSN = ERRORS["bsn"]
MOST = 2000
"""Characters of a reason."""


@blueprint.get("")
def ask(launch_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Whether sharing is on or off, and why."""
    return _page(_professional())


@blueprint.post("")
def decide(launch_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Stop the sharing, or allow it again; what was typed is given back where that did not work."""
    at = _professional()
    why = request.form.get("why", "").strip()
    if request.form.get("made_on", "") != safety.token(at.network):
        return _page(at, why, at.t("Somebody changed this in the meantime. Look at it again.")), 409
    if not why or len(why) > MOST:
        return _page(at, why, at.t("Say why, in a few sentences")), 422
    if may_hold_bsn(why) and seal_of(why) not in request.form.getlist(kept_name("why")):
        return _page(at, why, at.t(BSN)), 422
    if at.network.safety_block is None:
        after = safety.set_block(at.network, why, at.context, f"urn:uuid:{uuid4()}")
    else:
        after = safety.lifted(at.network, why, at.context)
    try:
        at.commit(after)
    except EhrUnauthorized:
        raise
    except EhrConflict:
        return _page(at, why, at.t("Somebody changed the record in the meantime. Nothing was saved; try again.")), 409
    except EhrError:
        return _page(at, why, at.t("The record system did not take this. Look whether it is on, and try again.")), 502
    return redirect(url_for("network.show"), 303)


def _professional() -> Desk:
    at = desk()
    at.must(at.rights.edit and at.rights.viewer is Viewer.PROFESSIONAL)
    return at


def _page(at: Desk, why: str = "", error: str = "") -> str:
    return render_template(
        "safety.html",
        block=safety.shown(at.network, at.context),
        unknown=at.network.safety_unknown,
        nowhere=any(one.code == "part-unavailable" and one.param("kind") == "Flag" for one in at.report),
        made_on=safety.token(at.network),
        why=why,
        doubt=asked_about("why", {"why": (why,)})[0],
        error=error,
        most=MOST,
        child=first_name(at.network.child),
    )
