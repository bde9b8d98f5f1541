"""One figure of the source and the one the EHR holds, merged element by element; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Identifier, PersonName
from fhir_plugin.model.names import family_name
from fhir_plugin.model.terms import FIGURE_IDENTIFIER
from fhir_plugin.sync.deciding.decided import Conflict, ElementChange, shown
from fhir_plugin.sync.deciding.elements import ELEMENTS, ONE_NAME, Element, State, completed, merge, with_fresh_text
from fhir_plugin.sync.matching.linking import Answers, Remembered
from fhir_plugin.sync.sources.wanted import Wanted

__all__ = ["Merged", "agreed_at_first", "merge_figure", "taken_whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge comes to.

    Attributes:
        figure: as it will be, but for its place in the team.
        said: what the source is remembered to have said.
        known: paths that are agreed from now on.
        disputed: paths whose value in the EHR the source does not agree with.
        edits: what somebody changed in the EHR since the last agreement; it stands.
    """

    figure: SupportFigure
    said: SupportFigure
    known: frozenset[str]
    conflicts: tuple[Conflict, ...]
    disputed: frozenset[str]
    edits: tuple[ElementChange, ...] = ()


def taken_whole(wanted: Wanted, new: SupportFigure) -> Merged:
    """A figure the record does not have: what the merge would come to, without merging."""
    identifiers = (*new.identifiers, *wanted.figure.identifiers)
    return Merged(
        figure=replace(wanted.figure, id=new.id, identifiers=identifiers),
        said=wanted.figure,
        known=frozenset(element.path for element in ELEMENTS if element.group in wanted.provided),
        conflicts=(),
        disputed=frozenset(),
    )


def merge_figure(
    identity: str,
    wanted: Wanted,
    theirs: SupportFigure,
    agreed: Remembered | None,
    others: tuple[Remembered, ...],
    answers: Answers,
) -> Merged:
    """Merge every element the source has a column for; what stays undecided is not remembered as agreed."""
    figure, known = theirs, set(agreed.known if agreed else ())
    said = agreed.said if agreed else SupportFigure()
    conflicts: list[Conflict] = []
    disputed: set[str] = set()
    chosen: dict[str, SupportFigure] = {}
    edits: list[ElementChange] = []
    for element in ELEMENTS:
        if element.group not in wanted.provided:
            continue
        stated, held, before = element.get(wanted.figure), element.get(theirs), element.get(said)
        ours = completed(stated, held, before)
        outcome = merge(
            element,
            known=agreed is not None and element.path in agreed.known,
            before=before,
            ours=ours,
            acknowledged=element.get(agreed.held) if agreed else None,
            theirs=held,
            elsewhere=tuple(element.get(other.said) for other in others if element.path in other.known),
        )
        answer = _answer(answers, wanted, element)
        if outcome.state is State.CONFLICT and answer not in ("source", "ehr"):
            sides = [_in_full(element, figure, value) for figure, value in ((wanted.figure, ours), (theirs, held))]
            conflicts.append(Conflict(element=element.path, source=sides[0], ehr=sides[1]))
            disputed.add(element.path)
            continue
        if outcome.state is State.KEPT and not element.many:
            disputed.add(element.path)
            if agreed and element.path in agreed.known and not _is_unsaid(element, said, theirs):
                was = shown(element.get(agreed.held))
                edits.append(ElementChange(element=element.path, before=was, after=shown(held)))
        if outcome.state is State.CONFLICT:
            chosen[element.path] = wanted.figure if answer == "source" else theirs
        value = ours if outcome.state is State.CONFLICT and answer == "source" else outcome.value
        if value != held:
            figure = element.put(figure, value)
        if stated != before:
            said = element.put(said, stated)
        known.add(element.path)
    if not any(identifier.system == FIGURE_IDENTIFIER for identifier in figure.identifiers):
        mine = Identifier(system=FIGURE_IDENTIFIER, value=identity)
        figure = replace(figure, identifiers=(*figure.identifiers, mine))
    merged = Merged(
        figure=figure,
        said=said,
        known=frozenset(known),
        conflicts=_asked_once(conflicts),
        disputed=frozenset(disputed),
        edits=tuple(edit for edit in edits if edit.before != edit.after),
    )
    merged = replace(merged, figure=_with_chosen_names(merged.figure, chosen))
    return _with_whole_names(merged, theirs, agreed.said if agreed else SupportFigure())


_SURNAME_OF = {prefix.path: name.path for prefix, name in ONE_NAME}


def _answer(answers: Answers, wanted: Wanted, element: Element) -> str:
    """What a person answered; of a prefix, where nobody was asked about it alone, what they answered of the surname."""
    paths = (element.path, _SURNAME_OF.get(element.path, ""))
    return next(filter(None, (answers.get(f"{wanted.place}|{path}", "") for path in paths)), "")


def _in_full(element: Element, figure: SupportFigure, value: Any) -> str:
    """A value as it is asked about: of a surname with its prefix, for one says little without the other."""
    for prefix, name in ONE_NAME:
        if element in (prefix, name):
            return shown(family_name(PersonName(own_prefix=prefix.get(figure), own_name=name.get(figure))))
    return shown(value)


def _asked_once(conflicts: list[Conflict]) -> tuple[Conflict, ...]:
    """The conflicts without that of a prefix whose surname is asked about too."""
    paths = {conflict.element for conflict in conflicts}
    return tuple(each for each in conflicts if _SURNAME_OF.get(each.element) not in paths)


def _with_chosen_names(figure: SupportFigure, chosen: Mapping[str, SupportFigure]) -> SupportFigure:
    """Who chose a side's surname chose its prefix too, and the other way round, unless both were asked."""
    for parts in ONE_NAME:
        sides = [chosen[part.path] for part in parts if part.path in chosen]
        if len(sides) == 1:
            for part in parts:
                figure = part.put(figure, part.get(sides[0]))
    return figure


def _with_whole_names(merged: Merged, theirs: SupportFigure, before: SupportFigure) -> Merged:
    """Half of the source's name beside half of the EHR's is nobody's name: in dispute, the EHR's stands whole."""
    figure, said = merged.figure, merged.said
    open_paths = {conflict.element for conflict in merged.conflicts}
    held_back = {part for parts in ONE_NAME if any(part.path in open_paths for part in parts) for part in parts}
    for part in held_back:
        figure, said = part.put(figure, part.get(theirs)), part.put(said, part.get(before))
    paths = {part.path for part in held_back}
    return replace(
        merged,
        figure=with_fresh_text(figure, theirs),
        said=said,
        known=merged.known - paths,
        disputed=merged.disputed | paths,
    )


def _is_unsaid(element: Element, said: SupportFigure, theirs: SupportFigure) -> bool:
    """Whether nothing was agreed that somebody could change: the list is silent, or the text follows the parts."""
    is_derived = element.path == "name.text" and bool(theirs.name.own_name or theirs.name.partner_name)
    return is_derived or element.get(said) in (None, "")


def agreed_at_first(final: SupportFigure, merged: Merged) -> SupportFigure:
    """What the source and the EHR agree about at their first meeting: of what is in dispute, what the list says."""
    for element in ELEMENTS if merged.disputed else ():
        if element.path in merged.disputed:
            final = element.put(final, element.get(merged.said))
    return final
