"""The ecogram: a star with the child in the centre, drawn on the server from the same rows as the table.

Every person sits on a ray that runs straight from the child to that person's label in a column beside the rings. Rays
leave one point in different directions, so no line can cross another, and they end where the columns begin, so no line
can cross a label. When there are many people the rings stretch into ellipses until the dots stand apart. The same rows
give the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from fhir_plugin.model.terms import NetworkRing, TieQuality
from smart_app.presenters.typeset import text_width, wrapped

__all__ = [
    "COMPACT",
    "FRAMES",
    "MIDDLE",
    "WIDE",
    "Dot",
    "Ecogram",
    "Entry",
    "Frame",
    "Heading",
    "Label",
    "Point",
    "Tie",
    "draw",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Measures of one drawing, in CSS pixels at its natural size.

    Attributes:
        label: width of each label column.
        size: font size of names and of the child; ``small`` that of all other words. Both are at least 12.
        radii: horizontal half axes of the three rings, and of the place for people whose closeness nobody judged yet.
        dot: radius of a person's dot.
    """

    name: str
    width: float
    label: float
    size: float
    small: float
    radii: tuple[float, float, float, float]
    dot: float

    @property
    def centre(self) -> float:
        """Horizontal centre."""
        return self.width / 2

    @property
    def reach(self) -> float:
        """Horizontal distance from the child to where a label column begins."""
        return self.centre - self.label - _GAP


_GAP = 8.0
_MARGIN = 14.0
_LINE = 1.28
_BLOCK_PADDING = 9.0
_MIN_BLOCK = 36.0
_GROUP_GAP = 12.0
_MOST_SPREAD = 26.0
_CLEARANCE = 2.0
_STRETCH_STEP = 1.12
_MOST_STRETCH = 60.0

