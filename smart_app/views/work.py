"""A form that is being filled in, beside the record as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import g, request

from fhir_plugin.errors import EhrNotFound
from fhir_plugin.model.figure import SupportFigure
from smart_app.presenters import consent_form, figure_form
from smart_app.presenters.consent_form import ConsentAnswers
from smart_app.presenters.figure_form import Applied
from smart_app.presenters.forms import ERRORS, Field, FieldError, first_name, normal
from smart_app.presenters.network import called
from smart_app.presenters.saving import already_saved, candidate_of, fresh_figure
from smart_app.store.drafts import Draft
from smart_app.views.desk import Desk, desk, drafts

__all__ = ["Work", "form_of", "given", "open_work"]


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

    @property
    def saved(self) -> str:
        """Id of the figure, where this draft is in the record already."""
        before = already_saved(self.at.network, self.draft.urn) if self.adding else None
        return self.draft.saved or (before.id if before else "")

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
        drafts().put(self.at.launch.id, draft)

    @property
    def title(self) -> str:
        """Whom it is about."""
        named = self.applied().figure
        unnamed = self.adding and named.name.is_empty and not named.own_label
        return self.at.t("New support figure") if unnamed else called(named, self.at.t)

    @property
    def moved_on(self) -> bool:
        """Whether the record says something else about this figure than when editing began."""
        return figure_form.held(self.figure) != normal(self.draft.base)


def open_work(launch_id: str, draft_id: str, *, afresh: bool = False) -> Work:
    """The draft of an address, with the record read once per request.

    Args:
        launch_id: launch it belongs to.
        draft_id: which draft.
        afresh: read the record again, because it changed under our hands.

    Raises:
        EhrNotFound: no such draft in this launch, or its figure is gone.
        EhrForbidden: this viewer may not write.
    """
    if afresh:
        g.pop("desk", None)
    at, draft = desk(), drafts().get(launch_id, draft_id)
    if draft is None:
        raise EhrNotFound("This form is no longer there.", code="no-draft", remedy="Begin again.")
    if draft.figure_id:
        work = Work(at=at, draft=draft, figure=at.figure(draft.figure_id))
    else:
        candidate = candidate_of(at.network, draft.candidate) if draft.candidate else None
        work = Work(at=at, draft=draft, figure=fresh_figure(draft.urn, candidate))
    work.must_allow(draft.entry)
    return work


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
        "errors": {error.field: t(ERRORS[error.code]) for error in reversed(errors)},
        "child": first_name(work.at.network.child),
    }
