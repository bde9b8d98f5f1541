"""One share of a run: what a process needs to take part in applying a plan, on this machine or on another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fhir_plugin.consent import NL_JEUGDWET, load_policy
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.applying.applier import Applier
from fhir_plugin.sync.applying.writing import Writer
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.plans.planfile import client_of
from fhir_plugin.sync.records.reaching import Reached, reach
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.workers.sizes import GROUP

__all__ = ["Share", "applier_for"]

Lines = Sequence[bytes]
"""Clients as they stand in a plan, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How one process opens what it needs; picklable.

    Attributes:
        client: gives a client of the EHR.
        storage: where the journal and the own store are.
        source: name of the source.
        author: who enters the changes.
        run: number of the run.
    """

    client: Callable[[], FhirClient] = field(repr=False)
    storage: Storage = field(repr=False)
    source: str
    author: Ref
    run: int
    group: int = GROUP
    dry_run: bool = False

    @contextmanager
    def __call__(self) -> Iterator[Callable[[Lines], list[Step]]]:
        """Open everything, and give what applies some clients and tells what became of them."""
        client = self.client()
        with (
            self.storage.journal(client.base_url, self.source, beside=True) as journal,
            reach(client, self.storage, journal) as ehr,
        ):
            applier = applier_for(ehr, journal, self.source, self.author, group=self.group)
            applier.dry_run = self.dry_run
            yield lambda lines: applier.apply_some([client_of(line) for line in lines], self.run)


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