WIDE = Frame(name="wide", width=832, label=206, size=16, small=14, radii=(86, 134, 176, 192), dot=6.5)
MIDDLE = Frame(name="middle", width=608, label=168, size=14, small=13, radii=(54, 86, 112, 122), dot=5.5)
COMPACT = Frame(name="compact", width=448, label=132, size=13, small=12.5, radii=(40, 58, 74, 82), dot=4.5)
FRAMES = (WIDE, MIDDLE, COMPACT)
"""Drawn beside each other in the page; the style sheet shows the one that fits, so that text is never scaled down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One person, in table order: entries of one sector stand together.

    Attributes:
        key: what the link points at.
        functions: words for the support given; ``letters`` the short form for narrow columns.
        summary: what the drawing shows besides, in words, for people who hear it.
    """

    key: str
    name: str
    sector: str
    functions: str = ""
    letters: str = ""
    ring: NetworkRing | None = None
    quality: TieQuality | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the drawing."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle, by its left upper corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A person's words: lines of the name, then at most one line about the support."""

    key: str
    summary: str
    anchor: str
    x: float
    names: tuple[tuple[float, str], ...]
    support: tuple[float, str] | None
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The name of a life domain above its people."""

    text: str
    anchor: str
    x: float
    y: float
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """The line from the child to a person (``path``), and the hair line onward to the label."""

    quality: TieQuality | None
    path: str
    start: Point
    dot: Point
    end: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """Where a person stands; ``judged`` is False while nobody has said how close that is."""

    centre: Point
    radius: float
    judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecogram:
    """Everything a template needs to draw."""

    frame: Frame
    height: float
    centre: Point
    rings: tuple[tuple[float, float], ...]
    child: Box
    child_lines: tuple[tuple[float, str], ...]
    ties: tuple[Tie, ...]
    dots: tuple[Dot, ...]
    labels: tuple[Label, ...]
    headings: tuple[Heading, ...]


def draw(child: str, entries: Sequence[Entry], frame: Frame = WIDE) -> Ecogram:
    """Lay out the star for a child's first name and the people around it."""
    split = _split(entries, frame)
    columns = (_column(entries[:split], frame, "end"), _column(entries[split:], frame, "start"))
    disc = 2 * frame.radii[3]
    columns = (_spread(columns[0], disc), _spread(columns[1], disc))
    height = max(disc, *(column.height for column in columns)) + 2 * _MARGIN
    placed = [column.moved((height - column.height) / 2) for column in columns]
    labels = tuple(label for column in placed for label in column.labels)
    centre = Point(frame.centre, height / 2)
    ends = [_ray_end(label, frame) for label in labels]
    stretch = _stretch(centre, ends, entries, frame)
    dots = _dots(centre, ends, entries, frame, stretch)
    pill, lines = _child(child, centre, frame)
    return Ecogram(
        frame=frame,
        height=_rounded(height),
        centre=centre,
        rings=tuple((radius, _rounded(radius * stretch)) for radius in frame.radii[:3]),
        child=pill,
        child_lines=lines,
        ties=tuple(
            Tie(quality=entry.quality, path=_path(entry.quality, centre, dot.centre, pill), start=centre,
                dot=dot.centre, end=end)
            for entry, dot, end in zip(entries, dots, ends, strict=True)
        ),
        dots=dots,
        labels=labels,
        headings=tuple(heading for column in placed for heading in column.headings),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    labels: tuple[Label, ...]
    headings: tuple[Heading, ...]
    height: float

    def moved(self, by: float) -> _Column:
        return _Column(
            labels=tuple(_label_moved(label, by) for label in self.labels),
            headings=tuple(_heading_moved(heading, by) for heading in self.headings),
            height=self.height,
        )


def _column(entries: Sequence[Entry], frame: Frame, anchor: str) -> _Column:
    x = frame.label if anchor == "end" else frame.width - frame.label
    left = 0.0 if anchor == "end" else x
    labels: list[Label] = []
    headings: list[Heading] = []
    y = 0.0
    sector = None
    for entry in entries:
        if entry.sector != sector:
            y += _GROUP_GAP if labels else 0.0
            height = frame.small * _LINE + 4
            text = wrapped(entry.sector, frame.small, frame.label, 1)[0] if entry.sector.strip() else ""
            headings.append(
                Heading(text=text, anchor=anchor, x=x, y=y + frame.small,
                        box=Box(x=left, y=y, width=frame.label, height=height))
            )  # fmt: skip
            y += height
            sector = entry.sector
        label = _label(entry, frame, anchor, x, left, y)
        labels.append(label)
        y += label.box.height
    return _Column(labels=tuple(labels), headings=tuple(headings), height=y)


def _label(entry: Entry, frame: Frame, anchor: str, x: float, left: float, top: float) -> Label:
    names = wrapped(entry.name, frame.size, frame.label, 2)
    support = entry.functions if text_width(entry.functions, frame.small) <= frame.label else entry.letters
    tall = len(names) * frame.size * _LINE + (frame.small * _LINE if support else 0.0)
    height = max(_MIN_BLOCK, tall + _BLOCK_PADDING)
    y = top + (height - tall) / 2 + frame.size * 0.98
    rows = tuple((_rounded(y + index * frame.size * _LINE), name) for index, name in enumerate(names))
    support_y = _rounded(y + (len(names) - 1) * frame.size * _LINE + frame.small * _LINE)
    return Label(
        key=entry.key,
        summary=_spoken(entry, names, support),
        anchor=anchor,
        x=x,
        names=rows,
        support=(support_y, support) if support else None,
        box=Box(x=left, y=top, width=frame.label, height=height),
    )


def _spoken(entry: Entry, names: Sequence[str], support: str) -> str:
    """What is heard begins with what is seen (WCAG 2.5.3), then says the rest."""
    seen = " ".join([*names, support]).strip()
    whole = "" if "…" not in seen else entry.name
    return ", ".join(part for part in (seen, whole, entry.summary) if part)


def _split(entries: Sequence[Entry], frame: Frame) -> int:
    """How many people stand left: columns of like height, and a life domain on one side where that costs little."""
    heights = [_label(entry, frame, "end", 0, 0, 0).box.height for entry in entries]

    def cost(place: int) -> float:
        inside = 0 < place < len(entries) and entries[place - 1].sector == entries[place].sector
        return max(sum(heights[:place]), sum(heights[place:])) + (60.0 if inside else 0.0)

    return min(range(len(entries) + 1), key=lambda place: (cost(place), place))


def _spread(column: _Column, room: float) -> _Column:
    """Give a short column air, so that the rays fan out over the rings."""
    count = len(column.labels)
    if count < 2:
        return column
    extra = max(0.0, min(_MOST_SPREAD, (0.86 * room - column.height) / (count - 1)))
    tops = [label.box.y for label in column.labels]

    def before(y: float) -> float:
        return extra * max(0, sum(top <= y for top in tops) - 1)

    def above(heading: Heading) -> float:
        return extra * sum(top < heading.box.y for top in tops)

    return _Column(
        labels=tuple(_label_moved(label, before(label.box.y)) for label in column.labels),
        headings=tuple(_heading_moved(heading, above(heading)) for heading in column.headings),
        height=column.height + extra * (count - 1),
    )


def _label_moved(label: Label, by: float) -> Label:
    return replace(
        label,
        names=tuple((_rounded(y + by), text) for y, text in label.names),
        support=(_rounded(label.support[0] + by), label.support[1]) if label.support else None,
        box=replace(label.box, y=_rounded(label.box.y + by)),
    )


def _heading_moved(heading: Heading, by: float) -> Heading:
    return replace(heading, y=_rounded(heading.y + by), box=replace(heading.box, y=_rounded(heading.box.y + by)))


def _ray_end(label: Label, frame: Frame) -> Point:
    x = frame.label + _GAP if label.anchor == "end" else frame.width - frame.label - _GAP
    return Point(x, _rounded(label.box.y + label.box.height / 2))


def _stretch(centre: Point, ends: Sequence[Point], entries: Sequence[Entry], frame: Frame) -> float:
    """The least stretch at which no two dots touch."""
    stretch = 1.0
    while stretch < _MOST_STRETCH and _too_near(_dots(centre, ends, entries, frame, stretch)):
        stretch *= _STRETCH_STEP
    return stretch


def _too_near(dots: Sequence[Dot]) -> bool:
    return any(
        math.dist((one.centre.x, one.centre.y), (other.centre.x, other.centre.y))
        < one.radius + other.radius + _CLEARANCE
        for one, other in combinations(dots, 2)
    )


def _dots(
    centre: Point, ends: Sequence[Point], entries: Sequence[Entry], frame: Frame, stretch: float
) -> tuple[Dot, ...]:
    return tuple(
        Dot(
            centre=_on_ellipse(centre, end, frame.radii[int(entry.ring) - 1 if entry.ring else 3], stretch),
            radius=frame.dot,
            judged=entry.ring is not None,
        )
        for entry, end in zip(entries, ends, strict=True)
    )


def _on_ellipse(centre: Point, end: Point, radius: float, stretch: float) -> Point:
    dx, dy = end.x - centre.x, end.y - centre.y
    share = 1 / math.hypot(dx / radius, dy / (radius * stretch))
    return Point(_rounded(centre.x + share * dx), _rounded(centre.y + share * dy))


def _child(name: str, centre: Point, frame: Frame) -> tuple[Box, tuple[tuple[float, str], ...]]:
    """The child's own place: the first name inside the nearest ring."""
    most = 2 * (frame.radii[0] - frame.dot - 6)
    lines = wrapped(name, frame.size, most - 12, 2) or ("",)
    width = max(44.0, min(most, max(text_width(line, frame.size) for line in lines) + 16))
    height = len(lines) * frame.size * _LINE + 14
    top = centre.y - height / 2
    first = top + 7 + frame.size
    rows = tuple((_rounded(first + index * frame.size * _LINE), line) for index, line in enumerate(lines))
    return Box(x=_rounded(centre.x - width / 2), y=_rounded(top), width=_rounded(width), height=_rounded(height)), rows


def _path(quality: TieQuality | None, centre: Point, dot: Point, pill: Box) -> str:
    """The line from the edge of the child's place to the dot, in the shape of its quality."""
    length = math.dist((centre.x, centre.y), (dot.x, dot.y)) or 1.0
    ux, uy = (dot.x - centre.x) / length, (dot.y - centre.y) / length
    inside = min(
        pill.width / 2 / abs(ux) if ux else math.inf,
        pill.height / 2 / abs(uy) if uy else math.inf,
    )
    start = min(inside, length * 0.8)

    def at(along: float, aside: float = 0.0) -> str:
        return f"{_rounded(centre.x + ux * along - uy * aside):g} {_rounded(centre.y + uy * along + ux * aside):g}"

    match quality:
        case TieQuality.CLOSE:
            return f"M{at(start, 2.4)}L{at(length, 2.4)}M{at(start, -2.4)}L{at(length, -2.4)}"
        case TieQuality.TENSE:
            teeth = max(2, round((length - start) / 5))
            step = (length - start) / teeth
            turns = "".join(f"L{at(start + step * (i + 0.5), 4.5 if i % 2 else -4.5)}" for i in range(teeth))
            return f"M{at(start)}{turns}L{at(length)}"
        case _:
            return f"M{at(start)}L{at(length)}"


def _rounded(value: float) -> float:
    return round(value, 1)
