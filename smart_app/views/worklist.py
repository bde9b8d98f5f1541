"""What asks for attention in this child's network."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from smart_app.presenters.worklist import worklist
from smart_app.views.desk import desk

__all__ = ["blueprint"]

blueprint = Blueprint("worklist", __name__, url_prefix="/l/<launch_id>")


@blueprint.get("/worklist")
def show(launch_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """To do and to come."""
    at = desk()
    at.must(at.rights.edit)
    return render_template("worklist.html", items=worklist(at.network, at.policy, at.context))
