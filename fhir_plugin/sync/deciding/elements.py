"""The elements of a figure a source may own, one by one, and how three states of one are merged.

Three-way: what the source said last time (``before``) and says now (``ours``), what the EHR held when we last wrote
(``acknowledged``) and holds now (``theirs``). What the source did not change is never touched; what both changed is a
conflict, and the EHR's value stays. Lists are merged by item, so that what somebody else added or removed stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any

import phonenumbers

from fhir_plugin.model.figure import Agreement, BondOfTrust, Engagement, MandateFact, SupportFigure, VogSeen
from fhir_plugin.model.identity import Telecom
from fhir_plugin.model.names import display_name, folded

__all__ = [
    "ELEMENTS",
    "ONE_NAME",
    "Element",
    "Outcome",
    "State",
    "completed",
    "merge",
    "telecom_key",
    "with_fresh_text",
]


@lru_cache(maxsize=4096)
def telecom_key(telecom: Telecom) -> tuple[str, str]:
    """What makes two ways to reach somebody the same: E.164 for numbers, folded for the rest."""
    if telecom.system in ("phone", "sms", "fax"):
        try:
            number = phonenumbers.parse(telecom.value, "NL")
        except phonenumbers.NumberParseException:
            return telecom.system, telecom.value
        return telecom.system, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return telecom.system, folded(telecom.value.strip())


@dataclass(frozen=True, slots=True)
class Element:
    """One element by its path in the model.

    Attributes:
        path: ``name.own_name``, ``engagement.functions``.
        many: whether it is a list, merged by item.
        key: what makes two items of a list the same.
        group: the field of the figure it belongs to.
        get: its value in a figure.
    """

    path: str
    many: bool = False
    key: Callable[[Any], Hashable] = lambda item: item
    group: str = field(init=False)
    get: Callable[[SupportFigure], Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        group, _, part = self.path.partition(".")
        object.__setattr__(self, "group", group)
        object.__setattr__(self, "get", _engaged(part) if group == "engagement" else attrgetter(self.path))

    def put(self, figure: SupportFigure, value: Any) -> SupportFigure:
        """The figure with another value."""
        changed: SupportFigure = _put(figure, self.path.split("."), value)
        return changed


_NOT_ENGAGED = Engagement()


def _engaged(path: str) -> Callable[[SupportFigure], Any]:
    inner = attrgetter(path)
    return lambda figure: inner(figure.engagement or _NOT_ENGAGED)


def _held(owner: Any, part: str) -> Any:
    value = getattr(owner, part)
    return Engagement() if part == "engagement" and value is None else value


def _put(owner: Any, path: list[str], value: Any) -> Any:
    if len(path) > 1:
        value = _put(_held(owner, path[0]), path[1:], value)
    return replace(owner, **{path[0]: value})


def _fields(group: str, *names: str) -> tuple[Element, ...]:
    return tuple(Element(f"{group}.{name}") for name in names)


def _list(path: str, key: Callable[[Any], Hashable] = lambda item: item) -> Element:
    return Element(path, many=True, key=key)


_SCALARS = (
    "own_label", "gender", "birth_date", "bond_of_trust", "mandate", "adult", "parent_accord", "vog_seen", "programme",
    "agreement",
)  # fmt: skip

ELEMENTS: tuple[Element, ...] = (
    _list("identifiers"),
    *_fields("name", "text", "call_name", "own_prefix", "own_name", "partner_prefix", "partner_name"),
    Element("name.given"),
    Element("name.initials"),
    *(Element(name) for name in _SCALARS),
    _list("telecoms", telecom_key),
    _list("addresses"),
    _list("relations"),
    _list("roles"),
    _list("kinds"),
    *_fields("bond", "start", "end"),
    _list("designations", lambda item: (item.by, item.on)),
    _list("supports"),
    _list("life_domains"),
    _list("notes", lambda item: (item.kind, item.text)),
    _list("engagement.functions"),
    _list("engagement.involvement"),
    _list("engagement.contexts"),
    Element("engagement.period.start"),
    Element("engagement.period.end"),
)
"""Everything a source can own, in the order a person reads it."""


ONE_NAME: tuple[tuple[Element, Element], ...] = (
    (Element("name.own_prefix"), Element("name.own_name")),
    (Element("name.partner_prefix"), Element("name.partner_name")),
)
"""Elements that are one thing to people: where one part is in dispute, so is the other."""


def with_fresh_text(figure: SupportFigure, before: SupportFigure) -> SupportFigure:
    """The figure whose written-out name follows its parts, where the parts changed and the text did not."""
    stale = figure.name.text and figure.name.text == before.name.text and figure.name != before.name
    return (
        replace(figure, name=replace(figure.name, text=display_name(replace(figure.name, text=""))))
        if stale
        else figure
    )


_ANSWERS = {
    BondOfTrust: ("confirmed", "on"),
    VogSeen: ("seen", "on"),
    MandateFact: ("kind", "order"),
    Agreement: ("agreed", "on"),
}
"""Elements of several columns: the answer, and what says more about that same answer."""


def completed(ours: Any, theirs: Any, before: Any) -> Any:
    """What the list says, with the parts it leaves out as the EHR has them: a column it does not have is not touched.

    Args:
        ours: what the list says now.
        theirs: what the EHR holds now.
        before: what the list said at the last run; a part it said then and leaves out now, it took out.
    """
    if type(ours) not in _ANSWERS or ours == before or type(theirs) is not type(ours):
        return ours
    answer, detail = _ANSWERS[type(ours)]
    differs = getattr(ours, answer) not in (None, getattr(theirs, answer))
    left_out = {
        part.name
        for part in fields(ours)
        if getattr(ours, part.name) in (None, "") and (before is None or getattr(before, part.name) in (None, ""))
    }
    return replace(ours, **{name: getattr(theirs, name) for name in left_out - ({detail} if differs else set())})


class State(Enum):
    """What becomes of an element."""

    SAME = "same"
    TAKEN = "taken"
    KEPT = "kept"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The merged value, and what became of it: KEPT means that the EHR's own change stands."""

    state: State
    value: Any


