"""Sending what was decided: several clients' writes in one transaction, and one by one when that is refused.

The unit is one client: its RelatedPersons, Consents, CareTeam and Provenance are written together or not at all. Units
share a Bundle only to save round trips; when the Bundle is refused nothing was written and each is tried by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fhir_plugin.consent import demand
from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.errors import (
    EhrBusy,
    EhrConflict,
    EhrError,
    EhrFailed,
    EhrProtocolError,
    EhrRejected,
    EhrUnauthorized,
    EhrUnreachable,
)
from fhir_plugin.mapping.changes import ResourceChange, changes_between
from fhir_plugin.mapping.provenance import Author, provenance_of
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.decisions import Decided
from fhir_plugin.sync.saga import write_in_order

__all__ = ["Unit", "Writer", "Wrote", "unit_of"]

_UNCERTAIN = (EhrUnreachable, EhrFailed, EhrBusy, EhrProtocolError)
"""Failures after which the write may have happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The writes of one client."""

    patient: str
    decided: Decided = field(repr=False)
    changes: tuple[ResourceChange, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """What became of a unit.

    Attributes:
        ids: ``urn:uuid:`` → logical id of what was created.
        versions: reference → version that was written, for an undo.
        resources: how many resources were written, the Provenance included.
        error: why it was not (or perhaps not) written.
        uncertain: whether it may have been written all the same.
    """

    unit: Unit
    ids: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    resources: int = 0
    error: EhrError | None = None
    uncertain: bool = False


def unit_of(decided: Decided) -> Unit:
    """The writes a decision comes to."""
    changes = changes_between(decided.before, decided.after)
    return Unit(patient=decided.before.child.id, decided=decided, changes=changes)


class Writer:
    """Sends units to one EHR as one author."""

    def __init__(self, client: FhirClient, author: Ref) -> None:
        self._client = client
        self._author = author
        self._has_transactions = True

    def write(self, units: Sequence[Unit], at: datetime) -> list[Wrote]:
        """Write units, together where the EHR takes that. A failure is a result, so that the others go on.

        Raises:
            PermitRequired: something would be shared without a fresh permit; nothing was sent.
            EhrUnauthorized: the EHR lets nothing in any more.
        """
        if not self._has_transactions and len(units) > 1:
            return [result for unit in units for result in self.write([unit], at)]
        entries = [self._entries(unit, at) for unit in units]
        try:
            written = self._send(units, entries)
        except EhrUnauthorized:
            raise
        except _UNCERTAIN as error:
            return [Wrote(unit=unit, error=error, uncertain=True) for unit in units]
        except EhrError as error:
            if len(units) == 1:
                return [Wrote(unit=units[0], error=error)]
            return [result for unit in units for result in self.write([unit], at)]
        results: list[Wrote] = []
        for unit, listed in zip(units, entries, strict=True):
            mine, written = written[: len(listed)], written[len(listed) :]
            pairs = list(zip(unit.changes, mine, strict=False))
            results.append(
                Wrote(
                    unit=unit,
                    ids={change.full_url: item.id for change, item in pairs if change.full_url},
                    versions={f"{item.type}/{item.id}": item.version for item in mine[: len(unit.changes)]},
                    resources=len(mine),
                )
            )
        return results

    def _send(self, units: Sequence[Unit], entries: Sequence[Sequence[Entry]]) -> list[Written]:
        """One transaction; or, where the EHR has none, one client in the order of a saga."""
        if not self._has_transactions and len(units) == 1:
            return write_in_order(self._client, units[0].changes, entries[0])
        try:
            return self._client.transaction([entry for listed in entries for entry in listed], bodies=False)
        except EhrRejected as error:
            if error.code != "transaction-unsupported":
                raise
            self._has_transactions = False
            if len(units) > 1:
                raise
        return write_in_order(self._client, units[0].changes, entries[0])

    def _entries(self, unit: Unit, at: datetime) -> list[Entry]:
        for ask in unit.decided.permits:
            demand(ask.permit, replace(ask.request, at=at))
        author = Author(enterer=self._author, designations=_designations(unit))
        return [*map(_entry, unit.changes), Entry.post(provenance_of(unit.changes, author, at))]


def _entry(change: ResourceChange) -> Entry:
    if change.is_new:
        return Entry.post(change.body, full_url=change.full_url, if_none_exist=change.if_none_exist or None)
    if not change.version:
        raise EhrConflict(
            f"The EHR gives no version of a {change.type}, so a change by someone else cannot be seen.",
            code="no-version",
            where=f"PUT {change.type}",
            remedy="Run `steunfiguren conformance` to see what this EHR supports.",
        )
    return Entry.put(change.body, if_match=change.version)


def _designations(unit: Unit) -> Any:
    """Who named the figures that are new here."""
    before = {figure.id for figure in unit.decided.before.figures}
    new = (figure for figure in unit.decided.after.figures if figure.id not in before)
    return tuple(dict.fromkeys(item for figure in new for item in figure.designations))
