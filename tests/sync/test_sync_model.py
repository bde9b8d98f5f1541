"""The merge as a model: professionals, the source and sync runs in any order; no human edit is ever lost.

The pure heart (``decide_client``) is driven without an EHR, so that many interleavings run in seconds. The nightly
marker runs the same over a hundred thousand.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fhir_plugin.consent import NL_JEUGDWET, load_policy
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import PersonName, Telecom
from fhir_plugin.model.network import Child, SupportNetwork
from fhir_plugin.model.terms import LifeDomain
from fhir_plugin.sync.decisions import Context, decide_client
from fhir_plugin.sync.elements import ELEMENTS
from fhir_plugin.sync.linking import Remembered
from fhir_plugin.sync.wanted import ClientKey, Place, Wanted

CONTEXT = Context(source="jim", policy=load_policy(NL_JEUGDWET), at=datetime(2026, 11, 23, 9, tzinfo=UTC))
PROVIDED = frozenset({"name", "birth_date", "gender", "own_label", "telecoms", "life_domains"})
VALUES = {
    "birth_date": [None, *(PartialDate(year) for year in (1980, 1981, 1982))],
    "gender": ["", "female", "male", "other"],
    "own_label": ["", "tante", "coach", "oma"],
    "name.own_name": ["Amrani", "Bakker", "Smit"],
}
LISTS = {
    "telecoms": [Telecom(system="phone", value=f"+3161234560{digit}") for digit in range(4)],
    "life_domains": list(LifeDomain)[:4],
}
BY_PATH = {element.path: element for element in ELEMENTS}


@dataclass
class World:
    """One child's record, one figure in a source, and what is expected to stand in the record."""

    source: SupportFigure = field(
        default_factory=lambda: SupportFigure(name=PersonName(given=("Samira",), own_name="Amrani"))
    )
    network: SupportNetwork = field(default_factory=lambda: SupportNetwork(child=Child(id="p1")))
    memory: dict[str, Remembered] = field(default_factory=dict)
    human: dict[str, object] = field(default_factory=dict)
    removed: dict[str, set[object]] = field(default_factory=lambda: {path: set() for path in LISTS})
    added: dict[str, set[object]] = field(default_factory=lambda: {path: set() for path in LISTS})
    runs: int = 0

    @property
    def figure(self) -> SupportFigure | None:
        return self.network.figures[0] if self.network.figures else None

    def source_says(self, path: str, value: object) -> None:
        element = BY_PATH[path]
        if path in LISTS:
            held = element.get(self.source)
            gone = value in held
            value_ = tuple(item for item in held if item != value) if gone else (*held, value)
            self.source = element.put(self.source, value_)
            (self.added if gone else self.removed)[path].discard(value)
        else:
            self.source = element.put(self.source, value)

    def human_says(self, path: str, value: object) -> None:
        if self.figure is None:
            return
        element, figure = BY_PATH[path], self.figure
        held = element.get(figure)
        if path in LISTS:
            gone = value in held
            new: object = tuple(item for item in held if item != value) if gone else (*held, value)
            (self.removed if gone else self.added)[path].add(value)
            (self.added if gone else self.removed)[path].discard(value)
        elif held == value:
            return
        else:
            new = value
            self.human[path] = value
            agreed = next(iter(self.memory.values()), None)
            if agreed is not None and element.get(agreed.held) == value:
                del self.human[path]  # back to what was agreed: there is no edit any more
        self.network = replace(self.network, figures=(element.put(figure, new),))

    def sync(self) -> bool:
        """One run; whether anything was written."""
        row = Wanted(
            place=Place(file="l.csv", line=2),
            client=ClientKey(system="", value="p1"),
            key="F1",
            figure=self.source,
            provided=PROVIDED,
        )
        decided = decide_client(self.network, [row], self.memory, CONTEXT, {})
        written = tuple(
            replace(figure, id="r1") if figure.id.startswith("urn:") else figure for figure in decided.after.figures
        )
        self.network = replace(decided.after, figures=written)
        for item in decided.remember:
            self.memory[item.identity] = item.refreshed(written[0])
        said = {path for path, value in self.human.items() if BY_PATH[path].get(self.source) == value}
        self.human = {path: value for path, value in self.human.items() if path not in said}  # both agree now
        self.runs += 1
        return decided.plan.writes

    def check(self) -> None:
        """Every human edit stands, and nobody was doubled."""
        assert len(self.network.figures) <= 1
        if self.figure is None:
            return
        for path, value in self.human.items():
            assert BY_PATH[path].get(self.figure) == value, path
        for path in LISTS:
            held = set(BY_PATH[path].get(self.figure))
            assert self.added[path] <= held, path
            assert not self.removed[path] & held, path

    def converges(self) -> None:
        """A second run writes nothing."""
        self.sync()
        self.check()
        assert not self.sync()


def random_step(rng: random.Random, world: World) -> None:
    actor = rng.choice((world.source_says, world.human_says, None))
    if actor is None:
        world.sync()
        return
    path = rng.choice([*VALUES, *LISTS])
    if path == "name.own_name" and actor == world.source_says and not world.runs:
        return  # without a first run there is nobody to recognise yet
    actor(path, rng.choice(VALUES.get(path) or LISTS[path]))


def interleavings(count: int, seed: int) -> None:
    for number in range(count):
        rng, world = random.Random(seed * 1_000_003 + number), World()
        for _ in range(rng.randrange(4, 14)):
            random_step(rng, world)
            world.check()
        world.converges()


def test_no_human_edit_is_lost_in_any_of_two_thousand_interleavings() -> None:
    interleavings(2000, seed=1)


@pytest.mark.nightly
def test_no_human_edit_is_lost_in_any_of_a_hundred_thousand_interleavings() -> None:
    interleavings(100_000, seed=2)


class Merging(RuleBasedStateMachine):
    """The same by hypothesis, which shrinks what it finds."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.world.sync()

    @rule(path=st.sampled_from(sorted([*VALUES, *LISTS])), pick=st.integers(0, 3))
    def source_changes(self, path: str, pick: int) -> None:
        values = VALUES.get(path) or LISTS[path]
        self.world.source_says(path, values[pick % len(values)])

    @rule(path=st.sampled_from(sorted([*VALUES, *LISTS])), pick=st.integers(0, 3))
    def professional_edits(self, path: str, pick: int) -> None:
        values = VALUES.get(path) or LISTS[path]
        self.world.human_says(path, values[pick % len(values)])

    @rule()
    def sync_runs(self) -> None:
        self.world.sync()

    @rule()
    def sync_runs_twice(self) -> None:
        self.world.converges()

    @invariant()
    def every_human_edit_stands(self) -> None:
        self.world.check()


Merging.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestMerging = Merging.TestCase
