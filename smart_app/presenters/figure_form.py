"""The form of a support figure: steps, and a pure way from typed answers to a changed figure.

``changes`` compares answers with what the figure held when editing began; ``applied`` writes only what changed;
``compared`` sets three versions side by side when somebody else was first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.terms import LEGAL_ROLE_CODES, BondKind, Mandate
from smart_app.i18n import Message, msg
from smart_app.presenters import facets_agreements as agreed
from smart_app.presenters import facets_formal as formal
from smart_app.presenters import facets_support as support
from smart_app.presenters import facets_who as who
from smart_app.presenters.dates import date_input
from smart_app.presenters.facets import Facet
from smart_app.presenters.forms import Answers, FieldError, FormContext, Values, kept_name, normal

__all__ = [
    "ACTIONS",
    "FACETS",
    "STEPS",
    "Applied",
    "Step",
    "Three",
    "applied",
    "changes",
    "compared",
    "ending",
    "held",
    "home",
    "merged",
    "starting",
    "step",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One page of questions.

    Attributes:
        lead: why it is asked, or how to talk about it.
        more: title of the folded part.
    """

    name: str
    title: Message
    facets: tuple[Facet, ...]
    lead: Message | None = None
    more: Message | None = None

    @property
    def field_names(self) -> frozenset[str]:
        """Names of all fields on the page."""
        names = [field.name for facet in self.facets for field in facet.fields]
        return frozenset([*names, *map(kept_name, names)])


STEPS: tuple[Step, ...] = (
    Step(
        name="who",
        title=msg("Who is it?"),
        lead=msg("A name, or what you call this person, is enough. You can leave the rest empty."),
        facets=(who.LABEL, who.NAME, who.RELATION, who.ADULT),
        more=msg("More about the name"),
    ),
    Step(
        name="chosen",
        title=msg("Who chose this person?"),
        lead=msg("You do not choose: you write down who did. Do you have doubts? Write them down as a note."),
        facets=(agreed.DESIGNATION, agreed.TRUST, support.KINDS),
        more=msg("More about the choice"),
    ),
    Step(
        name="support",
        title=msg("What does this person do?"),
        facets=(support.FUNCTIONS, support.SUPPORTS, support.DOMAINS),
    ),
    Step(
        name="closeness",
        title=msg("How close is this person?"),
        lead=msg("This draws the map. You can look at it again later: earlier answers are kept."),
        facets=(support.TIE, support.BOND),
        more=msg("Dates"),
    ),
    Step(
        name="care",
        title=msg("Taking part in the care"),
        facets=(support.INVOLVEMENT, support.CONTEXTS, support.ENGAGED),
        more=msg("Since when and until when"),
    ),
    Step(
        name="agreements",
        title=msg("Agreements"),
        facets=(agreed.AGREEMENT, agreed.ACCORD, formal.MANDATE, formal.VOG, formal.PROGRAMME),
        more=msg("Court order, certificate and programme"),
    ),
    Step(
        name="contact",
        title=msg("Contact details"),
        lead=msg("Only what you need to reach this person."),
        facets=(who.CONTACT,),
    ),
)
"""The steps of adding, in order. Every one can be left empty or skipped; the first needs a name or a label."""

ACTIONS: tuple[Step, ...] = (
    Step(
        name="end-engagement",
        title=msg("This person no longer takes part in the care"),
        lead=msg("Only the part in the care ends. The person stays in the network: care stops, people stay."),
        facets=(support.ENGAGED,),
    ),
    Step(
        name="end-bond",
        title=msg("This person is no longer in the picture"),
        lead=msg("The person moves to “Earlier in the network”. What was written down is kept."),
        facets=(support.BOND,),
    ),
    Step(
        name="note",
        title=msg("Write a note"),
        lead=msg("A note stands beside what is already written. It removes nothing."),
        facets=(formal.NOTE,),
    ),
)
"""Pages that change one thing of a person who is already there."""

FACETS: tuple[Facet, ...] = tuple(
    dict.fromkeys(facet for step in (*STEPS, *ACTIONS) for facet in step.facets)
)  # fmt: skip


def step(name: str) -> Step | None:
    """The step or action of a name."""
    return next((one for one in (*STEPS, *ACTIONS) if one.name == name), None)


