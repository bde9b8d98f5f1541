"""A run over a population in which little changed reads what changed, and misses nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sync_desk import CLIENT_SYSTEM, CONSENT, Desk, as_csv, row

from fhir_plugin.ehr import memory_search
from fhir_plugin.sync.records.population import Population
from fhir_plugin.sync.sources.columns import propose_columns
from fhir_plugin.sync.sources.gathering import Gathering
from fhir_plugin.sync.sources.rows import RowReader
from fhir_plugin.sync.sources.tables import open_csv
from fhir_plugin.sync.sources.wanted import ClientKey, Wanted

ALL = {**CONSENT, "Toestemming van": "ouders en jongere"}
ROWS = [
    row(1001, "F1", **ALL),
    row(1002, "F2", **{**ALL, "Voornaam": "Henk", "Toestemming van": "ouders"}),
    row(1003, "F3", **{**ALL, "Voornaam": "Loes", "Toestemming van": "jongere"}),
]


def with_(number: int, **cells: str) -> list[dict[str, str]]:
    """The list, with other cells in one row."""
    return [each | cells if position == number else each for position, each in enumerate(ROWS)]


@pytest.fixture
def quiet(desk: Desk) -> Desk:
    """A desk whose list was brought in a day ago; nothing happened since."""
    desk.ehr.clock = lambda: desk.now
    for kind in ("Patient", "RelatedPerson"):
        for body in desk.ehr.all(kind):
            desk.ehr.add(body)  # by the clock of this test
    later(desk)
    desk.sync(ROWS)
    later(desk)
    desk.plan(ROWS)
    later(desk)
    return desk


def later(desk: Desk, **passed: float) -> None:
    desk.now += timedelta(**(passed or {"days": 1}))


def records_read(desk: Desk, rows: list[dict[str, str]] = ROWS) -> list[str]:
    """Plan, and tell whose records were read."""
    read: list[str] = []
    whole = Population.records

    def look(population: Population, patients: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        read.extend(patients)
        return whole(population, patients)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Population, "records", look)
        desk.plan(rows)
    return sorted(read)


def test_a_run_in_which_nothing_changed_reads_no_record(quiet: Desk) -> None:
    assert records_read(quiet) == []
    assert quiet.plan(ROWS).totals["none"] == 3


def test_only_the_record_that_was_edited_is_read(quiet: Desk) -> None:
    quiet.edit(quiet.figures("p1002")[0], birthDate="1980-01-01")
    later(quiet)
    assert records_read(quiet) == ["p1002"]
    assert quiet.plan(with_(1, Geboortedatum="02-01-1980")).totals["conflict"] == 1


def test_only_the_record_whose_row_changed_is_read(quiet: Desk) -> None:
    assert records_read(quiet, with_(2, Mobiel="06-12345677")) == ["p1003"]


def test_what_a_plan_that_was_not_applied_found_is_found_again(quiet: Desk) -> None:
    changed = with_(0, Mobiel="06-12345677")
    assert quiet.plan(changed).totals["update"] == 1
    later(quiet)
    assert quiet.plan(changed).totals["update"] == 1


def test_a_plan_of_older_rows_that_is_applied_last_does_not_settle_the_newer_ones(quiet: Desk) -> None:
    newer = with_(2, Mobiel="06-12345677")
    quiet.plan(with_(2, Mobiel="06-12345678"))
    older = quiet.plan_path.read_bytes()
    quiet.plan(newer)
    quiet.plan_path.write_bytes(older)
    quiet.apply()
    later(quiet)
    assert quiet.plan(newer).totals["update"] == 1


def test_an_edit_that_became_visible_late_is_seen(quiet: Desk) -> None:
    late = quiet.now - timedelta(seconds=100)
    quiet.plan(ROWS)
    now, quiet.now = quiet.now, late
    quiet.edit(quiet.figures("p1002")[0], birthDate="1980-01-01")
    quiet.now = now + timedelta(hours=1)
    assert records_read(quiet) == ["p1002"]


def test_a_second_client_with_the_same_number_is_found(quiet: Desk) -> None:
    identifier = [{"system": CLIENT_SYSTEM, "value": "1002"}]
    quiet.ehr.add({"resourceType": "Patient", "id": "double", "identifier": identifier})
    later(quiet)
    quiet.plan(ROWS)
    assert {problem.code for problem in quiet.problems} == {"sync-client-double"}


def test_an_ehr_that_passes_over_the_parameter_is_read_whole(quiet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_search, "_changed", lambda _body, _value: True)
    assert records_read(quiet) == ["p1001", "p1002", "p1003"]


def test_an_ehr_that_finds_nothing_by_the_parameter_is_read_whole(quiet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_search, "_changed", lambda _body, _value: False)
    assert records_read(quiet) == ["p1001", "p1002", "p1003"]


def test_everything_is_read_again_after_a_week(quiet: Desk) -> None:
    later(quiet, days=8)
    assert records_read(quiet) == ["p1001", "p1002", "p1003"]
    later(quiet)
    assert records_read(quiet) == []


def test_a_plan_for_one_client_does_not_count_as_having_read_the_others(quiet: Desk) -> None:
    quiet.edit(quiet.figures("p1002")[0], birthDate="1980-01-01")
    later(quiet)
    quiet.plan(ROWS, only="p1001")
    later(quiet)
    assert records_read(quiet) == ["p1002"]


def gathered(folder: Path, numbers: list[int], window: int) -> Iterator[tuple[ClientKey, list[str]]]:
    """The keys of the figures by client, of a list in which each number is the client of a row."""
    path = folder / "list.csv"
    path.write_text(as_csv(row(number, f"F{place}") for place, number in enumerate(numbers)), encoding="utf-8")
    table = open_csv(path)
    columns = replace(propose_columns(table.header, "jim"), client_system=CLIENT_SYSTEM)
    gathering = Gathering(RowReader(table, columns), window=window)
    for clients in gathering.windows():
        assert len(clients) <= window
        for client in clients:
            yield client.key, [each.key for each in gathering.read(client) if isinstance(each, Wanted)]
    gathering.close()


@pytest.mark.parametrize("window", [1, 3, 1000])
def test_rows_of_one_client_come_together_in_the_order_of_first_appearance(tmp_path: Path, window: int) -> None:
    rng = random.Random(window)
    numbers = [rng.randrange(1, 12) for _ in range(60)]
    found = list(gathered(tmp_path, numbers, window))
    assert [key.value for key, _ in found] == [str(number) for number in dict.fromkeys(numbers)]
    for key, rows in found:
        assert rows == [f"F{place}" for place, number in enumerate(numbers) if str(number) == key.value]


def test_rows_that_wait_on_disk_tell_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = (tmp_path / "spool").open("w+b")
    monkeypatch.setattr("tempfile.SpooledTemporaryFile", lambda _size: spool)
    path = tmp_path / "list.csv"
    path.write_text(as_csv([row(1001, "F1", Opmerking="woont om de hoek")]), encoding="utf-8")
    table = open_csv(path)
    gathering = Gathering(RowReader(table, replace(propose_columns(table.header, "jim"), client_system=CLIENT_SYSTEM)))
    assert gathering.clients == 1
    spool.seek(0)
    raw = spool.read()
    assert raw
    for secret in (b"Samira", b"1001", b"om de hoek"):
        assert secret not in raw
    gathering.close()
