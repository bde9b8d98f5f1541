"""The ecogram: a star with the child in the centre, drawn on the server from the same rows as the table.

Every person sits on a ray that runs straight from the child to that person's label in a column beside the rings. Rays
leave one point in different directions, so no line can cross another, and they end where the columns begin, so no line
can cross a label. When there are many people the rings stretch into ellipses until the dots stand apart. The same rows
give the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from fhir_plugin.model.terms import TieQuality
from smart_app.presenters.ecogram_columns import LINE, column_of, split, spread
from smart_app.presenters.ecogram_shapes import GAP, WIDE, Box, Dot, Ecogram, Entry, Frame, Label, Point, Tie, rounded
from smart_app.presenters.typeset import text_width, wrapped

__all__ = ["draw"]

_MARGIN = 14.0
_CLEARANCE = 2.0
_STRETCH_STEP = 1.12
_MOST_STRETCH = 60.0


def draw(child: str, entries: Sequence[Entry], frame: Frame = WIDE) -> Ecogram:
    """Lay out the star for a child's first name and the people around it."""
    place = split(entries, frame)
    columns = (column_of(entries[:place], frame, "end"), column_of(entries[place:], frame, "start"))
    disc = 2 * frame.radii[3]
    columns = (spread(columns[0], disc), spread(columns[1], disc))
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
        height=rounded(height),
        centre=centre,
        rings=tuple((radius, rounded(radius * stretch)) for radius in frame.radii[:3]),
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


def _ray_end(label: Label, frame: Frame) -> Point:
    x = frame.label + GAP if label.anchor == "end" else frame.width - frame.label - GAP
    return Point(x, rounded(label.box.y + label.box.height / 2))


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
    return Point(rounded(centre.x + share * dx), rounded(centre.y + share * dy))


def _child(name: str, centre: Point, frame: Frame) -> tuple[Box, tuple[tuple[float, str], ...]]:
    """The child's own place: the first name inside the nearest ring."""
    most = 2 * (frame.radii[0] - frame.dot - 6)
    lines = wrapped(name, frame.size, most - 12, 2) or ("",)
    width = max(44.0, min(most, max(text_width(line, frame.size) for line in lines) + 16))
    height = len(lines) * frame.size * LINE + 14
    top = centre.y - height / 2
    first = top + 7 + frame.size
    rows = tuple((rounded(first + index * frame.size * LINE), line) for index, line in enumerate(lines))
    return Box(x=rounded(centre.x - width / 2), y=rounded(top), width=rounded(width), height=rounded(height)), rows


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
        return f"{rounded(centre.x + ux * along - uy * aside):g} {rounded(centre.y + uy * along + ux * aside):g}"

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
