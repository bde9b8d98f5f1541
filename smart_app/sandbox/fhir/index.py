"""The search index: what each resource can be found by, and whose record it is in.

All of it follows from the resources, so it is made anew when its layout changes. A *term* is a token, uri, reference or
string. Its *place* is the number of a search parameter together with a system (of a reference: the type), so that no
row repeats their names. Rows are collected and written in bulk just before somebody searches or commits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

import orjson

from smart_app.sandbox.fhir.compartments import INDIRECT_TYPES, patients_of
from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.fhir.parameters import Parameter, elements_of
from smart_app.sandbox.fhir.values import dates, reference_key, strings, tokens

__all__ = ["Index", "Places", "clear_index", "prepare_index"]

_LAYOUT = 2
"""Kept as ``user_version`` of the database; with another one there the index is made anew."""
_SCHEMA = """
CREATE TABLE place (id INTEGER PRIMARY KEY, param TEXT NOT NULL, system TEXT NOT NULL, UNIQUE (param, system));
CREATE TABLE term (
  key INTEGER NOT NULL, place INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (key, place, text)) WITHOUT ROWID;
CREATE TABLE date (
  key INTEGER NOT NULL, place INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
  PRIMARY KEY (key, place, low, high)) WITHOUT ROWID;
CREATE TABLE compartment (
  key INTEGER NOT NULL, patient TEXT NOT NULL, PRIMARY KEY (key, patient)) WITHOUT ROWID;
CREATE INDEX term_text ON term (place, text);
CREATE INDEX date_low ON date (place, low, high);
CREATE INDEX compartment_patient ON compartment (patient);
"""
_BY_KEY = ("term", "date", "compartment")
_AT_ONCE = 1000
"""How many resources are kept in memory while the index is made anew."""
_BEFORE = ("token", "reference", "string")
"""Tables of the first layout."""


class Places(dict[tuple[str, str], int]):
    """From (search parameter, system) to its number in the database, given out when it is first asked for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        known = connection.execute("SELECT id, param, system FROM place")
        super().__init__(((param, system), number) for number, param, system in known)
        self._connection = connection
        self._fresh: list[tuple[str, str]] = []

    def __missing__(self, place: tuple[str, str]) -> int:
        number = int(self._connection.execute("INSERT INTO place (param, system) VALUES (?, ?)", place).lastrowid or 0)
        self[place] = number
        self._fresh.append(place)
        return number

    def end(self, *, committed: bool) -> None:
        """The SQLite transaction ended; numbers it gave out are forgotten unless it was committed."""
        for place in () if committed else self._fresh:
            del self[place]
        self._fresh.clear()


