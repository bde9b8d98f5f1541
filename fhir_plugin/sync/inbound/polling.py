"""Polling by ``_lastUpdated``: the truth about what changed, whatever notifications came or did not come.

The cursor is the greatest ``meta.lastUpdated`` that was seen, so the EHR's clock alone counts. The next poll looks back
a margin further: a transaction may become visible later than the instant it carries. A pass is repeated until one
brings nothing new, because a server that pages by offset skips a resource when another one moves meanwhile; only then
the cursor moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrForbidden, EhrNotFound, EhrRejected
from fhir_plugin.mapping.json import text
from fhir_plugin.mapping.network import from_fhir
from fhir_plugin.mapping.reading import is_elsewhere
from fhir_plugin.mapping.safety import is_block
from fhir_plugin.sync.inbound.changes import InboundChange, changes_between
from fhir_plugin.sync.inbound.store import Held, InboundStore
from fhir_plugin.sync.inbound.subscriptions import WATCHED
from fhir_plugin.sync.records.recent import MARGIN
from fhir_plugin.sync.sources.spool import owner_of

__all__ = ["PollResult", "Poller"]

Json = dict[str, Any]

_POLLED = (*WATCHED, "Flag")
"""What is read; no notification is asked for a Flag, since many an EHR has none or shows it to few."""
_OF_A_BLOCK = ("resourceType", "id", "meta", "status", "code", "subject", "period")
"""What is kept of a safety block: whether it is on. Why, and who said so, never leaves the EHR (L11)."""
_PAGE = "500"
_PASSES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """What one poll found.

    Attributes:
        first: it was the first poll of this EHR: everything was read, nothing is called a change.
        read: resources the EHR gave.
        changed: resources that are another than they were.
        settled: whether a last pass brought nothing new; if not, the next poll starts from the same place.
    """

    first: bool
    read: int
    changed: int
    settled: bool
    changes: tuple[InboundChange, ...] = field(default=(), repr=False)


@dataclass(slots=True, kw_only=True)
class Poller:
    """Polls one EHR into one store."""

    client: FhirClient
    store: InboundStore
    margin: timedelta = MARGIN

    def poll(self, *, full: bool = False) -> PollResult:
        """Bring the store up to date and tell what changed.

        Args:
            full: read everything and find what was deleted, which no search by ``_lastUpdated`` tells.

        Raises:
            EhrError: reading failed; the store is as it was.
        """
        ehr = self.client.base_url
        first = not any(self.store.cursor(ehr, kind) or self.store.versions(ehr, kind) for kind in _POLLED)
        seen: dict[tuple[str, str], Held] = {}
        gone: list[tuple[str, str]] = []
        cursors: dict[str, str] = {}
        read, settled = 0, True
        for kind in _POLLED:
            known = self.store.versions(ehr, kind)
            since = "" if full else self.store.cursor(ehr, kind)
            try:
                found, count, quiet = self._kind(kind, since, known)
            except (EhrNotFound, EhrForbidden, EhrRejected):
                if kind in WATCHED:
                    raise
                continue
            read, settled = read + count, settled and quiet
            seen |= {(kind, each.id): each for each in found.values() if known.get(each.id) != each.version}
            if quiet:
                latest = max((text(each.body.get("meta"), "lastUpdated") for each in found.values()), key=_instant,
                             default="")  # fmt: skip
                cursors[kind] = max(latest, self.store.cursor(ehr, kind), key=_instant)
            if full and quiet:
                gone += [(kind, each) for each in known if each not in found and self._is_gone(kind, each)]
        changes = self._keep(list(seen.values()), gone, cursors)
        return PollResult(
            first=first,
            read=read,
            changed=len(seen) + len(gone),
            settled=settled,
            changes=() if first else tuple(changes),
        )

    def _kind(self, kind: str, since: str, known: dict[str, str]) -> tuple[dict[str, Held], int, bool]:
        """Everything of a type since an instant: what was found, how much was read, whether it came to rest."""
        found: dict[str, Held] = {}
        count = 0
        for number in range(_PASSES):
            news = False
            for each in self._pass(kind, since):
                count += 1
                before = found.get(each.id)
                news = news or (before.version if before else None) != each.version
                found[each.id] = each
            fresh = any(known.get(each.id) != each.version for each in found.values())
            if not news or (number == 0 and not fresh):
                return found, count, True
        return found, count, False

    def _pass(self, kind: str, since: str) -> Iterator[Held]:
        params = {"_count": _PAGE, "_sort": "_lastUpdated"}
        if since:
            params["_lastUpdated"] = f"ge{(_instant(since) - self.margin).isoformat()}"
        for found in self.client.search(kind, params):
            if kind == "Flag" and not is_block(found):
                continue
            body = {key: found[key] for key in _OF_A_BLOCK if key in found} if kind == "Flag" else found
            patient = "" if is_elsewhere(body, self.client.base_url) else owner_of(body)
            if patient and text(body, "resourceType") == kind and text(body, "id"):
                version = text(body.get("meta"), "versionId") or self.store.vault.fingerprint(repr(body))
                yield Held(type=kind, id=text(body, "id"), patient=patient, version=version, body=body)

    def _is_gone(self, kind: str, resource_id: str) -> bool:
        """Whether the EHR says that it holds this no more; a search that leaves it out is not enough."""
        try:
            self.client.read(kind, resource_id)
        except EhrNotFound:
            return True
        return False

    def _keep(self, seen: list[Held], gone: list[tuple[str, str]], cursors: dict[str, str]) -> list[InboundChange]:
        ehr = self.client.base_url
        touched = {each.patient for each in seen} | self.store.owners(ehr, gone) | self.store.owners(
            ehr, [(each.type, each.id) for each in seen]
        )  # fmt: skip
        before = self.store.records(ehr, touched)
        self.store.keep(ehr, seen, gone, cursors)
        after = self.store.records(ehr, touched)
        return [
            change
            for patient in sorted(touched)
            for change in changes_between(
                from_fhir(before[patient], patient_id=patient, base=ehr).network,
                from_fhir(after[patient], patient_id=patient, base=ehr).network,
            )
        ]


def _instant(text_: str) -> datetime:
    """A FHIR instant; the earliest one where there is none or it cannot be read."""
    try:
        found = datetime.fromisoformat(text_)
    except ValueError:
        return _NEVER
    return found if found.tzinfo else _NEVER


_NEVER = datetime.fromisoformat("0001-01-02T00:00:00+00:00")
