"""Taking a consent back: one page, one button."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fhir_plugin.consent.granting import expire, withdraw
from fhir_plugin.errors import EhrConflict, EhrNotFound
from fhir_plugin.model.consent import ConsentRecord, Status
from fhir_plugin.model.figure import SupportFigure
from smart_app.presenters.consent_form import consents_about, describe
from smart_app.presenters.network import called
from smart_app.views.desk import Desk, desk

__all__ = ["blueprint"]

blueprint = Blueprint("consents", __name__, url_prefix="/l/<launch_id>/figure/<figure_id>/consent/<consent_id>")


@blueprint.get("/withdraw")
def ask(launch_id: str, figure_id: str, consent_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Who takes it back, and what that means."""
    at = desk()
    at.must(at.rights.edit)
    figure = at.figure(figure_id)
    return _page(at, figure, _consent(at, figure, consent_id))


@blueprint.post("/withdraw")
def end(launch_id: str, figure_id: str, consent_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """End it at once; what others signed stays theirs."""
    at = desk()
    at.must(at.rights.edit)
    figure = at.figure(figure_id)
    consent = _consent(at, figure, consent_id)
    chosen = request.form.get("by", "")
    by = next((ref for ref in consent.grantors if ref.reference == chosen), None)
    if len(consent.grantors) > 1 and by is None and chosen != "all":
        return _page(at, figure, consent, error=at.t("Choose who takes it back")), 422
    if request.form.get("version", "") != consent.version:
        raise EhrConflict("Somebody changed this consent.", remedy="Look at it again.")
    ended = withdraw(consent, by, remainder_id=f"urn:uuid:{uuid4()}") if by else expire(consent)
    kept = tuple(one for one in at.network.consents if one.id != consent.id)
    at.commit(replace(at.network, consents=(*kept, *ended)))
    return redirect(url_for("figures.show", figure_id=figure.id, done="withdrawn"), 303)


def _consent(at: Desk, figure: SupportFigure, consent_id: str) -> ConsentRecord:
    """The consent of an address, as long as it is about this figure and there is something to take back."""
    about = consents_about(at.network, figure.ref.reference)
    found = next((one for one in about if one.id == consent_id and one.status is Status.ACTIVE), None)
    if found is None:
        raise EhrNotFound(
            "This figure has no such consent that is active.", code="no-consent", remedy="Go back to the network."
        )
    return found


def _page(at: Desk, figure: SupportFigure, consent: ConsentRecord, error: str = "") -> str:
    return render_template(
        "withdraw.html",
        figure_id=figure.id,
        title=called(figure, at.t),
        row=describe(consent, at.context),
        grantors=[(ref.reference, at.context.name_of(ref)) for ref in consent.grantors],
        version=consent.version,
        error=error,
    )
