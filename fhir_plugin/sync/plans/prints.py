"""Prints: keyed hashes by which a run sees, without deciding anything, that nothing changed since the last one.

The same rows, read in the same way by the same version of this software, and the same versions in the EHR, come to the
same: nothing. Until the day on which
a consent or a bond that somebody takes part by may end: a print carries that day, and counts for nothing from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib.metadata import version

from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.wire import dumps

__all__ = ["client_print", "is_print_of", "rows_print", "still_good", "versions_in", "with_day"]

_DAY = "@"
"""Between a print and its day."""


def rows_print(rows: Sequence[Sequence[str]], how: Sequence[str], vault: Vault) -> str:
    """The print of what the source says of one client (the cells of rows), and of how it is read; of nothing else."""
    return vault.fingerprint(dumps([_software(), *how, rows]))


@cache
def _software() -> str:
    """Another version may decide otherwise: after an upgrade everybody is looked at once more."""
    return version("steunfiguren")


def client_print(rows: str, versions: str) -> str:
    """The print of what the source says (``rows_print``) with what the EHR holds (``versions_of``); empty without."""
    return f"{rows}.{versions}" if rows and versions else ""


def versions_in(mark: str) -> frozenset[str]:
    """The versions of resources (``version_of``) a client was settled with."""
    return frozenset(mark.partition(_DAY)[0].partition(".")[2].split("|"))


def is_print_of(mark: str, rows: str) -> bool:
    """Whether a ``client_print`` is one of these rows, whatever the EHR held."""
    return bool(rows) and mark.startswith(f"{rows}.")


def with_day(mark: str, until: date | None) -> str:
    """A print with the day from which it counts for nothing."""
    return f"{mark}{_DAY}{until.isoformat()}" if mark and until else mark


def still_good(marks: Mapping[str, str], today: date) -> dict[str, str]:
    """Prints by client, without their days and without those whose day has come."""
    parted = ((patient, *mark.partition(_DAY)) for patient, mark in marks.items())
    return {patient: mark for patient, mark, _, day in parted if not day or today.isoformat() < day}