def held(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    """What a figure holds, as answers."""
    return normal({name: many for one in FACETS for name, many in one.read(figure).items()})


def starting(context: FormContext) -> dict[str, tuple[str, ...]]:
    """Answers offered for a new figure: for a young child the support is first of all for the parent (BGZJ)."""
    return {"supports": ("parent",)} if context.age is not None and context.age < 12 else {}


def ending(action: str, context: FormContext) -> dict[str, tuple[str, ...]]:
    """The day offered for something that ends: today."""
    name = {"end-engagement": "engaged_until", "end-bond": "bond_until"}.get(action)
    return {name: (date_input(PartialDate.of(context.today)),)} if name else {}


def changes(base: Values, values: Values) -> tuple[Facet, ...]:
    """The facets whose answers differ from what the figure held."""
    before, after = normal(base), normal(values)
    return tuple(one for one in FACETS if not one.same(before, after))


def home(facet: Facet, entry: str = "") -> Step:
    """The page on which a facet is answered: the one where editing began, if it is there."""
    pages = sorted((*STEPS, *ACTIONS), key=lambda one: one.name != entry)
    return next(one for one in pages if facet in one.facets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The figure with the answers in it; with errors it must not be written."""

    figure: SupportFigure
    changed: tuple[Facet, ...]
    errors: tuple[FieldError, ...] = ()


def applied(
    figure: SupportFigure,
    base: Values,
    values: Values,
    context: FormContext,
    *,
    only: Collection[str] | None = None,
) -> Applied:
    """Write the changed answers into a figure.

    Args:
        figure: the figure as it is now (a fresh one to add).
        base: its answers when editing began.
        values: the answers now.
        context: record and moment.
        only: field names to look at; the rest is left for later steps.
    """
    changed = changes(base, values)
    looked_at = tuple(one for one in changed if only is None or {f.name for f in one.fields} & set(only))
    answers = Answers(normal(values), context)
    for one in looked_at:
        figure = one.write(figure, answers)
    if only is None or "own_label" in only:
        answers.errors += _nameless(figure)
    if only is None or "mandate" in only:
        answers.errors += _not_formal(figure)
    if only is None:
        answers.errors += _without_function(figure)
    return Applied(figure=figure, changed=looked_at, errors=tuple(dict.fromkeys(answers.errors)))


def _nameless(figure: SupportFigure) -> list[FieldError]:
    return [] if figure.own_label or not figure.name.is_empty else [FieldError("own_label", "name-or-label")]


def _without_function(figure: SupportFigure) -> list[FieldError]:
    """Who takes part in the care does something there (BGZJ: function 1..*; ct-2)."""
    engagement = figure.engagement
    return [FieldError("functions", "function-first")] if engagement and not engagement.functions else []


def _not_formal(figure: SupportFigure) -> list[FieldError]:
    """A role that a court gives is never informal (sf-5)."""
    legal = BondKind.CITIZEN_GUARDIAN in figure.kinds or any(role.key in LEGAL_ROLE_CODES for role in figure.roles)
    informal = figure.mandate is not None and figure.mandate.kind is Mandate.INFORMAL
    return [FieldError("mandate", "formal")] if legal and informal else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Three:
    """One facet of which there are now two versions, in words.

    Attributes:
        changed_by_me: the change is mine; otherwise it is somebody else's.
        clash: both changed it, differently; a person must choose.
    """

    facet: Facet
    mine: str
    theirs: str
    changed_by_me: bool
    clash: bool


def compared(
    base: Values, mine: SupportFigure, theirs: SupportFigure, values: Values, context: FormContext
) -> tuple[Three, ...]:
    """The facets that I or somebody else changed since editing began.

    Args:
        base: answers when editing began.
        mine: the figure with what was typed.
        theirs: the figure as the record holds it now.
        values: what was typed.
        context: record and moment.
    """
    was, typed, now = normal(base), normal(values), held(theirs)
    rows: list[Three] = []
    for one in FACETS:
        by_me, by_them = not one.same(was, typed), not one.same(was, now)
        if not by_me and not by_them:
            continue
        rows.append(
            Three(
                facet=one,
                mine=one.show(mine, context),
                theirs="" if one.fresh else one.show(theirs, context),
                changed_by_me=by_me,
                clash=by_me and by_them and not one.same(typed, now),
            )
        )
    return tuple(rows)


def merged(base: Values, mine: Values, theirs: Values, choices: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Answers for the record as it is now: my changes, their changes, and for each clash what was chosen.

    Args:
        base: answers when editing began.
        mine: answers as typed.
        theirs: answers the record gives now.
        choices: facet name → ``mine`` or ``theirs``; without a choice what was typed is kept.
    """
    result: dict[str, tuple[str, ...]] = {}
    was, typed, now = normal(base), normal(mine), normal(theirs)
    for one in FACETS:
        take_theirs = one.same(typed, was) or choices.get(one.name) == "theirs"
        result.update(one.of(now) if take_theirs and not one.fresh else one.of(typed))
    return result
