"""Check your answers, save in one transaction, and settle it when somebody else was first."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fhir_plugin.errors import EhrConflict
from smart_app.presenters import consent_form, figure_form
from smart_app.presenters.figure_form import STEPS, Step
from smart_app.presenters.forms import ERRORS, first_name
from smart_app.presenters.saving import with_figure
from smart_app.views.desk import drafts
from smart_app.views.work import Work, open_work

__all__ = ["blueprint"]

blueprint = Blueprint("checking", __name__, url_prefix="/l/<launch_id>/draft/<draft_id>")


@blueprint.get("/check")
def check(launch_id: str, draft_id: str) -> ResponseReturnValue:
    """Everything that will be written, before it is."""
    work = open_work(launch_id, draft_id)
    return _done(work.saved) if work.saved else _check(work)


@blueprint.post("/check")
def save(launch_id: str, draft_id: str) -> ResponseReturnValue:
    """Write it; a second time only says that it was done."""
    work = open_work(launch_id, draft_id)
    if work.saved:
        return _done(work.saved)
    if work.moved_on:
        return redirect(url_for("checking.conflict", draft_id=draft_id), 303)
    if work.applied().errors or work.agreed().errors:
        return _check(work), 422
    try:
        saved = _commit(work)
    except EhrConflict:
        work = open_work(launch_id, draft_id, afresh=True)
        if work.moved_on:
            return redirect(url_for("checking.conflict", draft_id=draft_id), 303)
        saved = _commit(work)  # what changed was about somebody else (they share a CareTeam); a second time is an error
    work.keep(replace(work.draft, saved=saved, values={}, base={}))
    return _done(saved)


def _done(figure_id: str) -> ResponseReturnValue:
    return redirect(url_for("figures.show", figure_id=figure_id, done="saved"), 303)


def _commit(work: Work) -> str:
    at, result = work.at, work.applied()
    given = consent_form.granted(
        work.agreed(), result.figure.ref, at.network, at.policy, at.context, work.draft.urn_of("consent")
    )
    after = with_figure(at.network, result.figure, work.draft.urn_of("team"), given)
    chosen = any(one.name == "designation" for one in result.changed)
    done = at.commit(after, result.figure.designations if chosen else ())
    return done.ids.get(result.figure.id, result.figure.id)


def _check(work: Work) -> str:
    result, agreed, t = work.applied(), work.agreed(), work.at.t
    homes = {field.name: figure_form.home(facet) for facet in figure_form.FACETS for field in facet.fields}
    return render_template(
        "check.html",
        work=work,
        sections=_sections(work),
        before={one.name: one.show(work.figure, work.at.context) for one in result.changed if not one.fresh},
        consent_rows=consent_form.summary(agreed, work.at.context),
        consent_asked=work.adding or work.draft.entry == "consent",
        consent_wrong=bool(agreed.errors),
        errors=[(homes[error.field], error.field, t(ERRORS[error.code])) for error in result.errors],
        version=work.figure.version,
        changed=bool(result.changed) or bool(agreed.categories),
        child=first_name(work.at.network.child),
    )


def _sections(work: Work) -> list[tuple[Step, list[tuple[str, str, str]]]]:
    """Steps with rows of (facet name, title, value): everything when adding, else what changed."""
    result, context = work.applied(), work.at.context
    steps = {step.name: (step, list(step.facets)) for step in STEPS} if work.adding else {}
    for one in result.changed if not work.adding else ():
        home = figure_form.home(one, work.draft.entry)
        steps.setdefault(home.name, (home, []))[1].append(one)
    return [
        (step, [(one.name, context.t(one.title), one.show(result.figure, context)) for one in facets])
        for step, facets in steps.values()
    ]


@blueprint.get("/conflict")
def conflict(launch_id: str, draft_id: str) -> ResponseReturnValue:
    """Both versions side by side; nothing of the input is lost."""
    work = open_work(launch_id, draft_id)
    if not work.moved_on:
        return redirect(url_for("checking.check", draft_id=draft_id), 303)
    rows = figure_form.compared(
        work.draft.base, work.applied().figure, work.figure, work.draft.values, work.at.context
    )  # fmt: skip
    return render_template(
        "conflict.html", work=work, rows=rows, version=work.figure.version, child=first_name(work.at.network.child)
    )


@blueprint.post("/conflict")
def settle(launch_id: str, draft_id: str) -> ResponseReturnValue:
    """Go on from the record as it is now, with the answers that were chosen."""
    work = open_work(launch_id, draft_id)
    choices = {name.removeprefix("keep_"): value for name, value in request.form.items() if name.startswith("keep_")}
    theirs = figure_form.held(work.figure)
    values = figure_form.merged(work.draft.base, work.draft.values, theirs, choices)
    consent_part = {name: many for name, many in work.draft.values.items() if name in consent_form.FIELD_NAMES}
    work.keep(replace(work.draft, base=theirs, values=values | consent_part, version=work.figure.version))
    return redirect(url_for("checking.check", draft_id=draft_id), 303)


@blueprint.post("/drop")
def drop(launch_id: str, draft_id: str) -> ResponseReturnValue:
    """Throw the draft away."""
    work = open_work(launch_id, draft_id)
    drafts().drop(launch_id, draft_id)
    if work.adding:
        return redirect(url_for("network.show", done="dropped"), 303)
    return redirect(url_for("figures.show", figure_id=work.draft.figure_id, done="dropped"), 303)
