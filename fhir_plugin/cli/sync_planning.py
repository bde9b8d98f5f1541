"""The making of a plan: the list, the EHR and the journal together, written to a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fhir_plugin.cli.sync_notices import say_notices
from fhir_plugin.cli.sync_options import Meter
from fhir_plugin.consent import NL_JEUGDWET, load_policy
from fhir_plugin.errors import UsageError
from fhir_plugin.sync.deciding.context import Context
from fhir_plugin.sync.plans.carrying import EarlierAnswers
from fhir_plugin.sync.plans.planfile import PlanWriter
from fhir_plugin.sync.plans.planning import Planner
from fhir_plugin.sync.plans.unlisted import Unlisted
from fhir_plugin.sync.records.reaching import reach, recent_of
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.sources.columns import ColumnMap
from fhir_plugin.sync.sources.problems import is_mended
from fhir_plugin.sync.sources.tables import Table
from fhir_plugin.sync.sources.wanted import Problem
from fhir_plugin.sync.workers.hands import few_collections
from fhir_plugin.texts import Language

if TYPE_CHECKING:
    from fhir_plugin.ehr.client import FhirClient
    from fhir_plugin.sync.deciding.decided import ClientPlan

__all__ = ["SHOWN", "Made", "make_plan"]

SHOWN = 20
"""Clients that are shown of a plan, and kept for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan that was written.

    Attributes:
        head: source, EHR and instant, as the plan names them.
        first: the first clients of it for whom there is anything to read, and of how many they are.
        refused: rows that cannot be used, in the order of the source.
        kept: where the answers of the plan before it are, when they were given to something else.
        known: other sources of this EHR, where this one is new.
        unlisted: who of earlier runs is not in the list any more.
    """

    head: dict[str, str]
    totals: Counter[str]
    first: tuple[list[ClientPlan], int]
    refused: list[Problem]
    earlier: EarlierAnswers
    kept: Path | None
    known: list[str]
    unlisted: Unlisted


def make_plan(
    client: FhirClient,
    storage: Storage,
    table: Table,
    columns: ColumnMap,
    output: Path,
    *,
    only: str,
    limit: int,
    progress: Meter,
    language: Language,
) -> Made:
    """Plan and write the plan.

    Raises:
        UsageError: the one client that was asked for is not in the list; the plan that was there stays.
    """
    now = datetime.now(UTC)
    context = Context(source=columns.source, policy=load_policy(NL_JEUGDWET), at=now, dialect=repr(columns))
    with (
        few_collections(),
        storage.journal(client.base_url, columns.source) as held,
        reach(client, storage, held) as ehr,
    ):
        say_notices(ehr, language)
        planner = Planner(
            ehr=ehr,
            journal=held,
            context=context,
            table=table,
            columns=columns,
            recent=recent_of(ehr),
            is_whole=not is_mended(table),
            only=only,
            progress=progress,
        )
        earlier = EarlierAnswers.of(output, ehr=client.base_url, source=columns.source)
        made = now.isoformat(timespec="seconds")
        writer = PlanWriter(output, ehr=client.base_url, source=columns.source, file=table.file, made=made)
        first: list[ClientPlan] = []
        telling = 0
        for planned in map(earlier.onto, planner.plan(limit=limit)):
            writer.add(planned)
            if planned.plan.tells:
                telling += 1
                first += [planned.plan] if telling <= SHOWN else []
        if only and not (writer.totals["clients"] or planner.settled[0]):
            raise UsageError(
                "The list has no usable row of this client.",
                code="sync-client-not-listed",
                where="--only",
                remedy="Give the EHR's own id, Patient/…; without --only the plan names the rows that are refused.",
            )
        refused = sorted(planner.problems, key=lambda problem: (problem.place.sheet, problem.place.line))
        runs = held.runs()
        kept = earlier.keep([run.plan for run in runs if run.finished])
        writer.close(len({problem.place for problem in refused}), planner.settled)
        known = [] if runs else held.other_sources()
    return Made(
        head={"source": columns.source, "ehr": client.base_url, "made": made},
        totals=writer.totals,
        first=(first, telling),
        refused=refused,
        earlier=earlier,
        kept=kept,
        known=known,
        unlisted=planner.unlisted,
    )
