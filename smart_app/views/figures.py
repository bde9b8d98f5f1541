"""One support figure: reading, and beginning to add or to change one."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fhir_plugin.model.figure import Note, SupportFigure
from smart_app.presenters.consent_form import consents_about, describe
from smart_app.presenters.figure_form import STEPS, Step, ending, held, starting, step
from smart_app.presenters.network import art_14_is_open, called, called_formally, is_current, is_engaged
from smart_app.presenters.saving import candidate_of, fresh_figure
from smart_app.presenters.sharing import sharing_of
from smart_app.store.drafts import Draft
from smart_app.views.desk import Desk, desk, drafts

__all__ = ["blueprint"]

blueprint = Blueprint("figures", __name__, url_prefix="/l/<launch_id>")

THE_FIGURES_OWN = frozenset({"label", "name", "relation", "adult", "agreement", "vog", "contact"})
"""Facets a figure may read of themselves; all others say what the child and the family think (Jeugdwet 7.3.11; L2)."""
PRIVATE_STEPS = frozenset({"agreements", "contact"})
"""Steps about the figure as a person: not for the child, the parents or other figures to read (L4)."""


@blueprint.get("/figure/<figure_id>")
def show(launch_id: str, figure_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Everything that is known, by the same headings as the form."""
    at = desk()
    figure = at.figure(figure_id)
    return render_template(
        "figure.html",
        figure=figure,
        title=called(figure, at.t),
        name=called_formally(figure),
        sections=_sections(figure, at),
        sharing=sharing_of(figure, at.network, at.policy, at.context),
        consents=[describe(one, at.context) for one in consents_about(at.network, figure.ref.reference)],
        notes=_notes(figure, at),
        name_of=at.context.name_of,
        current=is_current(figure, at.context.today),
        engaged=is_engaged(figure, at.context.today),
        art_14=art_14_is_open(figure),
        rights=at.rights,
        done=request.args.get("done", ""),
    )


def _sections(figure: SupportFigure, at: Desk) -> list[tuple[Step, list[tuple[str, str]]]]:
    """The steps of the form with what they say, as far as it is this viewer's to read."""
    own = bool(at.rights.figure_id)
    steps = [one for one in STEPS if at.rights.private or own or one.name not in PRIVATE_STEPS]
    shown = [(step, [one for one in step.facets if not own or one.name in THE_FIGURES_OWN]) for step in steps]
    return [
        (step, [(at.t(one.title), one.show(figure, at.context)) for one in facets]) for step, facets in shown if facets
    ]


def _notes(figure: SupportFigure, at: Desk) -> tuple[Note, ...]:
    """All notes for a professional, their own for anybody else: a youth writes freely, also about the parents (L4)."""
    viewer = at.context.user.reference
    if at.rights.private:
        return figure.notes
    return tuple(one for one in figure.notes if viewer and one.author and one.author.reference == viewer)


@blueprint.post("/add")
def add(launch_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Begin to add somebody: new, or someone the record already knows."""
    at = desk()
    at.must(at.rights.edit)
    reference = request.form.get("candidate", "")
    candidate = candidate_of(at.network, reference) if reference else None
    if reference and candidate is None:
        abort(404)
    draft = Draft(candidate=reference)
    base = held(fresh_figure(draft.urn, draft.mark, candidate))
    draft = Draft(
        id=draft.id,
        candidate=reference,
        base=base,
        values=base | starting(at.context),
    )
    drafts().put(draft)
    return redirect(url_for("wizard.page", draft_id=draft.id, step_name=STEPS[0].name), 303)


@blueprint.post("/figure/<figure_id>/change/<step_name>")
def change(launch_id: str, figure_id: str, step_name: str) -> ResponseReturnValue:  # noqa: ARG001
    """Begin to change one part of a figure, to end something, or to write a note."""
    at = desk()
    figure = at.figure(figure_id)
    at.must(at.rights.edit or (at.rights.note and step_name == "note"))
    if step(step_name) is None and step_name != "consent":
        abort(404)
    base = held(figure)
    values = base | ending(step_name, at.context)
    draft = Draft(figure_id=figure_id, entry=step_name, base=base, values=values)
    drafts().put(draft)
    if step_name == "consent":
        return redirect(url_for("wizard.consent", draft_id=draft.id), 303)
    return redirect(url_for("wizard.page", draft_id=draft.id, step_name=step_name), 303)
