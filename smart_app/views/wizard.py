"""Adding and changing, a few questions at a time.

Answers live in a draft on the server, so every page has an address, the back button works, and nothing typed is lost:
not by an error, not by a conflict, not by an EHR that does not answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from smart_app.i18n import choose
from smart_app.presenters import consent_form, figure_form
from smart_app.presenters.earlier_consent import Earlier, earlier
from smart_app.presenters.figure_form import STEPS, Step
from smart_app.presenters.forms import FieldError, normal
from smart_app.views.work import Work, answered, form_of, given, open_work

__all__ = ["blueprint"]

blueprint = Blueprint("wizard", __name__, url_prefix="/l/<launch_id>/draft/<draft_id>")

TOTAL = len(STEPS) + 1
"""Pages of adding: the steps and consent; checking the answers comes after."""


@blueprint.get("/<step_name>")
def page(launch_id: str, draft_id: str, step_name: str) -> ResponseReturnValue:  # noqa: ARG001
    """One page of questions, with the answers so far."""
    work, step = open_work(draft_id), figure_form.step(step_name)
    if step is None:
        abort(404)
    work.must_allow(step_name)
    return _over(work) if work.draft.saved else _step(work, step)


@blueprint.post("/<step_name>")
def answer(launch_id: str, draft_id: str, step_name: str) -> ResponseReturnValue:  # noqa: ARG001
    """Keep the answers; go on, or show what has to be mended."""
    step = figure_form.step(step_name)
    if step is None:
        abort(404)
    answered(draft_id, step_name, step.field_names)
    work = open_work(draft_id)
    work.must_allow(step_name)
    if work.draft.saved:
        return _over(work)
    work = replace(work, draft=work.draft.answered(step.field_names, given()))
    work.keep(work.draft)
    if "language" in request.form:
        return _in_another_language("wizard.page", draft_id, step_name=step_name)
    errors = work.applied(step.field_names).errors
    if step.name == "note" and not normal(work.draft.values).get("note_text"):
        errors = (*errors, FieldError("note_text", "needs-text"))
    if errors:
        return _step(work, step, errors), 422
    return redirect(_next(work, step), 303)


def _in_another_language(endpoint: str, draft_id: str, **address: Any) -> ResponseReturnValue:
    """The same questions in another language, with the answers that were just kept."""
    wished = choose(request.form["language"])
    return redirect(url_for(endpoint, draft_id=draft_id, lang=wished, **address), 303)


def _over(work: Work) -> ResponseReturnValue:
    """A saved form takes no more answers: say so, and whether something was typed that is not in the record."""
    typed = "1" if request.method == "POST" else None
    return redirect(url_for("checking.over", draft_id=work.draft.id, typed=typed), 303)


def _step(work: Work, step: Step, errors: tuple[FieldError, ...] = ()) -> str:
    fields = [field for facet in step.facets for field in facet.fields]
    folded = [field for field in fields if field.more and step.more is not None]
    return render_template(
        "step.html",
        step=step,
        fields=[field for field in fields if field not in folded],
        more=folded,
        number=STEPS.index(step) + 1 if step in STEPS and work.adding else 0,
        total=TOTAL,
        back=_previous(work, step),
        **form_of(work, fields, errors),
    )


def _next(work: Work, step: Step) -> str:
    if not work.adding or "to_check" in request.form or step not in STEPS:
        return url_for("checking.check", draft_id=work.draft.id)
    place = STEPS.index(step) + 1
    if place < len(STEPS):
        return url_for("wizard.page", draft_id=work.draft.id, step_name=STEPS[place].name)
    return url_for("wizard.consent", draft_id=work.draft.id)


def _previous(work: Work, step: Step | None) -> str:
    if not work.adding:
        return url_for("figures.show", figure_id=work.draft.figure_id)
    place = (STEPS.index(step) if step in STEPS else len(STEPS)) - 1
    if place < 0:
        return url_for("network.show")
    return url_for("wizard.page", draft_id=work.draft.id, step_name=STEPS[place].name)


@blueprint.get("/consent")
def consent(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Who must agree, about what, until when."""
    work = open_work(draft_id)
    work.must_allow("consent")
    return _over(work) if work.draft.saved else _consent(work)


@blueprint.post("/consent")
def agree(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Keep what was agreed."""
    answered(draft_id, "consent", consent_form.FIELD_NAMES)
    work = open_work(draft_id)
    work.must_allow("consent")
    if work.draft.saved:
        return _over(work)
    work = replace(work, draft=work.draft.answered(consent_form.FIELD_NAMES, given()))
    work.keep(work.draft)
    if "language" in request.form:
        return _in_another_language("wizard.consent", draft_id)
    errors = work.agreed().errors
    if errors:
        return _consent(work, errors), 422
    return redirect(url_for("checking.check", draft_id=work.draft.id), 303)


def _consent(work: Work, errors: tuple[FieldError, ...] = ()) -> str:
    at = work.at
    needed = consent_form.requirement(at.network, at.policy, at.context.now)
    proposed = consent_form.starting(at.network, at.policy, at.context)
    before = earlier(work.figure, at.network, at.policy, at.context) if work.draft.entry == "consent" else Earlier()
    if work.draft.entry == "consent":
        proposed["share"] = ("yes",)
        if "share" not in work.draft.values:  # once answered, what was unticked stays unticked
            proposed |= before.answers
    work = replace(work, draft=replace(work.draft, values=proposed | work.draft.values))
    signers = replace(
        consent_form.SIGNERS, options=lambda context: consent_form.signer_options(needed, context)
    )  # fmt: skip
    fields = tuple(signers if one is consent_form.SIGNERS else one for one in consent_form.FIELDS)
    return render_template(
        "consent.html",
        fields=fields,
        why=consent_form.why(needed, at.context),
        gap=bool(needed.gap),
        earlier=before.rows,
        back=_previous(work, None),
        number=TOTAL if work.adding else 0,
        total=TOTAL,
        **form_of(work, fields, errors),
    )
