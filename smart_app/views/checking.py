"""Check your answers, save in one transaction, and settle it when somebody else was first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.network import Committed
from fhir_plugin.errors import EhrConflict, EhrError, EhrProtocolError
from fhir_plugin.model.network import SupportNetwork
from smart_app.presenters import consent_form, figure_form
from smart_app.presenters.figure_form import STEPS, Step
from smart_app.presenters.forms import ERRORS, first_name, normal
from smart_app.presenters.saving import with_consent_once, with_figure, with_notes_once
from smart_app.presenters.sharing import Unfinished, unfinished
from smart_app.store.drafts import Draft
from smart_app.views.desk import desk, drafts
from smart_app.views.work import Work, open_work

__all__ = ["blueprint"]

blueprint = Blueprint("checking", __name__, url_prefix="/l/<launch_id>/draft/<draft_id>")


@blueprint.get("/check")
def check(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Everything that will be written, before it is."""
    work = open_work(draft_id)
    return _done(_settled(work)) if _is_in_the_record(work) else _check(work)


@blueprint.post("/check")
def save(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Write it; a second time only says that it was done."""
    work = open_work(draft_id)
    if _is_in_the_record(work):
        return _done(_settled(work))
    if work.moved_on:
        return redirect(url_for("checking.conflict", draft_id=draft_id), 303)
    if work.applied().errors or work.agreed().errors:
        return _check(work), 422
    try:
        done = _commit(work)
    except EhrConflict:
        work = open_work(draft_id, afresh=True)
        if work.moved_on:
            return redirect(url_for("checking.conflict", draft_id=draft_id), 303)
        done = _commit(work)  # what changed was about somebody else (they share a CareTeam); a second time is an error
    _must_be_kept(work, done.written)
    return _done(_settled(work, done.ids.get(work.figure.id, work.figure.id)))


@blueprint.get("/saved")
def over(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """This form is in the record: what is changed from now on is changed from the person's page."""
    work = open_work(draft_id)
    if not work.draft.saved:
        return redirect(url_for("checking.check", draft_id=draft_id), 303)
    return render_template("saved.html", work=work, typed="typed" in request.args)


def _is_in_the_record(work: Work) -> bool:
    """Whether nothing is left to write: it was saved, or an attempt worked although its answer got lost."""
    if work.draft.saved or not work.draft.sent or work.moved_on:
        return bool(work.draft.saved)
    wrong = work.applied().errors or work.agreed().errors
    return not wrong and _after(work, datetime.fromisoformat(work.draft.sent_at)) == work.at.network


def _settled(work: Work, figure_id: str = "") -> str:
    """Close the draft; returns whom it is about."""
    saved = figure_id or work.draft.saved or work.figure.id
    work.keep(replace(work.draft, saved=saved, values={}, base={}, sent={}, wrote={}))
    return saved


def _done(figure_id: str) -> ResponseReturnValue:
    return redirect(url_for("figures.show", figure_id=figure_id, done="saved"), 303)


def _commit(work: Work) -> Committed:
    """Write; what is sent is kept first, so that a lost answer is found out and not written again."""
    at, draft, result = work.at, work.draft, work.applied()
    first = draft.sent_at or at.context.now.replace(microsecond=0).isoformat()
    work = replace(work, draft=replace(draft, sent_at=first))
    after = _after(work, datetime.fromisoformat(first))
    consents = tuple(dict.fromkeys((*draft.consents, _consent_urn(draft))))
    sent = replace(work.draft, sent=draft.values, wrote=figure_form.held(result.figure), consents=consents)
    work.keep(sent)
    chosen = any(one.name == "designation" for one in result.changed)
    return at.commit(after, result.figure.designations if chosen else ())


def _must_be_kept(work: Work, written: Iterable[Written]) -> None:
    """Look in the record whether all of it is there: some record systems accept a write and leave parts of it out.

    Nothing is said where the form was sent twice at once and the other was quicker, or where somebody has changed the
    same person since: what differs then may be theirs.

    Raises:
        EhrProtocolError: a part is missing; the form goes on from what the record holds.
    """
    try:
        now = open_work(work.draft.id, afresh=True)
    except EhrError:
        return  # it was accepted; that it cannot be looked at a moment later says nothing about it
    if now.draft.saved or _has_moved_on(now, work, written):
        return
    wrote, held = normal(now.draft.wrote), figure_form.held(now.figure)
    if all(one.same(wrote, held) for one in work.applied().changed):
        return
    now.keep(replace(work.draft, figure_id=now.figure.id, base=held, sent={}, wrote={}))
    raise EhrProtocolError(
        "The EHR accepted the change and did not keep all of it.",
        code="not-kept",
        where="POST Bundle (transaction)",
        remedy="Look at the record; run `steunfiguren conformance` on this EHR.",
    )


def _has_moved_on(now: Work, work: Work, written: Iterable[Written]) -> bool:
    """Whether the record holds a later version of the person or the team than was just written.

    Where the EHR did not say which version it wrote, that is no reason to think so.
    """
    held = {now.figure.ref.reference: now.figure.version}
    if now.at.network.team is not None:
        held[f"CareTeam/{now.at.network.team.id}"] = now.at.network.team.version
    said = [one for one in written if one.version]
    later = any(held.get(f"{one.type}/{one.id}", one.version) not in ("", one.version) for one in said)
    return later or len(now.figure.ties) > len(work.applied().figure.ties)


def _after(work: Work, sent_at: datetime) -> SupportNetwork:
    """The network as it will be, when first sent at this moment; the same where an earlier attempt did it all."""
    at, draft, figure = work.at, work.draft, work.applied().figure
    urn = _consent_urn(draft)
    agreed = consent_form.granted(work.agreed(), figure.ref, at.network, at.policy, at.context, urn)
    figure = with_notes_once(figure, work.figure, sent_at)
    return with_consent_once(with_figure(at.network, figure, draft.urn_of("team")), agreed, urn, draft.consents)


def _consent_urn(draft: Draft) -> str:
    """The same for the same answers of the same form."""
    values = {name: many for name, many in normal(draft.values).items() if name in consent_form.FIELD_NAMES}
    return draft.urn_of(f"consent {sorted(values.items())}")


def _check(work: Work) -> str:
    result, agreed, t = work.applied(), work.agreed(), work.at.t
    homes = {field.name: figure_form.home(facet) for facet in figure_form.FACETS for field in facet.fields}
    return render_template(
        "check.html",
        work=work,
        sections=_sections(work),
        before={one.name: one.show(work.figure, work.at.context) for one in result.changed if not one.fresh},
        consent_rows=consent_form.summary(agreed, work.at.context, _waiting(work)),
        consent_asked=work.adding or work.draft.entry == "consent" or bool(agreed.categories),
        consent_wrong=bool(agreed.errors),
        errors=[(homes[error.field], error.field, t(ERRORS[error.code])) for error in result.errors],
        changed=bool(result.changed) or bool(agreed.categories) or bool(work.draft.sent),
        child=first_name(work.at.network.child),
    )


def _waiting(work: Work) -> tuple[Unfinished, ...]:
    """What others still have to agree to once this is saved; nothing can be said of answers that are not right yet."""
    agreed = work.agreed()
    if agreed.errors or not agreed.categories:
        return ()
    at, figure = work.at, work.applied().figure
    return unfinished(figure, _after(work, at.context.now), at.policy, at.context)


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
def conflict(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Both versions side by side; nothing of the input is lost."""
    work = open_work(draft_id)
    if work.draft.saved or not work.moved_on:
        return redirect(url_for("checking.check", draft_id=draft_id), 303)
    rows = figure_form.compared(
        work.draft.base, work.applied().figure, work.figure, work.draft.values, work.at.context
    )  # fmt: skip
    return render_template("conflict.html", work=work, rows=rows, child=first_name(work.at.network.child))


@blueprint.post("/conflict")
def settle(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Go on from the record as it is now, with the answers that were chosen."""
    work = open_work(draft_id)
    if work.draft.saved or not work.moved_on:
        return redirect(url_for("checking.check", draft_id=draft_id), 303)
    choices = {name.removeprefix("keep_"): value for name, value in request.form.items() if name.startswith("keep_")}
    theirs = figure_form.held(work.figure)
    values = figure_form.merged(work.draft.base, work.draft.values, theirs, choices)
    consent_part = {name: many for name, many in work.draft.values.items() if name in consent_form.FIELD_NAMES}
    work.keep(replace(work.draft, base=theirs, values=values | consent_part))
    return redirect(url_for("checking.check", draft_id=draft_id), 303)


@blueprint.post("/resume")
def resume(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Go on with a form that was left behind when an earlier launch ended."""
    at = desk()
    at.must(at.rights.edit or at.rights.note)
    drafts().take_over(draft_id)
    return redirect(url_for("checking.check", draft_id=draft_id), 303)


@blueprint.post("/drop")
def drop(launch_id: str, draft_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Throw the draft away."""
    work = open_work(draft_id)
    drafts().drop(draft_id)
    if work.draft.saved or (work.draft.sent and not work.adding):  # it was written, or may have been
        return redirect(url_for("figures.show", figure_id=work.figure.id), 303)
    if work.adding:
        return redirect(url_for("network.show", done="dropped"), 303)
    return redirect(url_for("figures.show", figure_id=work.draft.figure_id, done="dropped"), 303)
