"""The ecogram keeps words readable and lines honest, for up to forty people with long names."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.model.terms import NetworkRing, TieQuality
from smart_app.presenters.ecogram import draw
from smart_app.presenters.ecogram_shapes import FRAMES, Box, Ecogram, Entry, Frame, Point
from smart_app.presenters.typeset import text_width, wrapped

_NAMES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12),
    st.lists(st.sampled_from(["Sam", "van", "der", "Wittgenstein-Oosterhuis", "Jan", "'t", "Ørsted"]), min_size=1,
             max_size=7).map(" ".join),
)  # fmt: skip
_ENTRIES = st.lists(
    st.builds(
        Entry,
        key=st.uuids().map(str),
        name=_NAMES,
        sector=st.sampled_from(["Familie", "School", "Vrije tijd en sport", "Buurt", "Elders"]),
        functions=st.sampled_from(["", "Praktisch", "Praktisch, gezelschap, emotioneel en advies"]),
        letters=st.just("P G A E"),
        ring=st.one_of(st.none(), st.sampled_from(NetworkRing)),
        quality=st.one_of(st.none(), st.sampled_from(TieQuality)),
    ),
    max_size=40,
).map(lambda entries: sorted(entries, key=lambda entry: entry.sector))
_FRAMES = pytest.mark.parametrize("frame", FRAMES, ids=[frame.name for frame in FRAMES])


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height - 0.2
        and other.y < one.y + one.height - 0.2
    )


def _enters(start: Point, end: Point, box: Box) -> bool:
    """Whether a segment passes through a box (Liang–Barsky)."""
    low, high = 0.0, 1.0
    dx, dy = end.x - start.x, end.y - start.y
    for step, gap in (
        (-dx, start.x - box.x),
        (dx, box.x + box.width - start.x),
        (-dy, start.y - box.y),
        (dy, box.y + box.height - start.y),
    ):
        if step == 0:
            if gap < 0:
                return False
            continue
        share = gap / step
        low, high = (max(low, share), high) if step < 0 else (low, min(high, share))
    return low <= high


def _boxes(picture: Ecogram) -> list[Box]:
    return [label.box for label in picture.labels] + [heading.box for heading in picture.headings]


@_FRAMES
@settings(max_examples=25, deadline=None)
@given(entries=_ENTRIES)
def test_no_line_crosses_a_label_and_no_label_covers_another(frame: Frame, entries: list[Entry]) -> None:
    picture = draw("Noor", entries, frame)
    boxes = _boxes(picture)
    assert not any(_overlap(one, other) for one, other in combinations(boxes, 2))
    assert not any(_enters(tie.start, tie.end, box) for tie in picture.ties for box in boxes)


@_FRAMES
@settings(max_examples=25, deadline=None)
@given(entries=_ENTRIES)
def test_every_person_has_a_dot_of_its_own_on_the_ring_of_their_closeness(frame: Frame, entries: list[Entry]) -> None:
    picture = draw("Noor", entries, frame)
    for one, other in combinations(picture.dots, 2):
        assert math.dist((one.centre.x, one.centre.y), (other.centre.x, other.centre.y)) >= one.radius + other.radius
    for entry, dot in zip(entries, picture.dots, strict=True):
        if entry.ring is not None:
            rx, ry = picture.rings[int(entry.ring) - 1]
            place = math.hypot((dot.centre.x - picture.centre.x) / rx, (dot.centre.y - picture.centre.y) / ry)
            assert place == pytest.approx(1, abs=0.02)


@_FRAMES
@settings(max_examples=25, deadline=None)
@given(entries=_ENTRIES, child=_NAMES)
def test_all_words_fit_their_place_and_are_at_least_twelve_pixels(
    frame: Frame, entries: list[Entry], child: str
) -> None:
    picture = draw(child, entries, frame)
    assert min(frame.size, frame.small) >= 12
    for label in picture.labels:
        assert all(text_width(name, frame.size) <= frame.label + 0.1 for _, name in label.names)
        assert label.support is None or text_width(label.support[1], frame.small) <= frame.label + 0.1
        assert label.box.height >= 24, "a link is large enough to hit"
        assert label.box.y >= 0
        assert label.box.y + label.box.height <= picture.height
    assert all(text_width(line, frame.size) <= picture.child.width for _, line in picture.child_lines)
    assert picture.child.width / 2 + frame.dot < frame.radii[0], "the child's name stays within the nearest ring"


@settings(max_examples=10, deadline=None)
@given(entries=_ENTRIES)
def test_links_come_in_table_order_and_the_same_data_gives_the_same_picture(entries: list[Entry]) -> None:
    picture = draw("Noor", entries)
    assert [label.key for label in picture.labels] == [entry.key for entry in entries]
    assert picture == draw("Noor", list(entries))


def test_each_quality_has_a_line_of_its_own_shape() -> None:
    entries = [Entry(key=quality, name=quality, sector="Familie", quality=quality) for quality in TieQuality]
    close, ordinary, distant, tense = (tie.path for tie in draw("Noor", entries).ties)
    assert close.count("M") == 2, "a double line"
    assert ordinary.count("L") == distant.count("L") == 1
    assert tense.count("L") > 4, "a zigzag"


@given(text=st.text(max_size=80), width=st.floats(min_value=60, max_value=300), lines=st.integers(1, 3))
def test_wrapped_text_keeps_to_its_width_and_loses_nothing_unless_it_says_so(
    text: str, width: float, lines: int
) -> None:
    rows = wrapped(text, 13, width, lines)
    assert len(rows) <= lines
    assert all(text_width(row, 13) <= width for row in rows)
    whole = "".join(text.split())
    assert "".join("".join(rows).split()) == whole or rows[-1].endswith("…")


@_FRAMES
@pytest.mark.parametrize("functions", ["", "Praktisch", "Praktisch, gezelschap, emotioneel en advies"])
def test_letters_need_their_legend_exactly_where_they_are_drawn(frame: Frame, functions: str) -> None:
    letters = "P · G · E · A" if functions else ""
    picture = draw("Noor", [Entry(key="1", name="Sam", sector="Familie", functions=functions, letters=letters)], frame)
    drawn = [label.support[1] for label in picture.labels if label.support]
    assert picture.has_letters is (letters in drawn and bool(letters))
