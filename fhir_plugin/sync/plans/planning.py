"""Making a plan: rows by client, clients by the hundred, each decided on what the EHR holds now.

A client whose rows, and whose record, are as they were when nothing was left to do is passed over unread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.plans.passing import PassingOver
from fhir_plugin.sync.plans.planfile import PlannedClient
from fhir_plugin.sync.plans.unlisted import Unlisted
from fhir_plugin.sync.records.reaching import Reached
from fhir_plugin.sync.records.recent import RecentChanges
from fhir_plugin.sync.sources.columns import ColumnMap
from fhir_plugin.sync.sources.gathering import Gathering
from fhir_plugin.sync.sources.naming import ClientNames
from fhir_plugin.sync.sources.tables import Table
from fhir_plugin.sync.sources.wanted import Problem

if TYPE_CHECKING:
    from fhir_plugin.sync.plans.reading import ClientReader

__all__ = ["CHUNK", "Planner", "Progress"]

Progress = Callable[[int, int], None]
"""Told how many clients are done, of how many."""

CHUNK = 100
"""Clients that are read at once."""


@dataclass(slots=True, kw_only=True)
class Planner:
    """Plans one source against one EHR. Nothing is written to the EHR.

    Attributes:
        table: the list.
        columns: what its columns mean.
        recent: tells what changed in the EHR; None: everything is read in each run.
        is_whole: whether the list is all that its source says now; rows that were mended and fed back are not.
        only: a Patient id: plan for that client alone.
        problems: rows that cannot be used, in the order they were met.
        settled: clients, and figures of theirs, that are as they were left at the last run; they are in no plan.
        unlisted: who of earlier runs has no usable row any more.
    """

    ehr: Reached
    journal: Journal
    context: Context
    table: Table
    columns: ColumnMap
    recent: RecentChanges | None = None
    is_whole: bool = True
    only: str = ""
    progress: Progress = lambda _done, _all: None
    problems: list[Problem] = field(default_factory=list)
    settled: tuple[int, int] = (0, 0)
    unlisted: Unlisted = field(default_factory=Unlisted)
    _reader: ClientReader | None = None

    def plan(self, *, limit: int = 0) -> Iterator[PlannedClient]:
        """Decide client by client.

        Args:
            limit: plan for at most so many clients; 0 is all.

        Raises:
            EhrError: something cannot be read.
        """
        how, at = self.context.how, self.context.at
        passing = PassingOver(self.journal, how=how, at=at, recent=self.recent, only=self.only)
        gathering = Gathering(self.table, ClientNames(self.table.header, self.columns), left=passing.left)
        planned = 0
        try:
            for client in self._listed(gathering, passing):
                if limit and planned >= limit:
                    return
                planned += 1
                yield client
            if self.is_whole and not (self.only or limit):
                yield from self._no_longer_listed(passing)
                passing.mark()  # a part of the clients is no reason to forget what changed in the others
        finally:
            self._count(gathering)
            gathering.close()

    def _listed(self, gathering: Gathering, passing: PassingOver) -> Iterator[PlannedClient]:
        done = gathering.passed[0]
        if gathering.strays:
            self._reading(passing).rows(gathering.strays)
        for window in gathering.windows():
            for chunk in in_chunks(window, CHUNK):
                yield from self._reading(passing).plan(chunk)
                done += len(chunk)
                self.progress(done, gathering.clients)

    def _no_longer_listed(self, passing: PassingOver) -> Iterator[PlannedClient]:
        """Clients of earlier runs who are not in the list: for them nothing ends but a place whose consent is over.

        Read are those whose record changed, or may have lapsed, since nothing was left to do for them.
        """
        for gone, unread in passing.no_longer_listed():
            self.unlisted.count(gone)
            for chunk in in_chunks(unread, CHUNK):
                yield from self._reading(passing).without_rows(chunk)

    def _reading(self, passing: PassingOver) -> ClientReader:
        if self._reader is None:
            from fhir_plugin.sync.plans.reading import ClientReader  # mapping: not for who passes over everybody
            from fhir_plugin.sync.sources.rows import RowReader

            self._reader = ClientReader(
                population=self.ehr.population,
                journal=self.journal,
                context=self.context,
                reader=RowReader(self.table, self.columns),
                passing=passing,
                is_whole=self.is_whole,
                only=self.only,
                problems=self.problems,
                unlisted=self.unlisted,
            )
        return self._reader

    def _count(self, gathering: Gathering) -> None:
        passed = (0, 0) if self.only else gathering.passed
        same = self._reader.same if self._reader else (0, 0)
        self.settled = (passed[0] + same[0], passed[1] + same[1])
