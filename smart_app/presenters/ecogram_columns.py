"""The words of an ecogram: a column on each side, people grouped by life domain, no word on top of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smart_app.presenters.ecogram_shapes import Box, Entry, Frame, Heading, Label, rounded
from smart_app.presenters.typeset import text_width, wrapped

__all__ = ["LINE", "Column", "column_of", "split", "spread"]

LINE = 1.28
"""Height of a line of text, in font sizes."""
_BLOCK_PADDING = 9.0
_MIN_BLOCK = 36.0
_GROUP_GAP = 12.0
_MOST_SPREAD = 26.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The words on one side, from the top down."""

    labels: tuple[Label, ...]
    headings: tuple[Heading, ...]
    height: float

    def moved(self, by: float) -> Column:
        """The same column, lower."""
        return Column(
            labels=tuple(_label_moved(label, by) for label in self.labels),
            headings=tuple(_heading_moved(heading, by) for heading in self.headings),
            height=self.height,
        )


def column_of(entries: Sequence[Entry], frame: Frame, anchor: str) -> Column:
    """Stack people under the names of their life domains; ``anchor`` is ``end`` for the left side."""
    x = frame.label if anchor == "end" else frame.width - frame.label
    left = 0.0 if anchor == "end" else x
    labels: list[Label] = []
    headings: list[Heading] = []
    y = 0.0
    sector = None
    for entry in entries:
        if entry.sector != sector:
            y += _GROUP_GAP if labels else 0.0
            height = frame.small * LINE + 4
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
    return Column(labels=tuple(labels), headings=tuple(headings), height=y)


def _label(entry: Entry, frame: Frame, anchor: str, x: float, left: float, top: float) -> Label:
    names = wrapped(entry.name, frame.size, frame.label, 2)
    fits = text_width(entry.functions, frame.small) <= frame.label
    support = entry.functions if fits else entry.letters
    tall = len(names) * frame.size * LINE + (frame.small * LINE if support else 0.0)
    height = max(_MIN_BLOCK, tall + _BLOCK_PADDING)
    y = top + (height - tall) / 2 + frame.size * 0.98
    rows = tuple((rounded(y + index * frame.size * LINE), name) for index, name in enumerate(names))
    support_y = rounded(y + (len(names) - 1) * frame.size * LINE + frame.small * LINE)
    return Label(
        key=entry.key,
        summary=_spoken(entry, names, support),
        anchor=anchor,
        x=x,
        names=rows,
        support=(support_y, support) if support else None,
        box=Box(x=left, y=top, width=frame.label, height=height),
        short=not fits and bool(support),
    )


def _spoken(entry: Entry, names: Sequence[str], support: str) -> str:
    """What is heard begins with what is seen (WCAG 2.5.3), then says the rest."""
    seen = " ".join([*names, support]).strip()
    whole = "" if "…" not in seen else entry.name
    return ", ".join(part for part in (seen, whole, entry.summary) if part)


def split(entries: Sequence[Entry], frame: Frame) -> int:
    """How many people stand left: columns of like height, and a life domain on one side where that costs little."""
    heights = [_label(entry, frame, "end", 0, 0, 0).box.height for entry in entries]

    def cost(place: int) -> float:
        inside = 0 < place < len(entries) and entries[place - 1].sector == entries[place].sector
        return max(sum(heights[:place]), sum(heights[place:])) + (60.0 if inside else 0.0)

    return min(range(len(entries) + 1), key=lambda place: (cost(place), place))


def spread(column: Column, room: float) -> Column:
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

    return Column(
        labels=tuple(_label_moved(label, before(label.box.y)) for label in column.labels),
        headings=tuple(_heading_moved(heading, above(heading)) for heading in column.headings),
        height=column.height + extra * (count - 1),
    )


def _label_moved(label: Label, by: float) -> Label:
    return replace(
        label,
        names=tuple((rounded(y + by), text) for y, text in label.names),
        support=(rounded(label.support[0] + by), label.support[1]) if label.support else None,
        box=replace(label.box, y=rounded(label.box.y + by)),
    )


def _heading_moved(heading: Heading, by: float) -> Heading:
    return replace(heading, y=rounded(heading.y + by), box=replace(heading.box, y=rounded(heading.box.y + by)))
