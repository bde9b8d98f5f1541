"""Rows come together by client wherever they stand; of a client who is as before none is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sync_desk import CLIENT_SYSTEM, as_csv, row

from fhir_plugin.sync.sources.columns import propose_columns
from fhir_plugin.sync.sources.gathering import ClientRows, Gathering, Left, everybody
from fhir_plugin.sync.sources.naming import ClientKey, ClientNames
from fhir_plugin.sync.sources.tables import Row, Table, open_csv

HEADER = ("Cliëntnummer", "Figuur ID", "Voornaam")
lists = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3)), max_size=14)
"""Client and figure of each row."""


def gathering_of(rows: Sequence[tuple[int, int]], left: Left = everybody, window: int = 1000) -> Gathering:
    cells = [(str(client) if client < 6 else "", f"F{figure}", "Samira") for client, figure in rows]
    listed = [Row(line=place + 2, cells=each) for place, each in enumerate(cells)]
    table = Table(file="list.csv", header=HEADER, form="CSV", rows=lambda: iter(listed))
    columns = replace(propose_columns(HEADER, "jim"), client_system=CLIENT_SYSTEM)
    return Gathering(table, ClientNames(HEADER, columns), left=left, window=window)


def by_client(rows: Iterable[tuple[int, int]]) -> dict[str, list[str]]:
    """The figures of each client, in order."""
    found: dict[str, list[str]] = {}
    for client, figure in rows:
        if client < 6:
            found.setdefault(str(client), []).append(f"F{figure}")
    return found


@given(rows=lists, window=st.sampled_from((1, 2, 3, 1000)))
def test_rows_of_one_client_come_together_in_the_order_of_first_appearance(
    rows: list[tuple[int, int]], window: int
) -> None:
    gathering = gathering_of(rows, window=window)
    windows = list(gathering.windows())
    assert all(len(clients) <= window for clients in windows)
    found = [(client.key.value, [row.cells[1] for row in client.rows]) for some in windows for client in some]
    assert found == list(by_client(rows).items())
    assert [row.line for row in gathering.strays] == [place + 2 for place, (n, _) in enumerate(rows) if n == 6]
    gathering.close()


@given(before=lists, more=lists, grows=st.booleans(), window=st.sampled_from((1, 2, 3, 1000)))
def test_exactly_the_clients_whose_rows_are_as_they_were_are_passed_over(
    before: list[tuple[int, int]], more: list[tuple[int, int]], grows: bool, window: int
) -> None:
    now = before + more if grows else more
    known, wanted = by_client(before), by_client(now)

    def left(clients: Sequence[ClientRows]) -> Collection[ClientKey]:
        return [each.key for each in clients if known.get(each.key.value) != [row.cells[1] for row in each.rows]]

    gathering = gathering_of(now, left, window)
    found = {client.key.value: [row.cells[1] for row in client.rows] for some in gathering.windows() for client in some}
    assert found == {client: rows for client, rows in wanted.items() if known.get(client) != rows}
    passed = [rows for client, rows in wanted.items() if known.get(client) == rows]
    assert (gathering.clients, gathering.passed) == (len(wanted), (len(passed), sum(map(len, passed))))
    gathering.close()


def test_a_list_that_is_as_it_was_leaves_nothing_to_look_at() -> None:
    assert gathering_of([(1, 1), (2, 1)], lambda _clients: []).is_empty
    assert not gathering_of([(1, 1), (6, 1)], lambda _clients: []).is_empty


def test_rows_that_wait_on_disk_tell_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = tmp_path / "spool.sqlite"
    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda _name, **how: connect(spool, **how))
    path = tmp_path / "list.csv"
    path.write_text(as_csv([row(1001, "F1", Opmerking="woont om de hoek")]), encoding="utf-8")
    table = open_csv(path)
    columns = replace(propose_columns(table.header, "jim"), client_system=CLIENT_SYSTEM)
    gathering = Gathering(table, ClientNames(table.header, columns))
    assert gathering.clients == 1
    gathering.close()
    raw = spool.read_bytes()
    assert b"CREATE TABLE part" in raw
    for secret in (b"Samira", b"1001", b"om de hoek"):
        assert secret not in raw
