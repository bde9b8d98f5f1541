"""Who of a source can be passed over unread: rows and record are as they were when nothing was left to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime

from fhir_plugin.model.dates import local_day
from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.plans.prints import is_print_of, rows_print, still_good, versions_in
from fhir_plugin.sync.plans.unlisted import Met
from fhir_plugin.sync.records.recent import WHOLE, Recent, RecentChanges
from fhir_plugin.sync.sources.gathering import ClientRows, everybody
from fhir_plugin.sync.sources.naming import ClientKey

__all__ = ["PassingOver"]

_RECORD = 20
"""Resources of a client that are looked at by version for the price of reading the record."""


class PassingOver:
    """Passes over clients of one source; the EHR is asked at once what changed in it since the last run.

    Args:
        journal: of the source and the EHR.
        how: how the source is read (``context.Context.how``).
        at: aware moment of the run.
        recent: tells what changed in the EHR; None: everything is read in each run.
        only: a Patient id: that client is read in any case, and the run tells nothing about the others.

    Raises:
        EhrError: the EHR cannot be asked.
    """

    def __init__(
        self, journal: Journal, *, how: Sequence[str], at: datetime, recent: RecentChanges | None, only: str = ""
    ) -> None:
        self._journal = journal
        self._how = how
        self._at = at
        self._recent = recent
        self._only = only
        self._met = Met()
        self._changed = self._ask()
        self._since = recent.now() if recent and self._changed is None else None

    def left(self, clients: Sequence[ClientRows]) -> Collection[ClientKey]:
        """The clients that have to be read (``gathering.Left``)."""
        if self._changed is None:
            return everybody(clients)
        names = {client.key: self._name(client.key) for client in clients}
        known = self._journal.known(names.values())
        marks = still_good(dict(known.values()), local_day(self._at))
        left = []
        for client in clients:
            patient, _ = known.get(names[client.key], ("", ""))
            if self._is_as_left(client, patient, marks.get(patient, "")):
                self._met.add(patient)
            else:
                left.append(client.key)
        return left

    def see(self, patients: Mapping[ClientKey, str]) -> None:
        """Remember which Patient each client is (empty: none), so that a later run can pass over them."""
        for patient in filter(None, patients.values()):
            self._met.add(patient)
        if self._recent is not None:
            self._journal.see({self._name(key): patient for key, patient in patients.items()})

    def no_longer_listed(self) -> Iterator[tuple[list[str], list[str]]]:
        """When all of the list was met: who of earlier runs is not in it, and who of them has to be read.

        Passed over are those for whom nothing was left to do, whose record did not change and is not to lapse yet.
        """
        for some in self._journal.remembered():
            gone = [patient for patient in some if patient not in self._met]
            changed = self._changed
            good = still_good(self._journal.settled(gone), local_day(self._at)) if changed and gone else {}
            yield gone, [each for each in gone if not good.get(each) or (changed and each in changed.patients)]

    def mark(self) -> None:
        """Every client was read, or passed over: the next run looks at what changes from here on."""
        if self._recent is None:
            return
        held = self._journal.watermark()
        if self._changed is not None and held is not None:
            self._journal.mark(self._changed.until, held[1])
        elif self._since is not None:
            self._journal.mark(self._since, self._at)

    def _ask(self) -> Recent | None:
        """What changed in the EHR since the last run; None when everything is to be read."""
        held = self._journal.watermark() if self._recent else None
        if self._recent is None or held is None or self._at - held[1] > WHOLE:
            return None
        most = _RECORD * self._journal.met() + 1000
        return self._recent.since(held[0], most=most, known=self._known_versions)

    def _known_versions(self, patients: Collection[str]) -> Callable[[str, str], bool]:
        known = {patient: versions_in(mark) for patient, mark in self._journal.settled(patients).items()}
        return lambda patient, version: bool(version) and version in known.get(patient, ())

    def _is_as_left(self, client: ClientRows, patient: str, mark: str) -> bool:
        changed = self._changed
        if changed is None or not (mark and client.is_whole) or patient == self._only:
            return False
        if patient in changed.patients or (client.key.system, client.key.value) in changed.identifiers:
            return False
        return is_print_of(mark, rows_print([row.cells for row in client.rows], self._how, self._journal.vault))

    def _name(self, key: ClientKey) -> str:
        """A keyed hash of how the source names a client."""
        return self._journal.vault.fingerprint(f"client\x1e{key.system}\x1e{key.value}")