class Index:
    """The index as one SQLite transaction writes it.

    Args:
        base_url: FHIR base, to tell own absolute references from foreign ones.
    """

    def __init__(self, connection: sqlite3.Connection, base_url: str, places: Places) -> None:
        self._connection = connection
        self.base_url = base_url
        self._places = places
        self._pending: dict[int, Json] = {}
        self._stale: set[int] = set()
        self._terms: list[tuple[int, int, str]] = []
        self._dates: list[tuple[int, int, int, int]] = []
        self._owners: dict[tuple[str, str], frozenset[str]] = {}

    def put(self, key: int, body: Json, *, known: bool) -> None:
        """A row has this body now; ``known`` where it was indexed before."""
        self._pending[key] = body
        if known:
            self._stale.add(key)

    def drop(self, key: int, kind: str, identity: str) -> None:
        """A row has no body any more."""
        self._pending.pop(key, None)
        self._owners.pop((kind, identity), None)
        self._unindex([key])

    def patients(self, kind: str, identity: str) -> frozenset[str]:
        """Whose record a stored resource is in."""
        owners = self._owners.get((kind, identity))
        if owners is None:
            found = self._connection.execute(
                "SELECT c.patient FROM resource r JOIN compartment c ON c.key = r.key WHERE r.type = ? AND r.id = ?",
                (kind, identity),
            )
            owners = frozenset(str(row[0]) for row in found)
        return owners

    def holds(self, name: str, system: str, text: str) -> bool:
        """Whether any resource has this term."""
        place = self._places.get((name, system))
        query = "SELECT 1 FROM term WHERE place = ? AND text = ? LIMIT 1"
        return place is not None and self._connection.execute(query, (place, text)).fetchone() is not None

    def flush(self) -> None:
        """Bring it up to date with what was written."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        self._unindex([key for key in pending if key in self._stale])
        self._stale.clear()
        for key, body in pending.items():
            self._owners.pop((body["resourceType"], body["id"]), None)
            self._collect(key, body)
        many = self._connection.executemany
        many("INSERT OR IGNORE INTO term VALUES (?, ?, ?)", self._terms)
        many("INSERT OR IGNORE INTO date VALUES (?, ?, ?, ?)", self._dates)
        self._terms, self._dates = [], []
        indirect = {key: body for key, body in pending.items() if body["resourceType"] in INDIRECT_TYPES}
        self._place({key: body for key, body in pending.items() if key not in indirect})
        self._place(indirect)

    def _place(self, bodies: dict[int, Json]) -> None:
        owners = {key: patients_of(body, self.base_url, self.patients) for key, body in bodies.items()}
        rows = [(key, patient) for key, patients in owners.items() for patient in patients]
        self._connection.executemany("INSERT INTO compartment VALUES (?, ?)", rows)
        self._owners.update(((body["resourceType"], body["id"]), owners[key]) for key, body in bodies.items())

    def _unindex(self, keys: list[int]) -> None:
        for table in _BY_KEY if keys else ():
            self._connection.executemany(f"DELETE FROM {table} WHERE key = ?", [(key,) for key in keys])

    def _collect(self, key: int, body: Json) -> None:
        readers = elements_of(body["resourceType"])
        for name, value in body.items():
            for parameter, path in readers.get(name, ()):
                _ADD[parameter.kind](self, key, parameter, path(value))

    def _add_tokens(self, key: int, parameter: Parameter, elements: Iterable[object]) -> None:
        places, name = self._places, parameter.name
        self._terms += [(key, places[name, system], code) for element in elements for system, code in tokens(element)]

    def _add_uris(self, key: int, parameter: Parameter, elements: Iterable[object]) -> None:
        place = self._places[parameter.name, ""]
        self._terms += [(key, place, element) for element in elements if isinstance(element, str)]

    def _add_strings(self, key: int, parameter: Parameter, elements: Iterable[object]) -> None:
        place = self._places[parameter.name, ""]
        self._terms += [(key, place, text) for element in elements for text in strings(element)]

    def _add_dates(self, key: int, parameter: Parameter, elements: Iterable[object]) -> None:
        place = self._places[parameter.name, ""]
        self._dates += [(key, place, *found) for element in elements for found in dates(element)]

    def _add_references(self, key: int, parameter: Parameter, elements: Iterable[object]) -> None:
        for element in elements:
            if not isinstance(element, dict):
                continue
            literal = element.get("reference")
            if isinstance(literal, str):
                kind, identity = reference_key(literal, self.base_url)
                if not parameter.target or parameter.target == kind:
                    self._terms.append((key, self._places[parameter.name, kind], identity))
            logical = element.get("identifier")
            if isinstance(logical, dict):
                name = f"{parameter.name}:identifier"
                self._terms += [(key, self._places[name, system], code) for system, code in tokens(logical)]


_ADD: dict[str, Callable[[Index, int, Parameter, Iterable[object]], None]] = {
    "token": Index._add_tokens,
    "uri": Index._add_uris,
    "date": Index._add_dates,
    "string": Index._add_strings,
    "reference": Index._add_references,
}


def prepare_index(connection: sqlite3.Connection, base_url: str) -> None:
    """Make the index of a database whose resources have none of this layout."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == _LAYOUT:
        return
    connection.execute("BEGIN")
    for table in ("place", *_BY_KEY, *_BEFORE):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in filter(str.strip, _SCHEMA.split(";")):
        connection.execute(statement)
    index = Index(connection, base_url, Places(connection))
    for indirect in (False, True):
        for key, kind, body in connection.execute("SELECT key, type, body FROM resource WHERE body IS NOT NULL"):
            if (kind in INDIRECT_TYPES) is indirect:
                index.put(key, orjson.loads(body), known=False)
            if key % _AT_ONCE == 0:
                index.flush()
        index.flush()
    connection.execute(f"PRAGMA user_version = {_LAYOUT}")
    connection.execute("COMMIT")


def clear_index(connection: sqlite3.Connection) -> None:
    """Forget all rows of it."""
    for table in _BY_KEY:
        connection.execute(f"DELETE FROM {table}")
