"""What was chosen and agreed: designation, trust, agreement, accord."""

from __future__ import annotations

from dataclasses import replace

from fhir_plugin.model.figure import (
    Agreement,
    BondOfTrust,
    Designation,
    SupportFigure,
)
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import Designator, ParentAccord
from smart_app.i18n import msg
from smart_app.presenters.dates import date_input, date_text
from smart_app.presenters.facets import Facet, dated, some, yes_no, yes_no_raw
from smart_app.presenters.forms import Answers, Field, FormContext, Option, enum_options, first_name
from smart_app.presenters.words import joined, word

__all__ = ["ACCORD", "AGREEMENT", "DESIGNATION", "TRUST"]


def _self(context: FormContext) -> Designator:
    return Designator.CHILD if context.age is None or context.age < 12 else Designator.YOUTH


def _choosers(context: FormContext) -> tuple[Option, ...]:
    """The child and the parents; never a professional (BGZJ)."""
    own = Option(value=f"{_self(context)}|{context.child.ref.reference}", text=first_name(context.child))
    parents = tuple(
        Option(value=f"{Designator.PARENT}|{one.ref.reference}", text=context.name_of(one.ref))
        for one in context.parents
    )
    unnamed = Option(value=f"{Designator.PARENT}|", text=context.t("A parent who is not named in the record"))
    return (own, *parents, unnamed)


def _raw_designation(one: Designation) -> str:
    return f"{one.by}|{one.who.reference if one.who else ''}"


def _read_designation(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    days = {date_input(one.on) for one in figure.designations}
    return {
        "designated_by": tuple(_raw_designation(one) for one in figure.designations),
        **some(designated_on=days.pop() if len(days) == 1 else ""),
    }


def _write_designation(figure: SupportFigure, answers: Answers) -> SupportFigure:
    """Those who were named before keep what is recorded of them; a typed date goes to everyone who is chosen."""
    on = answers.date("designated_on", past=True)
    held = {_raw_designation(one): one for one in figure.designations}
    offered = {option.value for option in _choosers(answers.context)} | set(held)
    chosen = answers.raw("designated_by")
    if not set(chosen) <= offered:
        answers.fail("designated_by", "code")
        return figure
    made: list[Designation] = []
    for raw in dict.fromkeys(chosen):
        by, _, reference = raw.partition("|")
        who = Ref(reference=reference) if reference else None
        before = held.get(raw, Designation(by=Designator(by), who=who))
        made.append(replace(before, on=on or before.on))
    return replace(figure, designations=tuple(made))


def _show_designation(figure: SupportFigure, context: FormContext) -> str:
    t = context.t
    return joined(
        [dated(context.name_of(one.who) or word(one.by, t), date_text(one.on, t)) for one in figure.designations], t
    )


DESIGNATION = Facet(
    name="designation",
    title=msg("Chosen by"),
    fields=(
        Field(
            name="designated_by",
            label=msg("Who chose this person?"),
            kind="choices",
            hint=msg("A professional never chooses."),
            options=_choosers,
        ),
        Field(name="designated_on", label=msg("When?"), kind="date", hint=msg("A year is enough."), short=True),
    ),
    read=_read_designation,
    write=_write_designation,
    show=_show_designation,
)


def _write_trust(figure: SupportFigure, answers: Answers) -> SupportFigure:
    confirmed, on = answers.yes_no("trust"), answers.date("trust_on", past=True)
    if confirmed is None and on is not None:
        answers.fail("trust", "trust-first")
    return replace(figure, bond_of_trust=None if confirmed is None else BondOfTrust(confirmed=confirmed, on=on))


def _show_trust(figure: SupportFigure, context: FormContext) -> str:
    fact, t = figure.bond_of_trust, context.t
    return dated(t("Yes") if fact.confirmed else t("No"), date_text(fact.on, t)) if fact else ""


TRUST = Facet(
    name="trust",
    title=msg("Bond of trust"),
    fields=(
        Field(
            name="trust",
            label=msg("Is there a bond of trust?"),
            kind="choice",
            hint=msg("Ask the one who chose this person."),
            options=yes_no,
        ),
        Field(name="trust_on", label=msg("Asked on"), kind="date", short=True, more=True),
    ),
    read=lambda figure: (
        some(trust=yes_no_raw(figure.bond_of_trust.confirmed), trust_on=date_input(figure.bond_of_trust.on))
        if figure.bond_of_trust
        else {}
    ),
    write=_write_trust,
    show=_show_trust,
)


def _read_agreement(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    held = figure.agreement or Agreement()
    return some(
        agreed=yes_no_raw(held.agreed),
        agreed_on=date_input(held.on),
        informed_on=date_input(held.informed_on),
        informed_exception=held.exception,
    )


def _write_agreement(figure: SupportFigure, answers: Answers) -> SupportFigure:
    agreement = Agreement(
        agreed=answers.yes_no("agreed"),
        on=answers.date("agreed_on", past=True),
        informed_on=answers.date("informed_on", past=True),
        exception=answers.text("informed_exception"),
    )
    return replace(figure, agreement=None if agreement == Agreement() else agreement)


def _show_agreement(figure: SupportFigure, context: FormContext) -> str:
    held, t = figure.agreement, context.t
    if held is None:
        return ""
    agreed = {True: t("Agrees with the role"), False: t("Does not agree with the role")}.get(bool(held.agreed), "")
    parts = [dated(agreed, date_text(held.on, t)) if held.agreed is not None else ""]
    if held.informed_on:
        parts.append(t("knows what is recorded since %(on)s", on=date_text(held.informed_on, t)))
    if held.exception:
        parts.append(t("not told: %(reason)s", reason=held.exception))
    return "; ".join(part for part in parts if part)


AGREEMENT = Facet(
    name="agreement",
    title=msg("The person's own answer"),
    fields=(
        Field(name="agreed", label=msg("Does this person want to do this?"), kind="choice", options=yes_no),
        Field(name="agreed_on", label=msg("Said on"), kind="date", short=True),
        Field(
            name="informed_on",
            label=msg("When did you tell this person what is recorded about them?"),
            kind="date",
            hint=msg("Everyone has a right to know (article 14 of the GDPR)."),
            short=True,
        ),
        Field(name="informed_exception", label=msg("Not told, because"), kind="text", more=True),
    ),
    read=_read_agreement,
    write=_write_agreement,
    show=_show_agreement,
)

ACCORD = Facet(
    name="accord",
    title=msg("What the parents think"),
    fields=(
        Field(
            name="parent_accord",
            label=msg("Do the parents agree with this choice?"),
            kind="choice",
            hint=msg("Whatever the answer is: the person stays in the network."),
            options=enum_options(ParentAccord),
            unsaid=False,
        ),
    ),
    read=lambda figure: some(parent_accord=figure.parent_accord or ""),
    write=lambda figure, answers: replace(figure, parent_accord=answers.code("parent_accord", ParentAccord)),
    show=lambda figure, context: word(figure.parent_accord, context.t) if figure.parent_accord else "",
)
