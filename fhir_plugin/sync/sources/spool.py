"""Resources by patient, however they come in: kept in a file of our own that is gone when it is closed.

An export gives all Patients, then all RelatedPersons, …; a record is wanted whole. SQLite's temporary database holds
them in memory and moves to an unnamed file when they are many (https://www.sqlite.org/inmemorydb.html#temp_db); what it
holds of people is sealed with a key that is nowhere else.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any

from fhir_plugin.mapping.json import text
from fhir_plugin.mapping.reading import is_elsewhere
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.journals.vault import Vault

__all__ = ["SUBJECTS", "Spool", "owner_of"]

Json = dict[str, Any]

SUBJECTS = {"Patient": "", "RelatedPerson": "patient", "CareTeam": "subject", "Consent": "patient", "Flag": "subject"}
"""Resource type → the element that says whose it is; a Patient is its own."""


class Spool:
    """Holds resources until they can be read patient by patient.

    Args:
        base_url: of the server they come from.
    """

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self._vault = Vault(os.urandom(32))
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("CREATE TABLE held (patient TEXT, type TEXT, id TEXT, body BLOB, PRIMARY KEY (type, id))")

    def add(self, resources: Iterable[Json]) -> int:
        """Take resources in; the last one of a type and id stands. What names no patient here is left and counted.

        Returns:
            How many were passed over.
        """
        left = 0
        self._db.execute("BEGIN")
        for body in resources:
            kind, patient = text(body, "resourceType"), owner_of(body)
            if patient and text(body, "id") and not is_elsewhere(body, self._base):
                row = (patient, kind, text(body, "id"), self._vault.seal(body))
                self._db.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)", row)
            else:
                left += 1
        self._db.execute("COMMIT")
        return left

    def records(self) -> Iterator[tuple[str, list[Json]]]:
        """Patient id and the resources of that patient, in order of patient and resource."""
        rows = self._db.execute("SELECT patient, body FROM held ORDER BY patient, type, id")
        for patient, group in groupby(rows, key=lambda row: row[0]):
            yield str(patient), [self._vault.open(body) for _, body in group]

    def close(self) -> None:
        """Let everything go."""
        self._db.close()


def owner_of(body: Json) -> str:
    """Id of the patient a resource is about; empty where it names none, or its type is not one that is read."""
    key = SUBJECTS.get(text(body, "resourceType"))
    if key is None:
        return ""
    return _id_in(text(body.get(key), "reference")) if key else text(body, "id")


@lru_cache(maxsize=1000)
def _id_in(reference: str) -> str:
    """Resources of one patient mostly come together."""
    return Ref(reference=reference).id
