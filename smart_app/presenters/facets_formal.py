"""Beside the agreements: mandate, certificate of conduct, programme, notes."""

from __future__ import annotations

from dataclasses import replace

from fhir_plugin.model.figure import MandateFact, Note, SupportFigure, VogSeen
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import Mandate, NoteKind
from smart_app.i18n import msg
from smart_app.presenters.dates import date_input, date_text
from smart_app.presenters.facets import Facet, dated, some, yes_no, yes_no_raw
from smart_app.presenters.forms import Answers, Field, FormContext, enum_options
from smart_app.presenters.words import word

__all__ = ["MANDATE", "NOTE", "PROGRAMME", "VOG"]


def _read_mandate(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    held = figure.mandate
    order = (held.order.display or held.order.reference) if held and held.order else ""
    return some(mandate=held.kind if held else "", mandate_order=order)


def _write_mandate(figure: SupportFigure, answers: Answers) -> SupportFigure:
    """The typed words become the display of the order; an unchanged one keeps its reference."""
    kind, typed = answers.code("mandate", Mandate), answers.text("mandate_order")
    held = figure.mandate.order if figure.mandate else None
    same = held is not None and typed in (held.display, held.reference)
    order = held if same else Ref(display=typed) if typed else None
    return replace(figure, mandate=MandateFact(kind=kind, order=order) if kind else None)


def _show_mandate(figure: SupportFigure, context: FormContext) -> str:
    if figure.mandate is None:
        return ""
    order = figure.mandate.order
    return dated(word(figure.mandate.kind, context.t), order.display if order else "")


MANDATE = Facet(
    name="mandate",
    title=msg("Formal or informal"),
    fields=(
        Field(
            name="mandate",
            label=msg("Is this role formal or informal?"),
            kind="choice",
            options=enum_options((Mandate.INFORMAL, Mandate.FORMAL)),
            more=True,
        ),
        Field(
            name="mandate_order",
            label=msg("Court order"),
            kind="text",
            hint=msg("Court, date and number, only for a formal role."),
            more=True,
        ),
    ),
    read=_read_mandate,
    write=_write_mandate,
    show=_show_mandate,
)


def _write_vog(figure: SupportFigure, answers: Answers) -> SupportFigure:
    seen, on = answers.yes_no("vog"), answers.date("vog_on", past=True)
    return replace(figure, vog_seen=None if seen is None else VogSeen(seen=seen, on=on))


def _show_vog(figure: SupportFigure, context: FormContext) -> str:
    fact, t = figure.vog_seen, context.t
    return dated(t("Yes") if fact.seen else t("No"), date_text(fact.on, t)) if fact else ""


VOG = Facet(
    name="vog",
    title=msg("Certificate of conduct (VOG) seen"),
    fields=(
        Field(
            name="vog",
            label=msg("Did you see a certificate of conduct (VOG)?"),
            kind="choice",
            hint=msg("The certificate itself is never kept."),
            options=yes_no,
            more=True,
        ),
        Field(name="vog_on", label=msg("Seen on"), kind="date", short=True, more=True),
    ),
    read=lambda figure: (
        some(vog=yes_no_raw(figure.vog_seen.seen), vog_on=date_input(figure.vog_seen.on)) if figure.vog_seen else {}
    ),
    write=_write_vog,
    show=_show_vog,
)


def _write_programme(figure: SupportFigure, answers: Answers) -> SupportFigure:
    typed = answers.text("programme")
    held = figure.programme
    same = held is not None and typed in (held.display, held.reference)
    return replace(figure, programme=held if same else Ref(display=typed) if typed else None)


PROGRAMME = Facet(
    name="programme",
    title=msg("Programme or organisation"),
    fields=(
        Field(
            name="programme",
            label=msg("Programme or organisation"),
            kind="text",
            hint=msg("For example Stichting JIM or Buurtgezinnen."),
            more=True,
        ),
    ),
    read=lambda figure: some(
        programme=(figure.programme.display or figure.programme.reference) if figure.programme else ""
    ),
    write=_write_programme,
    show=lambda figure, _context: figure.programme.display if figure.programme else "",
)


def _write_note(figure: SupportFigure, answers: Answers) -> SupportFigure:
    """Add a note of the one who is typing; earlier notes stay."""
    text = answers.text("note_text")
    if not text:
        return figure
    kind = answers.code("note_kind", NoteKind) or NoteKind.NOTE
    author = answers.context.user if answers.context.user.reference else None
    return replace(
        figure, notes=(*figure.notes, Note(text=text, kind=kind, author=author, at=answers.context.now))
    )  # fmt: skip


def _show_note(figure: SupportFigure, context: FormContext) -> str:
    if not figure.notes:
        return ""
    last = figure.notes[-1]
    return f"{word(last.kind, context.t)}: {last.text}"


NOTE = Facet(
    name="note",
    title=msg("Note"),
    fields=(
        Field(
            name="note_kind",
            label=msg("What is it?"),
            kind="choice",
            hint=msg("A different opinion is kept beside the choice. It changes nothing about it."),
            options=enum_options(NoteKind),
            unsaid=False,
        ),
        Field(name="note_text", label=msg("What do you want to write down?"), kind="area"),
    ),
    read=lambda _figure: {},
    write=_write_note,
    show=_show_note,
    fresh=True,
)
