"""Search: criteria, includes, sorting, summaries and pages (https://hl7.org/fhir/R4/search.html)."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.parameters import parameters_of
from smart_app.sandbox.fhir.query import Condition, Criteria, is_plain, visible
from smart_app.sandbox.fhir.store import Row, Session

__all__ = ["Searcher", "matching", "names_nobody", "sees"]

DEFAULT_COUNT, MAX_COUNT, MAX_CURSORS = 100, 1000, 500
_RESULT_PARAMS = {"_count", "_sort", "_include", "_revinclude", "_summary", "_elements", "_total", "_format", "_pretty"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How the result is to look."""

    count: int
    sort: tuple[str, ...]
    includes: tuple[tuple[bool, str, str, str], ...]
    summary: str
    elements: frozenset[str]
    wired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    """A search whose further pages may be asked for, by the one who asked the first."""

    identity: str
    kind: str
    keys: tuple[int, ...]
    shape: _Shape


def matching(
    session: Session, kind: str, params: Sequence[tuple[str, str]], guard: Guard, permission: str
) -> list[Row]:
    """Visible resources that meet the criteria, in the order they were first stored."""
    criteria = Criteria(base_url=session.base_url, guard=guard)
    found = Condition.both([criteria.condition(kind, params), visible(guard, kind, permission, criteria)])
    return session.rows(
        f"FROM resource r WHERE {found.of_type} AND r.body IS NOT NULL AND {found.sql} ORDER BY r.key",
        (kind, *found.arguments),
    )


def names_nobody(session: Session, kind: str, params: Sequence[tuple[str, str]], guard: Guard, permission: str) -> bool:
    """Whether the criteria hold an identifier that nothing has, which costs less to see than to search for.

    False says nothing: criteria and rights of which something may be wrong are left to the search.

    Raises:
        FhirError: 403, no scope opens this interaction on this type.
    """
    if not is_plain(kind, params) or any(grant.query for grant in guard.grants(kind, permission)):
        return False
    pairs = (value.partition("|") for name, value in params if name == "identifier")
    return any(code and not session.holds("identifier", system, code) for system, _, code in pairs)


def sees(session: Session, row: Row, guard: Guard, permission: str) -> bool:
    """Whether the guard's rights reach this resource.

    Raises:
        FhirError: 403, no scope opens this interaction on this type at all.
    """
    if any(grant.patient is None and not grant.query for grant in guard.grants(row.type, permission)):
        return True
    seen = visible(guard, row.type, permission, Criteria(base_url=session.base_url, guard=guard))
    return bool(
        session.keys(f"SELECT r.key FROM resource r WHERE r.key = ? AND {seen.sql}", (row.key, *seen.arguments))
    )


