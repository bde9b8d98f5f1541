"""What others changed in an EHR since the last run, by ``_lastUpdated``: without changes no record is read.

What the last run wrote itself, or saw before it settled a client, is told by its version and is no change. A server
that passes over the parameter, or does not say enough, is found out by what it answers, and then everything is read.
What no search by ``_lastUpdated`` tells (a resource that was removed for good, or moved to another record) is seen when
everything is read, which happens at least once a week.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.transport import RawAnswer, Request
from fhir_plugin.errors import EhrRejected
from fhir_plugin.mapping.json import instant_of, objects, text
from fhir_plugin.sync.chunks import in_chunks
from fhir_plugin.sync.records.versions import version_of
from fhir_plugin.sync.sources.spool import SUBJECTS, owner_of

__all__ = ["MARGIN", "WHOLE", "Known", "Recent", "RecentChanges"]

MARGIN = timedelta(seconds=122)
"""How far a poll looks back: two minutes for late transactions and clocks, two seconds for rounding."""
WHOLE = timedelta(days=7)
"""How long changes alone are looked at before everything is read again."""
_PAGE = 1000
_UNKNOWN_CLOCK = timedelta(minutes=10)

Json = dict[str, Any]
_Owned = tuple[str, Json]
Known = Callable[[Collection[str]], Callable[[str, str], bool]]
"""For some clients: whether a version (``population.version_of``) of a client's resource is one its last run knew."""


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
        return self._moment(self._send("RelatedPerson", {"_count": "1"}))

    def since(self, since: datetime, most: int, known: Known) -> Recent | None:
        """What changed since an instant; None when the EHR does not tell, or when it is more than ``most`` resources.

        Raises:
            EhrError: a search failed.
        """
        patients: set[str] = set()
        identifiers: set[tuple[str, str]] = set()
        until: datetime | None = None
        read = 0
        try:
            for kind in SUBJECTS:
                first = self._first(kind, since)
                until = until or self._moment(first)
                for owned in self._found(kind, first, since):
                    read += len(owned)
                    if read > most:
                        return None
                    for owner, body in _unknown(owned, known):
                        patients.add(owner)
                        identifiers.update(_names(body))
        except _Unclear:
            return None
        if until is None or (not read and not self._knows_the_parameter()):
            return None
        return Recent(patients=frozenset(patients), identifiers=frozenset(identifiers), until=until)

    def _first(self, kind: str, since: datetime) -> RawAnswer:
        """The first page: the latest change first, so that one made meanwhile moves nothing out of a later page.

        No more than is looked at; an EHR that takes neither wish is asked without.
        """
        params = {"_lastUpdated": f"ge{since.astimezone(UTC).isoformat()}", "_count": str(_PAGE)}
        wishes = {"_sort": "-_lastUpdated", "_elements": f"id,meta,{SUBJECTS[kind] or 'identifier'}"}
        try:
            return self._send(kind, params | wishes)
        except EhrRejected:
            return self._send(kind, params)

    def _found(self, kind: str, first: RawAnswer, since: datetime) -> Iterator[list[_Owned]]:
        """What was found, so many at a time, each with its patient; every one is in two pages at most."""
        count, before = 0, set[str]()
        earliest = since - timedelta(seconds=1)

        @lru_cache(maxsize=_PAGE)  # what was written together has one instant
        def is_since(updated: str) -> bool:
            at = instant_of(updated)
            return at is not None and at >= earliest

        for some in _ahead(in_chunks(self.client.pages(first.body, f"search {kind}"), _PAGE)):
            owned = [(owner_of(body), body) for body in some]
            if not all(owner and is_since(text(body.get("meta"), "lastUpdated")) for owner, body in owned):
                raise _Unclear
            ids = {text(body, "id") for body in some}
            count, before = count + len(ids - before), ids
            yield owned
        total = (first.body or {}).get("total")
        if isinstance(total, int) and count < total:
            raise _Unclear  # something was taken away meanwhile, and what moved up into its place was not seen

    def _knows_the_parameter(self) -> bool:
        """Whether an empty answer means anything: a long time ago is before something."""
        long_ago = self._send("Patient", {"_lastUpdated": "ge1970-01-02T00:00:00Z", "_count": "1"})
        return bool((long_ago.body or {}).get("entry"))

    def _send(self, kind: str, params: dict[str, str]) -> RawAnswer:
        target = f"{kind}?{urlencode(params)}"
        return self.client.transport.send(Request(method="GET", target=target, where=f"search {kind}", safe=True))

    def _moment(self, answer: RawAnswer) -> datetime:
        told = next((value for name, value in answer.headers.items() if name.lower() == "date"), "")
        try:
            return parsedate_to_datetime(told).astimezone(UTC) - self.margin
        except (ValueError, TypeError):
            return self.clock().astimezone(UTC) - self.margin - _UNKNOWN_CLOCK


def _ahead(pages: Iterator[list[Json]]) -> Iterator[list[Json]]:
    """The pages, each one read while the one before it is looked through."""
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(next, pages, None)
        while (page := waiting.result()) is not None:
            waiting = reader.submit(next, pages, None)
            yield page


def _unknown(owned: list[_Owned], known: Known) -> Iterator[_Owned]:
    knows = known({owner for owner, _ in owned})
    return ((owner, body) for owner, body in owned if not knows(owner, version_of(body)))


def _names(body: Json) -> Iterator[tuple[str, str]]:
    if body.get("resourceType") == "Patient":
        yield from ((text(item, "system"), text(item, "value")) for item in objects(body, "identifier"))
