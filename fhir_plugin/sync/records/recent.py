"""What changed in an EHR since the last run, by ``_lastUpdated``: a run in which nothing changed reads nothing else.

A server that passes over the parameter is found out by what it answers, and then everything is read. What no search by
``_lastUpdated`` tells (a resource that was removed for good, or moved to another record) is seen when everything is
read, which happens at least once a week.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.transport import RawAnswer, Request
from fhir_plugin.mapping.json import instant_of, objects, text
from fhir_plugin.sync.inbound.polling import MARGIN
from fhir_plugin.sync.sources.spool import SUBJECTS, owner_of

__all__ = ["WHOLE", "Recent", "RecentChanges"]

WHOLE = timedelta(days=7)
"""How long changes alone are looked at before everything is read again."""
_PAGE = "1000"
_UNKNOWN_CLOCK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What changed.

    Attributes:
        patients: ids of the records in which something changed.
        identifiers: (system, value) of the Patients among it: one may have become somebody a source means.
        until: UTC instant up to which nothing else changed, by the EHR's clock, a margin for late transactions taken.
    """

    patients: frozenset[str]
    identifiers: frozenset[tuple[str, str]] = field(repr=False)
    until: datetime


class _Unclear(Exception):
    """The answers do not tell what changed."""


@dataclass(slots=True, kw_only=True)
class RecentChanges:
    """Asks one EHR what changed.

    Attributes:
        clock: aware current instant, for an EHR that does not tell its own.
        margin: how far before the end of a reading the next one begins.
    """

    client: FhirClient
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    margin: timedelta = MARGIN

    def now(self) -> datetime:
        """From when on the next run must look: the EHR's clock, less the margin."""
        return self._moment(self._first("RelatedPerson", {"_count": "1"}))

    def since(self, since: datetime, most: int) -> Recent | None:
        """What changed since an instant; None when the EHR does not tell, or when it is more than ``most`` resources.

        Raises:
            EhrError: a search failed.
        """
        params = {"_lastUpdated": f"ge{since.astimezone(UTC).isoformat()}", "_count": _PAGE}
        patients: set[str] = set()
        identifiers: set[tuple[str, str]] = set()
        until: datetime | None = None
        read = 0
        try:
            for kind in SUBJECTS:
                first = self._first(kind, params)
                until = until or self._moment(first)
                for body in self._changed(kind, first, since):
                    read += 1
                    if read > most:
                        return None
                    patients.add(owner_of(body))
                    if kind == "Patient":
                        pairs = ((text(item, "system"), text(item, "value")) for item in objects(body, "identifier"))
                        identifiers.update(pairs)
        except _Unclear:
            return None
        if until is None or (not read and not self._knows_the_parameter()):
            return None
        return Recent(patients=frozenset(patients), identifiers=frozenset(identifiers), until=until)

    def _changed(self, kind: str, first: RawAnswer, since: datetime) -> Iterator[dict[str, Any]]:
        for body in self.client.pages(first.body, f"search {kind}"):
            updated = instant_of(text(body.get("meta"), "lastUpdated"))
            if updated is None or updated < since - timedelta(seconds=1) or not owner_of(body):
                raise _Unclear
            yield body

    def _knows_the_parameter(self) -> bool:
        """Whether an empty answer means anything: a long time ago is before something."""
        long_ago = self._first("Patient", {"_lastUpdated": "ge1970-01-02T00:00:00Z", "_count": "1"})
        return bool((long_ago.body or {}).get("entry"))

    def _first(self, kind: str, params: dict[str, str]) -> RawAnswer:
        target = f"{kind}?{urlencode(params)}"
        return self.client.transport.send(Request(method="GET", target=target, where=f"search {kind}", safe=True))

    def _moment(self, answer: RawAnswer) -> datetime:
        told = next((value for name, value in answer.headers.items() if name.lower() == "date"), "")
        try:
            return parsedate_to_datetime(told).astimezone(UTC) - self.margin
        except (ValueError, TypeError):
            return self.clock().astimezone(UTC) - self.margin - _UNKNOWN_CLOCK
