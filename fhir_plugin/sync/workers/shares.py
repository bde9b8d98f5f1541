"""One share of a run: what a process needs to take part in applying a plan, on this machine or on another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fhir_plugin.consent import NL_JEUGDWET, load_policy
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying.applier import GROUP, Applier
from fhir_plugin.sync.applying.writing import Writer
from fhir_plugin.sync.deciding.decisions import Context
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.plans.planfile import client_of
from fhir_plugin.sync.records.reaching import Reached, reach

__all__ = ["Did", "Share", "applier_for", "in_pieces"]

Item = TypeVar("Item")
Lines = Sequence[bytes]
"""Clients as they stand in a plan, a line each."""


@dataclass(slots=True, kw_only=True)
class Did:
    """What became of some clients.

    Attributes:
        unprotected: updates written although the EHR looks at no versions.
        untrue: checks of the probe the EHR fails although it says it does this.
    """

    steps: list[Step] = field(default_factory=list)
    unprotected: int = 0
    untrue: frozenset[str] = frozenset()

    def add(self, other: Did) -> None:
        """Take in what became of others."""
        self.steps += other.steps
        self.unprotected += other.unprotected
        self.untrue |= other.untrue


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How one process opens what it needs; picklable.

    Attributes:
        client: gives a client of the EHR.
        journal: opens the journal, beside the others.
        own: path of the journal file that the own store and the findings of the probe stand beside.
        source: name of the source.
        author: who enters the changes.
        run: number of the run.
    """

    client: Callable[[], FhirClient] = field(repr=False)
    journal: Callable[[], AbstractContextManager[Journal]] = field(repr=False)
    own: Path
    source: str
    author: Ref
    run: int
    group: int = GROUP
    dry_run: bool = False

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Lines], Did]]:
        """Open everything, and give what applies some clients."""
        with self.journal() as journal, reach(self.client(), self.own, journal.vault) as ehr:
            applier = applier_for(ehr, journal, self.source, self.author, group=self.group)
            applier.dry_run = self.dry_run

            def apply(lines: Lines) -> Did:
                before = applier.writer.unprotected
                steps = applier.apply_some([client_of(line) for line in lines], self.run)
                untrue = frozenset({*ehr.abilities.untrue, *applier.writer.untrue})
                return Did(steps=steps, unprotected=applier.writer.unprotected - before, untrue=untrue)

            yield apply


def applier_for(
    ehr: Reached, journal: Journal, source: str, author: Ref, *, group: int = GROUP, workers: int = 1
) -> Applier:
    """What applies plans of a source to an EHR, by the clock of this machine."""
    return Applier(
        population=ehr.population,
        writer=Writer(ehr.client, author, ehr.route, ehr.store),
        journal=journal,
        store=ehr.store,
        context=Context(source=source, policy=load_policy(NL_JEUGDWET), at=datetime.now(UTC)),
        clock=lambda: datetime.now(UTC),
        group=group,
        workers=workers,
    )


def in_pieces(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Items, so many at a time, as they are needed."""
    piece: list[Item] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
