"""What the figure means: kind, functions, whom and where, involvement, closeness."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import Engagement, SupportFigure, Tie
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import (
    BondKind,
    Context,
    Function,
    Involvement,
    LifeDomain,
    NetworkRing,
    Supports,
    TieQuality,
)
from smart_app.i18n import msg
from smart_app.presenters.dates import date_input, date_text, period_text
from smart_app.presenters.facets import Facet, some
from smart_app.presenters.forms import Answers, Field, FormContext, Option, enum_options, first_name
from smart_app.presenters.words import words

__all__ = ["BOND", "CONTEXTS", "DOMAINS", "ENGAGED", "FUNCTIONS", "INVOLVEMENT", "KINDS", "SUPPORTS", "TIE"]


_PARENT_FIRST = msg(
    "With a child under 12 the support is often for a parent first. So a new support figure starts with this ticked. "
    "Is it not so? Untick it."
)
"""Why ``starting`` of the form answers this beforehand (BGZJ: for a young child the parent is supported)."""


def _engaged(figure: SupportFigure) -> Engagement:
    return figure.engagement or Engagement()


def _codes(values: tuple[StrEnum, ...]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _supports_options(context: FormContext) -> tuple[Option, ...]:
    """The child or the young person, by age, and a parent."""
    if context.age is not None and context.age >= 12:
        return enum_options((Supports.YOUTH, Supports.PARENT))(context)
    child, parent = enum_options((Supports.CHILD, Supports.PARENT))(context)
    return (child, replace(parent, hint=context.t(_PARENT_FIRST)) if context.age is not None else parent)


def _functions(figure: SupportFigure, context: FormContext) -> str:
    return words(_engaged(figure).functions, context.t)


KINDS = Facet(
    name="kinds",
    title=msg("Kind of support figure"),
    fields=(
        Field(
            name="kinds",
            label=msg("What kind of support figure is this?"),
            kind="choices",
            hint=msg("Only if one of these words helps you. Nothing needs to fit."),
            options=enum_options(BondKind),
            more=True,
        ),
    ),
    read=lambda figure: {"kinds": _codes(figure.kinds)},
    write=lambda figure, answers: replace(figure, kinds=answers.codes("kinds", BondKind)),
    show=lambda figure, context: words(figure.kinds, context.t),
)

FUNCTIONS = Facet(
    name="functions",
    title=msg("What this person does"),
    fields=(
        Field(
            name="functions",
            label=msg("What does this person do?"),
            kind="choices",
            hint=msg("Choose as many as you like."),
            options=enum_options(Function),
        ),
    ),
    read=lambda figure: {"functions": _codes(_engaged(figure).functions)},
    write=lambda figure, answers: replace(
        figure, engagement=replace(_engaged(figure), functions=answers.codes("functions", Function))
    ),
    show=_functions,
)

SUPPORTS = Facet(
    name="supports",
    title=msg("A support for"),
    fields=(
        Field(
            name="supports", label=msg("For whom is this person a support?"), kind="choices", options=_supports_options
        ),
    ),
    read=lambda figure: {"supports": _codes(figure.supports)},
    write=lambda figure, answers: replace(figure, supports=answers.codes("supports", Supports)),
    show=lambda figure, context: words(figure.supports, context.t),
)

DOMAINS = Facet(
    name="domains",
    title=msg("Where in daily life"),
    fields=(
        Field(
            name="domains",
            label=msg("Where in daily life is this person?"),
            kind="choices",
            options=enum_options(LifeDomain),
        ),
    ),
    read=lambda figure: {"domains": _codes(figure.life_domains)},
    write=lambda figure, answers: replace(figure, life_domains=answers.codes("domains", LifeDomain)),
    show=lambda figure, context: words(figure.life_domains, context.t),
)

INVOLVEMENT = Facet(
    name="involvement",
    title=msg("Part in the care"),
    fields=(
        Field(
            name="involvement",
            label=msg("How does this person take part in the care?"),
            kind="choices",
            options=enum_options(Involvement),
        ),
    ),
    read=lambda figure: {"involvement": _codes(_engaged(figure).involvement)},
    write=lambda figure, answers: replace(
        figure, engagement=replace(_engaged(figure), involvement=answers.codes("involvement", Involvement))
    ),
    show=lambda figure, context: words(_engaged(figure).involvement, context.t),
)

CONTEXTS = Facet(
    name="contexts",
    title=msg("In which part of the care"),
    fields=(
        Field(
            name="contexts", label=msg("In which part of the care?"), kind="choices", options=enum_options(Context)
        ),
    ),
    read=lambda figure: {"contexts": _codes(_engaged(figure).contexts)},
    write=lambda figure, answers: replace(
        figure, engagement=replace(_engaged(figure), contexts=answers.codes("contexts", Context))
    ),
    show=lambda figure, context: words(_engaged(figure).contexts, context.t),
)  # fmt: skip


def _write_period(since: str, until: str, answers: Answers) -> tuple[PartialDate | None, PartialDate | None]:
    start, end = answers.date(since, past=True), answers.date(until)
    if start is not None and end is not None and end.last_day() < start.first_day():
        answers.fail(until, "date-order")
    return start, end


def _write_engaged(figure: SupportFigure, answers: Answers) -> SupportFigure:
    held = _engaged(figure)
    start, end = _write_period("engaged_since", "engaged_until", answers)
    return replace(figure, engagement=replace(held, period=replace(held.period, start=start, end=end)))


def _write_bond(figure: SupportFigure, answers: Answers) -> SupportFigure:
    """A bond that has ended makes the figure inactive; the end of an engagement never does."""
    start, end = _write_period("bond_since", "bond_until", answers)
    over = end is not None and end.last_day() <= answers.context.today
    ended_before = figure.bond.end is not None
    active = False if over else True if ended_before else figure.active
    return replace(figure, bond=replace(figure.bond, start=start, end=end), active=active)


ENGAGED = Facet(
    name="engaged",
    title=msg("Takes part in the care"),
    fields=(
        Field(name="engaged_since", label=msg("Takes part since"), kind="date", short=True, more=True),
        Field(name="engaged_until", label=msg("Takes part until"), kind="date", short=True, more=True),
    ),
    read=lambda figure: some(
        engaged_since=date_input(_engaged(figure).period.start), engaged_until=date_input(_engaged(figure).period.end)
    ),
    write=_write_engaged,
    show=lambda figure, context: period_text(_engaged(figure).period, context.t),
)

BOND = Facet(
    name="bond",
    title=msg("In the picture"),
    fields=(
        Field(
            name="bond_since",
            label=msg("Since when has this person been in the picture?"),
            kind="date",
            hint=msg("A year is enough."),
            short=True,
        ),
        Field(name="bond_until", label=msg("Until when?"), kind="date", short=True, more=True),
    ),
    read=lambda figure: some(bond_since=date_input(figure.bond.start), bond_until=date_input(figure.bond.end)),
    write=_write_bond,
    show=lambda figure, context: period_text(figure.bond, context.t),
)


def _judges(context: FormContext) -> tuple[Option, ...]:
    people = [(context.child.ref, first_name(context.child))]
    people += [(one.ref, context.name_of(one.ref)) for one in context.parents]
    if context.user.reference and context.user.reference not in {ref.reference for ref, _ in people}:
        people.append((context.user, context.user.display or context.t("me")))
    return tuple(Option(value=ref.reference, text=name) for ref, name in people)


def _read_tie(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    """The latest judgement without its date: a new judgement is one of today unless somebody says otherwise."""
    tie = figure.current_tie
    if tie is None:
        return {}
    return some(ring=tie.ring or "", quality=tie.quality or "", tie_by=tie.by.reference if tie.by else "")


def _write_tie(figure: SupportFigure, answers: Answers) -> SupportFigure:
    """A changed judgement is added; the earlier ones are the history of the tie and stay."""
    ring, quality = answers.code("ring", NetworkRing), answers.code("quality", TieQuality)
    on = answers.date("tie_on", past=True) or PartialDate.of(answers.context.today)
    by = next(iter(answers.raw("tie_by")), "")
    if by and by not in {option.value for option in _judges(answers.context)}:
        answers.fail("tie_by", "code")
    if ring is None and quality is None:
        return figure
    judge = Ref(reference=by, display=answers.context.name_of(Ref(reference=by))) if by else None
    return replace(figure, ties=(*figure.ties, Tie(ring=ring, quality=quality, by=judge, on=on)))


def _show_tie(figure: SupportFigure, context: FormContext) -> str:
    tie, t = figure.current_tie, context.t
    if tie is None:
        return ""
    judged = words([one for one in (tie.ring, tie.quality) if one is not None], t)
    by, on = context.name_of(tie.by), date_text(tie.on, t)
    if by and on:
        return t("%(judged)s (according to %(by)s, %(on)s)", judged=judged, by=by, on=on)
    return f"{judged} ({by or on})" if by or on else judged


TIE = Facet(
    name="tie",
    title=msg("How close"),
    fields=(
        Field(
            name="ring", label=msg("How close is this person now?"), kind="choice", options=enum_options(NetworkRing)
        ),
        Field(
            name="quality", label=msg("What is the bond like?"), kind="choice", options=enum_options(TieQuality)
        ),
        Field(name="tie_by", label=msg("Who says so?"), kind="select", options=_judges),
        Field(
            name="tie_on",
            label=msg("On which day?"),
            kind="date",
            hint=msg("Leave empty for today."),
            short=True,
            more=True,
        ),
    ),
    read=_read_tie,
    write=_write_tie,
    show=_show_tie,
)  # fmt: skip