class Searcher:
    """Runs searches and remembers, for a while, which further pages they have.

    A page's link holds a random word instead of the criteria: criteria may hold a BSN, and a BSN is never in a URL.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._cursors: OrderedDict[str, _Cursor] = OrderedDict()

    def search(self, session: Session, interaction: Interaction, guard: Guard) -> Json:
        """The first page.

        Raises:
            FhirError: 400 for what is not supported, 403 for what no scope opens.
        """
        shape = _shape(interaction.params, wired=interaction.wired)
        criteria = Criteria(base_url=session.base_url, guard=guard, lenient=interaction.lenient)
        params = [pair for pair in interaction.params if pair[0].partition(":")[0] not in _RESULT_PARAMS]
        found = Condition.both(
            [criteria.condition(interaction.type, params), visible(guard, interaction.type, "s", criteria)]
        )
        order, order_arguments = _order(interaction.type, shape.sort)
        keys = session.keys(
            f"SELECT r.key FROM resource r WHERE {found.of_type} AND r.body IS NOT NULL AND {found.sql} "
            f"ORDER BY {order}",
            (interaction.type, *found.arguments, *order_arguments),
        )
        cursor = _Cursor(identity=guard.identity, kind=interaction.type, keys=tuple(keys), shape=shape)
        bundle = self._page(session, cursor, "", 0, guard)
        if interaction.method == "GET":
            bundle["link"].insert(0, {"relation": "self", "url": self._self(interaction)})
        return bundle

    def page(self, session: Session, word: str, offset: int, guard: Guard) -> Json:
        """A further page.

        Raises:
            FhirError: 410, the search is forgotten or somebody else's.
        """
        with self._lock:
            cursor = self._cursors.get(word)
        if cursor is None or cursor.identity != guard.identity or offset < 0:
            raise FhirError(410, "expired", "This page is no longer kept: search again.")
        return self._page(session, cursor, word, offset, guard)

    def _page(self, session: Session, cursor: _Cursor, word: str, offset: int, guard: Guard) -> Json:
        shape = cursor.shape
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(cursor.keys), "link": []}
        if shape.summary == "count":
            return bundle
        rows = _by_key(session, cursor.kind, cursor.keys[offset : offset + shape.count], guard, "s")
        entries = [self._entry(row, "match", shape) for row in rows]
        entries += [self._entry(row, "include", shape) for row in _included(session, rows, shape.includes, guard)]
        if entries:
            bundle["entry"] = entries
        following = offset + shape.count
        if shape.count and following < len(cursor.keys):
            url = f"{self._base_url}?{urlencode({'_page': word or self._keep(cursor), '_offset': following})}"
            bundle["link"].append({"relation": "next", "url": url})
        return bundle

    def _keep(self, cursor: _Cursor) -> str:
        word = secrets.token_urlsafe(16)
        with self._lock:
            self._cursors[word] = cursor
            while len(self._cursors) > MAX_CURSORS:
                self._cursors.popitem(last=False)
        return word

    def _entry(self, row: Row, mode: str, shape: _Shape) -> Json:
        resource: Any
        if shape.elements:
            resource = _subset(row.json(), shape.elements)
        else:
            resource = orjson.Fragment(row.body) if shape.wired and row.body else row.json()
        return {"fullUrl": f"{self._base_url}/{row.type}/{row.id}", "resource": resource, "search": {"mode": mode}}

    def _self(self, interaction: Interaction) -> str:
        query = urlencode(interaction.params)
        return f"{self._base_url}/{interaction.type}" + (f"?{query}" if query else "")


def _by_key(session: Session, kind: str, keys: Sequence[int], guard: Guard, permission: str) -> list[Row]:
    """Rows in the order of the keys; those deleted or closed off meanwhile are left out."""
    if not keys:
        return []
    seen = visible(guard, kind, permission, Criteria(base_url=session.base_url, guard=guard))
    marks = ",".join("?" * len(keys))
    rows = session.rows(
        f"FROM resource r WHERE r.key IN ({marks}) AND +r.type = ? AND r.body IS NOT NULL AND {seen.sql}",
        (*keys, kind, *seen.arguments),
    )
    found = {row.key: row for row in rows}
    return [found[key] for key in keys if key in found]


def _included(
    session: Session, matches: Sequence[Row], includes: Sequence[tuple[bool, str, str, str]], guard: Guard
) -> list[Row]:
    found: dict[int, Row] = {}
    seen = {row.key for row in matches}
    fresh: Sequence[Row] = matches
    rules = list(includes)
    while fresh and rules:
        added = [row for rule in rules for row in _follow(session, fresh, rule, guard) if row.key not in seen]
        fresh = list({row.key: row for row in added}.values())
        found.update((row.key, row) for row in fresh)
        seen.update(row.key for row in fresh)
        rules = [rule for rule in includes if rule[3] == "iterate"]
    return list(found.values())


def _follow(session: Session, rows: Sequence[Row], rule: tuple[bool, str, str, str], guard: Guard) -> Iterable[Row]:
    reverse, kind, name, _ = rule
    if reverse:
        keys = [
            key
            for row in rows
            for key in session.keys(
                "SELECT r.key FROM term x JOIN resource r ON r.key = x.key WHERE r.type = ? AND x.text = ? "
                "AND x.place = (SELECT p.id FROM place p WHERE p.param = ? AND p.system = ?)",
                (kind, row.id, name, row.type),
            )
        ]
        return _permitted(session, kind, keys, guard)
    keys = [row.key for row in rows if row.type == kind]
    marks = ",".join("?" * len(keys))
    targets = session.rows(
        "FROM term x JOIN place p ON p.id = x.place JOIN resource r ON r.type = p.system AND r.id = x.text "
        f"WHERE x.key IN ({marks}) AND p.param = ? AND r.body IS NOT NULL ORDER BY x.key, r.key",
        (*keys, name),
    )
    by_type: dict[str, list[int]] = {}
    for row in targets:
        by_type.setdefault(row.type, []).append(row.key)
    return [row for target, found in by_type.items() for row in _permitted(session, target, found, guard)]


def _permitted(session: Session, kind: str, keys: list[int], guard: Guard) -> list[Row]:
    """What an include may show: a type without a scope is left out, as SMART asks, not refused."""
    try:
        return _by_key(session, kind, list(dict.fromkeys(keys)), guard, "r")
    except FhirError as error:
        if error.status == 403:
            return []
        raise


def _order(kind: str, sort: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    parts, arguments = [], []
    for item in sort:
        name, direction = item.lstrip("-"), "DESC" if item.startswith("-") else "ASC"
        parameter = parameters_of(kind).get(name)
        if name in ("_id", "_lastUpdated"):
            parts.append(f"{'r.id' if name == '_id' else 'r.updated'} {direction}")
        elif parameter and parameter.kind in ("date", "string", "token"):
            least = "min(x.low) FROM date x" if parameter.kind == "date" else "min(x.text) FROM term x"
            places = "SELECT p.id FROM place p WHERE p.param = ?"
            parts.append(f"(SELECT {least} WHERE x.key = r.key AND x.place IN ({places})) {direction}")
            arguments.append(name)
        else:
            raise FhirError(400, "not-supported", f"{kind} cannot be sorted by '{name}' here.")
    return ", ".join([*parts, "r.key"]), tuple(arguments)


def _shape(params: Sequence[tuple[str, str]], *, wired: bool) -> _Shape:
    values = {name: value for name, value in params if name in _RESULT_PARAMS}
    count = values.get("_count", str(DEFAULT_COUNT))
    if not count.isdecimal():
        raise FhirError(400, "invalid", "'_count' is a number.")
    summary = values.get("_summary", "false")
    if summary not in ("false", "true", "count"):
        raise FhirError(400, "not-supported", "'_summary' is true, false or count here.")
    return _Shape(
        count=min(int(count), MAX_COUNT),
        sort=tuple(item for item in values.get("_sort", "").split(",") if item),
        includes=tuple(_include(name, value) for name, value in params if name.startswith(("_include", "_revinclude"))),
        summary="count" if count == "0" else summary,
        elements=frozenset(item for item in values.get("_elements", "").split(",") if item),
        wired=wired,
    )


def _include(name: str, value: str) -> tuple[bool, str, str, str]:
    word, _, modifier = name.partition(":")
    kind, _, parameter = value.partition(":")
    parameter = parameter.partition(":")[0]
    known = parameters_of(kind).get(parameter)
    if known is None or known.kind != "reference" or modifier not in ("", "iterate"):
        raise FhirError(400, "not-supported", f"'{word}' takes Type:parameter of a reference this server knows.")
    return word == "_revinclude", kind, parameter, modifier


def _subset(resource: Json, elements: frozenset[str]) -> Json:
    kept = {name: value for name, value in resource.items() if name in elements | {"resourceType", "id", "meta"}}
    tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    kept["meta"] = {**kept.get("meta", {}), "tag": [*kept.get("meta", {}).get("tag", []), tag]}
    return kept
