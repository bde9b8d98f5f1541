"""Who changed what of one figure, and when."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from fhir_plugin.errors import EhrForbidden, EhrNotFound, EhrRejected
from smart_app.presenters.facets_support import TIE
from smart_app.presenters.history import Event, events
from smart_app.presenters.network import called
from smart_app.views.desk import Desk, desk

__all__ = ["blueprint"]

blueprint = Blueprint("history", __name__, url_prefix="/l/<launch_id>")


@blueprint.get("/figure/<figure_id>/history")
def show(launch_id: str, figure_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Changes from Provenance, and earlier judgements of the tie."""
    at = desk()
    at.must(at.rights.edit)
    figure = at.figure(figure_id)
    changes = _changes(at, figure.ref.reference)
    ties = [TIE.show(replace(figure, ties=figure.ties[: place + 1]), at.context) for place in range(len(figure.ties))]
    return render_template(
        "history.html",
        figure=figure,
        title=called(figure, at.t),
        changes=changes or (),
        available=changes is not None,
        ties=list(reversed(ties)),
    )


def _changes(at: Desk, reference: str) -> tuple[Event, ...] | None:
    """The changes, or None where this EHR keeps no Provenance for us to read."""
    try:
        found = list(at.launch.ehr.search("Provenance", {"target": reference}, private=True))
    except (EhrForbidden, EhrNotFound, EhrRejected):
        return None
    return events(found, at.context)
