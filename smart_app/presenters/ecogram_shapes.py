"""The measures and the parts of an ecogram, as values."""

from __future__ import annotations

from dataclasses import dataclass

from fhir_plugin.model.terms import NetworkRing, TieQuality

__all__ = [
    "COMPACT",
    "FRAMES",
    "GAP",
    "MIDDLE",
    "WIDE",
    "Box",
    "Dot",
    "Ecogram",
    "Entry",
    "Frame",
    "Heading",
    "Label",
    "Point",
    "Tie",
    "rounded",
]

GAP = 8.0
"""Between the end of a ray and the words it leads to."""


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
    """A person's words: lines of the name, then at most one line about the support.

    Attributes:
        short: the support stands in letters, for which a legend is needed.
    """

    key: str
    summary: str
    anchor: str
    x: float
    names: tuple[tuple[float, str], ...]
    support: tuple[float, str] | None
    box: Box
    short: bool = False


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

    @property
    def has_letters(self) -> bool:
        """Whether the support of anybody stands in letters."""
        return any(label.short for label in self.labels)


def rounded(value: float) -> float:
    """A coordinate with one decimal: a tenth of a pixel is finer than anyone sees, and keeps the page small."""
    return round(value, 1)
