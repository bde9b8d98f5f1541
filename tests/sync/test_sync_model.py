"""The merge as a model: professionals, the source and sync runs in any order; no human edit is ever lost.

The pure heart (``decide_client``) is driven without an EHR, so that many interleavings run in seconds. The nightly
marker runs the same over a hundred thousand.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
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
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.deciding.decisions import Decided, decide_client
from fhir_plugin.sync.deciding.elements import ELEMENTS
from fhir_plugin.sync.matching.linking import Others, Remembered
from fhir_plugin.sync.sources.naming import ClientKey
from fhir_plugin.sync.sources.wanted import Place, Wanted

CONTEXT = Context(source="jim", policy=load_policy(NL_JEUGDWET), at=datetime(2026, 11, 23, 9, tzinfo=UTC))
PROVIDED = frozenset({"name", "birth_date", "gender", "own_label", "telecoms", "life_domains"})
VALUES = {
    "birth_date": [None, *(PartialDate(year) for year in (1980, 1981, 1982))],
    "gender": ["", "female", "male", "other"],
    "own_label": ["", "tante", "coach", "oma"],
    "name.own_name": ["Amrani", "Bakker", "Smit"],
}
SURE = Telecom(system="email", value="samira@mail.example")
"""What both lists and the record always know, so that one person is recognised as one."""
LISTS = {
    "telecoms": [Telecom(system="phone", value=f"+3161234560{digit}") for digit in range(4)],
    "life_domains": list(LifeDomain)[:4],
}
BY_PATH = {element.path: element for element in ELEMENTS}


@dataclass
class Source:
    """A list of one figure, what was agreed with it, and a run that has read and decided but not yet written."""

    name: str
    says: SupportFigure = field(
        default_factory=lambda: SupportFigure(name=PersonName(given=("Samira",), own_name="Amrani"), telecoms=(SURE,))
    )
    memory: dict[str, Remembered] = field(default_factory=dict)
    read: tuple[int, Decided] | None = None

    def decide(self, network: SupportNetwork, others: Others) -> Decided:
        row = Wanted(
            place=Place(file="l.csv", line=2),
            client=ClientKey(system="", value="p1"),
            key="F1",
            figure=self.says,
            provided=PROVIDED,
        )
        return decide_client(network, [row], self.memory, replace(CONTEXT, source=self.name), {}, others)


@dataclass
class World:
    """One child's record, one person in two lists, and what professionals left in the record."""

    sources: dict[str, Source] = field(default_factory=lambda: {name: Source(name=name) for name in ("jim", "ract")})
    network: SupportNetwork = field(default_factory=lambda: SupportNetwork(child=Child(id="p1")))
    version: int = 0
    human: dict[str, object] = field(default_factory=dict)
    removed: dict[str, set[object]] = field(default_factory=lambda: {path: set() for path in LISTS})
    added: dict[str, set[object]] = field(default_factory=lambda: {path: set() for path in LISTS})
    refused: int = 0

    @property
    def figure(self) -> SupportFigure | None:
        return self.network.figures[0] if self.network.figures else None

    def source_says(self, path: str, value: object, name: str = "jim") -> None:
        element, source = BY_PATH[path], self.sources[name]
        if path in LISTS:
            held = element.get(source.says)
            gone = value in held
            value_ = tuple(item for item in held if item != value) if gone else (*held, value)
            source.says = element.put(source.says, value_)
            (self.added if gone else self.removed)[path].discard(value)
        else:
            source.says = element.put(source.says, value)

    def human_says(self, path: str, value: object) -> None:
        if self.figure is None:
            return
        element, figure = BY_PATH[path], self.figure
        held = element.get(figure)
        if path in LISTS:
            gone = value in held
            new: object = tuple(item for item in held if item != value) if gone else (*held, value)
            brought = any(value in element.get(item.said) for item in self._agreed())
            if brought or not gone:  # what came and went between two readings was never there for a run
                (self.removed if gone else self.added)[path].add(value)
            (self.added if gone else self.removed)[path].discard(value)
        elif held == value:
            return
        else:
            new = value
            self.human[path] = value
            if any(element.get(item.held) == value for item in self._agreed()):
                del self.human[path]  # back to what was agreed with a list: there is no edit any more
        self._commit(replace(self.network, figures=(element.put(figure, new),)))

    def read(self, name: str) -> None:
        """A run reads the record and decides; others may come between this and its write."""
        source = self.sources[name]
        others: dict[str, tuple[Remembered, ...]] = {}
        for item in (item for other in self.sources.values() if other is not source for item in other.memory.values()):
            others[item.target] = (*others.get(item.target, ()), item)
        source.read = (self.version, source.decide(self.network, others))

    def write(self, name: str) -> bool:
        """The run writes what it decided, if the record is still as it was read (If-Match); else nothing at all."""
        source = self.sources[name]
        if source.read is None:
            return False
        (version, decided), source.read = source.read, None
        if decided.plan.writes and version != self.version:
            self.refused += 1
            return False
        if version != self.version:
            return False
        written = tuple(
            replace(figure, id="r1") if figure.id.startswith("urn:") else figure for figure in decided.after.figures
        )
        if decided.plan.writes:
            self._commit(replace(decided.after, figures=written))
        for item in decided.remember:
            source.memory[item.identity] = item.refreshed(written[0])
        agreed = {path for path, value in self.human.items() if BY_PATH[path].get(source.says) == value}
        self.human = {path: value for path, value in self.human.items() if path not in agreed}  # a list says so too
        return decided.plan.writes

    def sync(self, name: str = "jim") -> bool:
        """One run from reading to writing; whether anything was written."""
        self.read(name)
        return self.write(name)

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
        """The lists do not take turns: after a few rounds (one may give way to another) nobody writes any more."""
        for _ in range(4):
            wrote = [self.sync(name) for name in self.sources]
            self.check()
            if not any(wrote):
                return
        raise AssertionError("the lists keep writing")

    def _commit(self, network: SupportNetwork) -> None:
        self.network = network
        self.version += 1

    def _agreed(self) -> Iterator[Remembered]:
        return (item for source in self.sources.values() for item in source.memory.values())


