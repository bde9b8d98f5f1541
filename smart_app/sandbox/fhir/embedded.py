"""The embedded FHIR server: interactions on the store, within a guard's rights."""

from __future__ import annotations

from smart_app.sandbox.fhir.bundles import run_transaction
from smart_app.sandbox.fhir.capability import capability_statement
from smart_app.sandbox.fhir.compartments import SHARED_TYPES
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Entry, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.search import Searcher, sees
from smart_app.sandbox.fhir.store import Row, Session, Store
from smart_app.sandbox.fhir.writes import Writer, answer, checked_type

__all__ = ["EmbeddedBackend"]


class EmbeddedBackend:
    """Interactions on the SQLite store."""

    def __init__(self, store: Store) -> None:
        self.base_url = store.base_url
        self.store = store
        self._searcher = Searcher(store.base_url)

    def perform(self, interaction: Interaction, guard: Guard) -> Answer:
        """One interaction in its own transaction.

        Raises:
            FhirError: it is not possible or not allowed; nothing was changed.
        """
        with self.store.session() as session:
            if not interaction.writes:
                return self._read(session, interaction, guard)
            writer = Writer(session, guard)
            result = writer.perform(interaction)
            writer.verify()
            return result

    def transaction(self, entries: list[Entry], guard: Guard) -> list[Answer]:
        """All entries in one SQLite transaction.

        Raises:
            FhirError: an entry fails; nothing was changed.
        """
        with self.store.session() as session:
            return run_transaction(session, entries, guard, lambda item: self._read(session, item, guard))

    def page(self, cursor: str, offset: int, guard: Guard) -> Json:
        """A further page of a search.

        Raises:
            FhirError: 410, the search is forgotten or somebody else's.
        """
        with self.store.session() as session:
            return self._searcher.page(session, cursor, offset, guard)

    def capabilities(self) -> Json:
        """What this server can do."""
        return capability_statement(self.base_url)

    def _read(self, session: Session, interaction: Interaction, guard: Guard) -> Answer:
        if interaction.type == "metadata":
            return Answer(status=200, body=self.capabilities())
        checked_type(interaction.type)
        if not interaction.id:
            if interaction.operation == "_history":
                raise FhirError(400, "not-supported", "History is kept per resource: ask for an instance.")
            return Answer(status=200, body=self._searcher.search(session, interaction, guard))
        row = self._seen(session, interaction, guard)
        if interaction.operation == "_history" or interaction.version:
            versions = self._versions(session, row, guard)
            if interaction.operation == "_history":
                return Answer(status=200, body=self._history(row, versions))
            row = self._version(versions, interaction.version)
        if interaction.if_none_match == str(row.version):
            return Answer(status=304, etag=str(row.version))
        row.json()
        return answer(row, 200)

    def _seen(self, session: Session, interaction: Interaction, guard: Guard) -> Row:
        """The current row, if the guard may see it; a deleted one only for who may see every record."""
        guard.grants(interaction.type, "r")
        row = session.current(interaction.type, interaction.id)
        if row is None or not sees(session, row, guard, "r"):
            raise FhirError(404, "not-found", f"There is no such {interaction.type}.")
        return row

    @staticmethod
    def _versions(session: Session, row: Row, guard: Guard) -> list[Row]:
        """The versions the guard may see: what was deleted and made anew under one id may have been somebody else's."""
        if row.type in SHARED_TYPES:
            return session.versions(row)
        return [
            past
            for past in session.versions(row)
            if past.body is None or guard.reaches(row.type, "r", session.patients_then(past))
        ]

    @staticmethod
    def _version(versions: list[Row], version: str) -> Row:
        for past in versions:
            if str(past.version) == version:
                return past
        raise FhirError(404, "not-found", "There is no such version.")

    def _history(self, row: Row, versions: list[Row]) -> Json:
        entries = []
        for past in versions:
            entry: Json = {
                "fullUrl": f"{self.base_url}/{row.type}/{row.id}",
                "request": {
                    "method": past.method,
                    "url": row.type if past.method == "POST" else f"{row.type}/{row.id}",
                },
                "response": {"status": "204" if past.body is None else "200", "etag": f'W/"{past.version}"'},
            }
            if past.body is not None:
                entry["resource"] = past.json()
            entries.append(entry)
        return {"resourceType": "Bundle", "type": "history", "total": len(entries), "entry": entries}
