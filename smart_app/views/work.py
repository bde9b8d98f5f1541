"""A form that is being filled in, beside the record as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from flask import g, request

from fhir_plugin.errors import EhrForbidden, EhrNotFound
from fhir_plugin.model.figure import SupportFigure
from smart_app.presenters import consent_form, figure_form
from smart_app.presenters.consent_form import ConsentAnswers
from smart_app.presenters.facets import Facet
from smart_app.presenters.figure_form import Applied
from smart_app.presenters.forms import ERRORS, Field, FieldError, asked_about, first_name, normal
from smart_app.presenters.network import called
from smart_app.presenters.saving import already_saved, candidate_of, fresh_figure
from smart_app.store.drafts import Draft
from smart_app.views.desk import Desk, desk, drafts

__all__ = ["Work", "answered", "form_of", "given", "left_behind", "open_work"]

TYPED = ("text", "email", "area")
"""Kinds of fields in which a number may turn out to be a BSN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A draft beside the figure as the record holds it now."""

    at: Desk
    draft: Draft
    figure: SupportFigure

    @property
    def adding(self) -> bool:
        """Whether this is about somebody who is not in the network yet."""
        return not self.draft.figure_id

    def must_allow(self, step_name: str) -> None:
        """Stop before a page that is not this viewer's: who may only write notes answers no other questions.

        Raises:
            EhrForbidden: it is not.
        """
        self.at.must(self.at.rights.edit or (self.at.rights.note and self.draft.entry == step_name == "note"))

    def applied(self, only: frozenset[str] | None = None) -> Applied:
        """The figure with the answers so far."""
        return figure_form.applied(self.figure, self.draft.base, self.draft.values, self.at.context, only=only)

    def agreed(self) -> ConsentAnswers:
        """What was answered about sharing."""
        needed = consent_form.requirement(self.at.network, self.at.policy, self.at.context.now)
        return consent_form.consent_answers(self.draft.values, needed, self.at.context)

    def keep(self, draft: Draft) -> None:
        """Keep a changed draft."""
        drafts().put(draft)

    @property
    def title(self) -> str:
        """Whom it is about."""
        named = self.applied().figure
        unnamed = self.adding and named.name.is_empty and not named.own_label
        return self.at.t("New support figure") if unnamed else called(named, self.at.t)

    @property
    def moved_on(self) -> bool:
        """Whether the record says something else about this figure than when editing began."""
        now, base = figure_form.held(self.figure), normal(self.draft.base)
        return not all(one.same(base, now) for one in self.facets)

    @property
    def facets(self) -> tuple[Facet, ...]:
        """What this viewer may compare: who only writes a note meets nothing else of the figure (L4)."""
        page = figure_form.step(self.draft.entry)
        return figure_form.FACETS if self.at.rights.edit else page.facets if page else ()


def open_work(draft_id: str, *, afresh: bool = False) -> Work:
    """The draft of an address, with the record read once per request.

    Args:
        draft_id: which draft.
        afresh: read the record again, because it changed under our hands.

    Raises:
        EhrNotFound: no such draft in this launch, or its figure is gone.
        EhrForbidden: this viewer may not write.
    """
    if afresh:
        g.pop("desk", None)
    at, draft = desk(), drafts().get(draft_id)
    at.must(at.rights.edit or at.rights.note)  # before anything is looked up: rights may have ended since the page
    if draft is None:
        raise EhrNotFound("This form is no longer there.", code="no-draft", remedy="Begin again.")
    work = _beside(at, draft)
    work.must_allow(draft.entry)
    return work


def _beside(at: Desk, draft: Draft) -> Work:
    """A draft beside its figure; it goes on as a change of somebody who turns out to be there already."""
    if draft.saved or draft.figure_id:
        figure = at.figure(draft.saved or draft.figure_id)
        landed = bool(draft.sent) and figure_form.held(figure) == normal(draft.wrote)
        return Work(at=at, draft=_after_attempt(draft) if landed else draft, figure=figure)
    before = already_saved(at.network, draft.mark)
    if before is not None:
        return Work(at=at, draft=replace(_after_attempt(draft), figure_id=before.id), figure=before)
    candidate = candidate_of(at.network, draft.candidate) if draft.candidate else None
    if candidate is None and draft.candidate:
        taken = next((one for one in at.network.figures if one.ref.reference == draft.candidate), None)
        if taken is not None:  # somebody else turned the same person into a figure in the meantime
            return Work(at=at, draft=replace(draft, figure_id=taken.id), figure=taken)
    return Work(at=at, draft=draft, figure=fresh_figure(draft.urn, draft.mark, candidate))


def _after_attempt(draft: Draft) -> Draft:
    """The draft where its last attempt is in the record although the answer got lost: later corrections are changes."""
    values = figure_form.merged(draft.sent, draft.values, draft.wrote, {})
    agreed = {name: many for name, many in draft.values.items() if name in consent_form.FIELD_NAMES}
    return replace(draft, base=draft.wrote, values=values | agreed)


def left_behind(at: Desk) -> tuple[Work, ...]:
    """The forms this user was filling in when an earlier launch ended, as far as they may still be gone on with.

    One that was saved holds no answers any more.
    """
    found = []
    for draft in drafts().left_behind() if at.rights.edit or at.rights.note else ():
        if normal(draft.values) != normal(draft.base):
            with suppress(EhrNotFound, EhrForbidden):  # the figure is gone, or the right to it
                work = _beside(at, draft)
                work.must_allow(draft.entry)
                found.append(work)
    return tuple(found)


def answered(draft_id: str, page: str, names: frozenset[str]) -> None:
    """Keep what was sent before anything else is asked of the EHR, which may not answer.

    Who may only write a note has drafts that begin there: nothing is kept in those from another page. Nothing is kept
    in a draft that was saved.
    """
    draft = drafts().get(draft_id)
    if draft is not None and not draft.saved and (draft.entry != "note" or page == "note"):
        drafts().put(draft.answered(names, given()))


def given() -> dict[str, tuple[str, ...]]:
    """What was sent, by field."""
    return {name: tuple(many) for name, many in request.form.lists()}


def form_of(work: Work, fields: Iterable[Field], errors: tuple[FieldError, ...] = ()) -> dict[str, object]:
    """What the templates of forms need."""
    context, t = work.at.context, work.at.t
    return {
        "work": work,
        "values": work.draft.values,
        "options": {field.name: field.options(context) for field in fields if field.options},
        "doubts": {field.name: asked_about(field.name, work.draft.values) for field in fields if field.kind in TYPED},
        "errors": {error.field: t(ERRORS[error.code]) for error in reversed(errors)},
        "child": first_name(work.at.network.child),
    }