def random_step(rng: random.Random, world: World) -> None:
    name = rng.choice([*world.sources])
    actor = rng.choice(("source", "source", "human", "human", "sync", "read", "write"))
    path = rng.choice([*VALUES, *LISTS])
    value = rng.choice(VALUES.get(path) or LISTS[path])
    if actor in ("sync", "read", "write"):
        {"sync": world.sync, "read": world.read, "write": world.write}[actor](name)
    elif actor == "human":
        world.human_says(path, value)
    elif path != "name.own_name" or world.sources[name].memory:  # nobody could recognise another name the first time
        world.source_says(path, value, name)


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

    names = st.sampled_from(["jim", "ract"])

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.world.sync()

    @rule(name=names, path=st.sampled_from(sorted([*VALUES, *LISTS])), pick=st.integers(0, 3))
    def source_changes(self, name: str, path: str, pick: int) -> None:
        values = VALUES.get(path) or LISTS[path]
        if path != "name.own_name" or self.world.sources[name].memory:
            self.world.source_says(path, values[pick % len(values)], name)

    @rule(path=st.sampled_from(sorted([*VALUES, *LISTS])), pick=st.integers(0, 3))
    def professional_edits(self, path: str, pick: int) -> None:
        values = VALUES.get(path) or LISTS[path]
        self.world.human_says(path, values[pick % len(values)])

    @rule(name=names)
    def a_run_reads(self, name: str) -> None:
        self.world.read(name)

    @rule(name=names)
    def a_run_writes(self, name: str) -> None:
        self.world.write(name)

    @rule()
    def everything_comes_to_rest(self) -> None:
        self.world.converges()

    @invariant()
    def every_human_edit_stands(self) -> None:
        self.world.check()


Merging.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestMerging = Merging.TestCase