def merge(
    element: Element,
    *,
    known: bool,
    before: Any,
    ours: Any,
    acknowledged: Any,
    theirs: Any,
    elsewhere: tuple[Any, ...] = (),
) -> Outcome:
    """Merge one element.

    Args:
        element: which one.
        known: whether it was merged before; if not, ``before`` and ``acknowledged`` mean nothing.
        before: what the source said at the last run.
        ours: what it says now.
        acknowledged: what the EHR held after the last run.
        theirs: what it holds now.
        elsewhere: what other lists said that was agreed with the EHR: where the EHR no longer holds it, somebody took
            it out, and this list does not put it back by itself.
    """
    if element.many:
        return _merge_items(element, before if known else (), ours, theirs, elsewhere)
    if ours == theirs:
        return Outcome(state=State.SAME, value=theirs)
    if not known:
        if _is_empty(ours):
            return Outcome(state=State.KEPT, value=theirs)  # the list said nothing: it agreed to nothing
        free = _is_empty(theirs)
    elif ours == before:
        return Outcome(state=State.KEPT, value=theirs)
    else:
        free = theirs == acknowledged
    taken_out = _is_empty(theirs) and not all(map(_is_empty, elsewhere))
    return Outcome(state=State.TAKEN, value=ours) if free and not taken_out else _conflict(theirs)


def _conflict(theirs: Any) -> Outcome:
    return Outcome(state=State.CONFLICT, value=theirs)


def _merge_items(
    element: Element,
    before: tuple[Any, ...],
    ours: tuple[Any, ...],
    theirs: tuple[Any, ...],
    elsewhere: tuple[tuple[Any, ...], ...],
) -> Outcome:
    """What the source added is added, what it removed is removed; all else, and the order, is the EHR's."""
    key = element.key
    said, says, held = ({key(item) for item in items} for items in (before, ours, theirs))
    taken_out = {key(item) for items in elsewhere for item in items} - held
    kept = tuple(item for item in theirs if key(item) not in said - says)
    added = tuple(item for item in ours if key(item) not in said | held | taken_out)
    value = kept + added
    if value == theirs:
        return Outcome(state=State.SAME if says <= held else State.KEPT, value=theirs)
    return Outcome(state=State.TAKEN, value=value)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", ())
