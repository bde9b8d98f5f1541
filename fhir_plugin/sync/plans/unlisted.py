"""Who was brought by an earlier run and is not in the list any more: told to a person, who alone knows why."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fhir_plugin.model.figure import SupportFigure

__all__ = ["Met", "Unlisted"]

_SHOWN = 20


@dataclass(slots=True)
class Unlisted:
    """What there is to tell, however much it is.

    Attributes:
        clients: clients of earlier runs without a usable row.
        figures: figures without a usable row who take part in the team, of the clients that were read.
        names: some of both, to look them up by: a patient id, and whom the record calls what; empty for a whole client.
    """

    clients: int = 0
    figures: int = 0
    names: list[tuple[str, str]] = field(default_factory=list, repr=False)

    def count(self, patients: Iterable[str]) -> None:
        """Clients that are not in the list."""
        for patient in patients:
            self.clients += 1
            self._name(patient, "")

    def add(self, *, patient: str, figures: Iterable[SupportFigure]) -> None:
        """Figures of a client who still take part."""
        from fhir_plugin.sync.deciding.decided import label_of  # figures: not for a run that reads no record

        for figure in figures:
            self.figures += 1
            self._name(patient, label_of(figure))

    def _name(self, patient: str, label: str) -> None:
        if len(self.names) < _SHOWN:
            self.names.append((patient, label))


class Met:
    """The clients a list names, eight bytes for each: a list may be of any length.

    Two ids with one hash would make one client who left the list be passed over in this run; hashes differ from run to
    run (``PYTHONHASHSEED``).
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._is_sorted = True

    def add(self, patient: str) -> None:
        """This client is in the list."""
        self._hashes.append(hash(patient))
        self._is_sorted = False

    def __contains__(self, patient: str) -> bool:
        if not self._is_sorted:
            self._hashes, self._is_sorted = array("q", sorted(self._hashes)), True
        place = bisect_left(self._hashes, hash(patient))
        return place < len(self._hashes) and self._hashes[place] == hash(patient)
