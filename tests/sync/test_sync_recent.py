"""A run over a population in which little changed reads what changed, and misses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sync_desk import CLIENT_SYSTEM, CONSENT, Desk, row

from fhir_plugin.ehr import memory, memory_search
from fhir_plugin.sync.plans import prints
from fhir_plugin.sync.records.population import Population
from fhir_plugin.sync.sources.columns import propose_columns
from fhir_plugin.sync.sources.tables import Row, open_csv

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


@pytest.mark.parametrize("wrong", [{"fault": "sync-damaged"}, {"faults": ((2, "sync-formula"),)}])
def test_a_row_that_says_what_it_said_but_cannot_be_relied_on_any_more_is_not_passed_over(
    quiet: Desk, wrong: dict[str, Any]
) -> None:
    path = quiet.folder / "lijst.csv"
    table = open_csv(path)
    columns = replace(propose_columns(table.header, quiet.source), client_system=CLIENT_SYSTEM)

    def rows() -> Iterator[Row]:
        first, *others = table.rows()
        yield from (replace(first, **wrong), *others)

    quiet.plan_table(replace(table, rows=rows), columns)
    assert [problem.place.line for problem in quiet.problems] == [2]


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
    assert quiet.told.clients == 0


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


def test_what_an_edit_asks_for_is_found_again_until_it_is_applied(quiet: Desk) -> None:
    (consent,) = (body for body in quiet.ehr.all("Consent") if body["patient"]["reference"] == "Patient/p1003")
    quiet.edit(consent, status="inactive")
    for _ in range(3):
        later(quiet)
        assert quiet.plan(ROWS).totals.get("end") == 1


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


def test_everything_is_read_once_a_week_also_where_a_plan_is_made_each_day(quiet: Desk) -> None:
    read = []
    for _ in range(9):
        later(quiet)
        read.append(records_read(quiet))
    assert [each for each in read if each] == [["p1001", "p1002", "p1003"]]


def test_everything_is_read_again_after_a_week(quiet: Desk) -> None:
    later(quiet, days=8)
    assert records_read(quiet) == ["p1001", "p1002", "p1003"]
    later(quiet)
    assert records_read(quiet) == []


@pytest.mark.parametrize("listed", [ROWS, ROWS[:2]])
def test_on_the_day_a_consent_lapses_nobody_it_lapses_for_is_passed_over(
    quiet: Desk, listed: list[dict[str, str]]
) -> None:
    quiet.now = datetime(2027, 8, 30, 9, 0, tzinfo=UTC)
    quiet.plan(listed)
    later(quiet)
    assert records_read(quiet, listed) == []
    later(quiet)
    assert quiet.plan(listed).totals.get("end") == 3


def test_a_plan_for_one_client_does_not_count_as_having_read_the_others(quiet: Desk) -> None:
    quiet.edit(quiet.figures("p1002")[0], birthDate="1980-01-01")
    later(quiet)
    quiet.plan(ROWS, only="p1001")
    later(quiet)
    assert records_read(quiet) == ["p1002"]


@pytest.mark.parametrize(("rows", "part"), [(ROWS, {"is_whole": False}), (ROWS[:2], {"limit": 9})])
def test_a_plan_for_a_part_of_the_clients_does_not_count_as_having_looked_at_the_others(
    quiet: Desk, rows: list[dict[str, str]], part: dict[str, Any]
) -> None:
    quiet.plan(rows)
    later(quiet)
    (consent,) = (body for body in quiet.ehr.all("Consent") if body["patient"]["reference"] == "Patient/p1003")
    quiet.edit(consent, status="inactive")
    later(quiet)
    assert list(quiet.plan(ROWS[:2], **part).clients()) == []
    assert quiet.told.clients == 0
    later(quiet)
    assert quiet.plan(rows).totals.get("end") == 1


@pytest.fixture
def brought_in(desk: Desk) -> Desk:
    """A desk whose list was brought in a second ago: everything is younger than the margin of a search for changes."""
    desk.ehr.clock = lambda: desk.now
    desk.sync(ROWS)
    later(desk, seconds=1)
    return desk


def test_straight_after_a_run_what_it_wrote_itself_is_no_change(brought_in: Desk) -> None:
    assert records_read(brought_in) == []
    assert brought_in.plan(ROWS).totals["none"] == 3


def test_an_edit_straight_after_a_run_is_seen(brought_in: Desk) -> None:
    brought_in.edit(brought_in.figures("p1002")[0], birthDate="1980-01-01")
    assert records_read(brought_in) == ["p1002"]


def test_an_edit_straight_after_a_run_is_seen_where_every_version_has_the_same_number(brought_in: Desk) -> None:
    later(brought_in, seconds=1)
    figure = brought_in.figures("p1002")[0]
    brought_in.edit(figure, birthDate="1980-01-01")
    versions = brought_in.ehr.store["RelatedPerson"][figure["id"]]
    versions[-1]["meta"]["versionId"] = versions[-2]["meta"]["versionId"]
    assert records_read(brought_in) == ["p1002"]


def test_a_consent_people_take_back_while_a_run_writes_ends_the_place_in_the_next(quiet: Desk) -> None:
    (consent,) = (body for body in quiet.ehr.all("Consent") if body["patient"]["reference"] == "Patient/p1003")

    def take_back(method: str, path: str) -> None:
        if quiet.ehr.written and quiet.ehr.store["Consent"][consent["id"]][-1]["status"] == "active":
            quiet.edit(consent, status="inactive")

    quiet.plan(with_(2, Mobiel="06-12345677"))
    quiet.ehr.written.clear()
    quiet.ehr.after = take_back
    (step,) = quiet.apply()
    quiet.ehr.after = None
    assert step.state == "done"
    assert quiet.ehr.all("Consent") != []
    later(quiet, seconds=1)
    assert quiet.plan(with_(2, Mobiel="06-12345677")).totals.get("end") == 1


def test_an_ehr_that_tells_no_versions_is_read_again_straight_after(brought_in: Desk) -> None:
    for versions in brought_in.ehr.store["RelatedPerson"].values():
        versions[-1]["meta"].pop("versionId")
    assert records_read(brought_in) == ["p1001", "p1002", "p1003"]


@pytest.mark.parametrize("wish", ["_elements", "_sort"])
def test_an_ehr_that_refuses_a_wish_is_asked_without(quiet: Desk, monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    whole = memory_search.page_of

    def refuse(found: Any, params: Any, *rest: Any) -> Any:
        if wish in dict(params):
            raise memory._Refused(400, "not-supported")
        return whole(found, params, *rest)

    monkeypatch.setattr(memory, "page_of", refuse)
    quiet.edit(quiet.figures("p1002")[0], birthDate="1980-01-01")
    assert records_read(quiet) == ["p1002"]


def edited_pages(desk: Desk, happens: Callable[[], None]) -> list[str]:
    """Edit all figures; while pages of one are read something happens. Whose records were read?"""
    desk.ehr.behaviour = replace(desk.ehr.behaviour, page_size=1)
    for number in (1001, 1002, 1003):
        later(desk, seconds=1)
        desk.edit(desk.figures(f"p{number}")[0], birthDate="1980-01-01")
    later(desk, hours=1)
    asked = iter(("the hour", "the first page"))

    def once(_method: str, path: str) -> None:
        if path.strip("/") == "RelatedPerson" and next(asked) == "the first page":
            desk.ehr.after = None
            happens()

    desk.ehr.after = once
    return records_read(desk)


def test_an_edit_made_while_pages_are_read_hides_no_other(quiet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = memory_search.page_of
    monkeypatch.setattr(memory, "page_of", lambda *given: whole(*given) | {"total": None})
    first = quiet.figures("p1001")[0]
    found = edited_pages(quiet, lambda: quiet.edit(first, birthDate="1981-01-01"))
    later(quiet)
    assert sorted({*found, *records_read(quiet)}) == ["p1001", "p1002", "p1003"]


def test_what_is_removed_while_pages_are_read_hides_no_edit(quiet: Desk) -> None:
    first = quiet.figures("p1003")[0]["id"]
    found = edited_pages(quiet, lambda: quiet.ehr.store["RelatedPerson"].pop(first) and None)
    assert found == ["p1001", "p1002", "p1003"]


def test_a_client_who_became_unknown_is_told_in_every_plan(quiet: Desk) -> None:
    (child,) = (body for body in quiet.ehr.all("Patient") if body["id"] == "p1002")
    quiet.edit(child, identifier=[])
    for _ in range(3):
        later(quiet)
        quiet.plan(ROWS)
        assert {problem.code for problem in quiet.problems} == {"sync-client-unknown"}


def test_a_row_that_is_refused_beside_one_that_is_settled_is_told_in_every_plan(quiet: Desk) -> None:
    for _ in range(2):
        quiet.sync([*ROWS, ROWS[2]])
        later(quiet)
        assert [problem.code for problem in quiet.problems] == ["sync-row-double"]


def test_cells_that_run_into_each_other_are_not_the_same_rows(quiet: Desk) -> None:
    one = [ROWS[0] | {"Voornaam": "A\x1fB", "Tussenvoegsel": "C"}, *ROWS[1:]]
    other = [ROWS[0] | {"Voornaam": "A", "Tussenvoegsel": "B\x1fC"}, *ROWS[1:]]
    quiet.sync(one)
    later(quiet)
    assert records_read(quiet, one) == []
    assert records_read(quiet, other) == ["p1001"]


def test_another_version_of_this_software_looks_at_everybody_once(quiet: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prints, "_software", lambda: "another")
    assert records_read(quiet) == ["p1001", "p1002", "p1003"]
