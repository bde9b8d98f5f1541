"""The network page: rows of the table, entries of the ecogram, the people beside them, and what is worth noticing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fhir_plugin.consent import Policy
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.names import display_name, sort_key
from fhir_plugin.model.network import Person, Standing, SupportNetwork
from fhir_plugin.model.terms import Adult, Function, LifeDomain, NetworkRing, NoteKind, TieQuality
from smart_app.i18n import Translator
from smart_app.presenters.ecogram_shapes import Entry
from smart_app.presenters.forms import FormContext
from smart_app.presenters.sharing import Sharing, sharing_of
from smart_app.presenters.words import FUNCTION_LETTERS, coding_word, joined, word, words

__all__ = ["FigureRow", "NetworkPage", "PersonRow", "called", "called_formally", "network_page"]


def called(figure: SupportFigure, t: Translator) -> str:
    """What somebody is called here: the family's own label first, else the name, else what they are to the child."""
    named = figure.own_label or display_name(figure.name)
    return named or joined([coding_word(one, t) for one in figure.relations], t) or t("Somebody without a name")


def called_formally(figure: SupportFigure) -> str:
    """The name beside the label; empty where there is none or it says the same."""
    name = display_name(figure.name)
    return name if figure.own_label and name != figure.own_label else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One support figure in the table.

    Attributes:
        name: the official name beside the label, where it differs.
        letters: initials of the functions, as in the ecogram.
        engaged: takes part in the care now.
        attention: what is worth looking at, in short words.
    """

    id: str
    title: str
    name: str
    relation: str
    domain: str
    functions: str
    letters: str
    ring: NetworkRing | None
    quality: TieQuality | None
    closeness: str
    involvement: str
    engaged: bool
    sharing: Sharing
    attention: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Someone beside the figures.

    Attributes:
        what: what they are to the child.
        candidate: the reference with which they can become a figure; empty where they cannot.
    """

    title: str
    what: str
    authority: bool
    candidate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPage:
    """Everything on the page, in order."""

    rows: tuple[FigureRow, ...]
    earlier: tuple[FigureRow, ...]
    parents: tuple[PersonRow, ...]
    professionals: tuple[PersonRow, ...]
    candidates: tuple[PersonRow, ...]
    someone_always_there: bool
    entries: tuple[Entry, ...]


def network_page(network: SupportNetwork, policy: Policy, context: FormContext) -> NetworkPage:
    """Rows in the order of the ecogram: by life domain, then closeness, then name."""
    today, t = context.today, context.t
    current = sorted((one for one in network.figures if is_current(one, today)), key=_order)
    former = sorted((one for one in network.figures if not is_current(one, today)), key=_order)
    rows = tuple(_row(one, network, policy, context) for one in current)
    people = [one for one in network.people if one.active]
    return NetworkPage(
        rows=rows,
        earlier=tuple(_row(one, network, policy, context) for one in former),
        parents=_people(people, (Standing.PARENT, Standing.LEGAL), t),
        professionals=_people(people, (Standing.PROFESSIONAL,), t),
        candidates=_people(people, (Standing.CANDIDATE,), t),
        someone_always_there=any(is_always_there(one, today) for one in current),
        entries=tuple(_entry(row, t) for row in rows),
    )


def is_current(figure: SupportFigure, today: date) -> bool:
    """Whether somebody is in the child's life now."""
    return figure.active and figure.bond.covers(today)


def is_always_there(figure: SupportFigure, today: date) -> bool:
    """Whether this is a lasting adult: current, an adult, and trusted or very close (the founding texts' "altijd")."""
    trusted = figure.bond_of_trust is not None and figure.bond_of_trust.confirmed
    tie = figure.current_tie
    near = tie is not None and (tie.ring is NetworkRing.INNER or tie.quality is TieQuality.CLOSE)
    return is_current(figure, today) and figure.adult is Adult.YES and (trusted or near)


def is_engaged(figure: SupportFigure, today: date) -> bool:
    """Whether somebody takes part in the care now."""
    return figure.engagement is not None and is_current(figure, today) and figure.engagement.period.covers(today)


def art_14_is_open(figure: SupportFigure) -> bool:
    """Whether somebody still has to be told what is recorded about them (art. 14 AVG; L7)."""
    held = figure.agreement
    return held is None or (held.informed_on is None and not held.exception)


def _order(figure: SupportFigure) -> tuple[int, str, tuple[str, str, str], str]:
    domain = min((list(LifeDomain).index(one) for one in figure.life_domains[:1]), default=len(LifeDomain))
    tie = figure.current_tie
    ring = tie.ring if tie and tie.ring else "9"
    names = (figure.own_label.casefold(), "", "") if figure.name.is_empty else sort_key(figure.name)
    return domain, ring, names, figure.id


def _row(figure: SupportFigure, network: SupportNetwork, policy: Policy, context: FormContext) -> FigureRow:
    t, tie, engagement = context.t, figure.current_tie, figure.engagement
    functions = engagement.functions if engagement else ()
    engaged = is_engaged(figure, context.today)
    return FigureRow(
        id=figure.id,
        title=called(figure, t),
        name=called_formally(figure),
        relation=joined([coding_word(one, t) for one in (*figure.relations, *figure.roles)], t),
        domain=word(figure.life_domains[0], t) if figure.life_domains else t("Not said yet"),
        functions=words(functions, t),
        letters=_letters(functions, t),
        ring=tie.ring if tie else None,
        quality=tie.quality if tie else None,
        closeness=words([one for one in (tie.ring, tie.quality) if one is not None], t) if tie else "",
        involvement=words(engagement.involvement, t) if engagement and engaged else "",
        engaged=engaged,
        sharing=sharing_of(figure, network, policy, context),
        attention=_attention(figure, t),
    )


def _attention(figure: SupportFigure, t: Translator) -> tuple[str, ...]:
    found: list[str] = []
    if any(note.kind is NoteKind.DISSENT for note in figure.notes):
        found.append(t("There is a different opinion"))
    if figure.agreement is not None and figure.agreement.agreed is False:
        found.append(t("Does not want this role"))
    if art_14_is_open(figure):
        found.append(t("Does not know what is written here"))
    return tuple(found)


def _letters(functions: tuple[Function, ...], t: Translator) -> str:
    return " · ".join(t(FUNCTION_LETTERS[one]) for one in functions)


def _entry(row: FigureRow, t: Translator) -> Entry:
    said = [row.domain, row.closeness or t("closeness not said yet")]
    return Entry(
        key=row.id,
        name=row.title,
        sector=row.domain,
        functions=row.functions,
        letters=row.letters,
        ring=row.ring,
        quality=row.quality,
        summary=", ".join(part for part in said if part),
    )


def _people(people: list[Person], standings: tuple[Standing, ...], t: Translator) -> tuple[PersonRow, ...]:
    chosen = sorted((one for one in people if one.standing in standings), key=lambda one: sort_key(one.name))
    if Standing.PROFESSIONAL in standings:  # a row of nameless professionals says no more than one of them
        named = [one for one in chosen if not one.name.is_empty or one.ref.display]
        chosen = named + [one for one in chosen if one not in named][:1]
    return tuple(
        PersonRow(
            title=display_name(one.name) or one.ref.display or t("Name not in the record"),
            what=joined([coding_word(code, t) for code in one.relations] or [word(one.standing, t)], t),
            authority=one.holds_authority,
            candidate=one.ref.reference if one.standing is Standing.CANDIDATE else "",
        )
        for one in chosen
    )
