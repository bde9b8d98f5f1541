"""What a journal promises, wherever it is kept: in a file, in memory, or in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError
from sync_desk import KEY, new_database

from fhir_plugin.errors import StoreError, UsageError
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import PersonName
from fhir_plugin.sync.journals.database import Database
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.journals.opening import open_database, open_journal
from fhir_plugin.sync.journals.tables import metadata
from fhir_plugin.sync.journals.vault import KEY_VARIABLE, vault_of
from fhir_plugin.sync.matching.linking import Remembered

Opening = Callable[..., AbstractContextManager[Journal]]
FIGURE = SupportFigure(name=PersonName(given=("Samira",), own_name="Amrani"))
AGREED = Remembered(identity="urn:uuid:1", target="r1", said=FIGURE, held=FIGURE, known=frozenset({"name.own_name"}))


def in_file(tmp_path: Path) -> Opening:
    return lambda ehr="https://ehr", source="jim": open_journal(tmp_path / "journal.sqlite", ehr, source)


def in_memory() -> Opening:
    engine = create_engine("sqlite://", isolation_level="AUTOCOMMIT")
    database = Database(engine.connect())
    database.make(metadata)

    @contextmanager
    def opened(ehr: str = "https://ehr", source: str = "jim") -> Iterator[Journal]:
        yield Journal(database, vault_of(KEY), ehr, source)

    return opened


def in_database(postgres: str) -> Opening:
    url = new_database(postgres)
    return lambda ehr="https://ehr", source="jim": open_database(url, ehr, source)


@pytest.fixture(params=["file", "memory", pytest.param("postgresql", marks=pytest.mark.peer)])
def opened(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opening:
    if request.param == "file":
        return in_file(tmp_path)
    if request.param == "memory":
        return in_memory()
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    return in_database(request.getfixturevalue("postgres"))


def test_what_was_agreed_is_there_when_the_journal_is_opened_again(opened: Opening) -> None:
    with opened() as journal:
        journal.remember({"p1": [AGREED]})
    with opened() as journal:
        found = journal.memory(["p1", "p2"])
    assert found["p2"] == {}
    held = found["p1"]["urn:uuid:1"]
    assert (held.target, held.known) == ("r1", AGREED.known)
    assert (held.said.name, held.held.name) == (FIGURE.name, FIGURE.name)


def test_one_source_and_one_ehr_know_nothing_of_another(opened: Opening) -> None:
    with opened() as journal:
        journal.remember({"p1": [AGREED]})
        journal.settle({"p1": "print"})
        journal.begin("plan", 1)
    for other in ({"ehr": "https://other"}, {"source": "other"}):
        with opened(**other) as journal:
            assert journal.memory(["p1"]) == {"p1": {}}
            assert journal.settled(["p1"]) == {}
            assert journal.runs() == []


def test_a_later_state_of_a_client_replaces_an_earlier_one(opened: Opening) -> None:
    with opened() as journal:
        run = journal.begin("plan", 2)
        journal.note(run, [Step(patient="p1", state="intent", undo={"new": []}), Step(patient="p2", state="same")])
        journal.note(run, [Step(patient="p1", state="done", resources=3, undo={"versions": {"A/1": "1"}})])
        assert [(step.patient, step.state) for step in journal.steps(run, "done")] == [("p1", "done")]
        assert journal.steps(run, "done")[0].undo == {"versions": {"A/1": "1"}}
        assert {step.undo for step in journal.steps(run, undo=False)} == {None}
        assert journal.count(run) == 2
        journal.finish(run)
        (known,) = journal.runs()
    assert (known.id, known.clients, known.resources) == (run, 2, 3)
    assert known.states == {"done": 1, "same": 1}
    assert known.finished


def test_of_many_clients_a_few_are_held_at_a_time_and_each_is_told_once(
    opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_plugin.sync.journals.journal._PAGE", 2)
    with opened() as journal:
        run, other = journal.begin("a plan", 5), journal.begin("another", 1)
        steps = [Step(patient=f"p{number}", state="done", code="x", resources=number) for number in range(5)]
        journal.note(run, [replace(step, undo={"before": {}}) for step in steps[::-1]])
        journal.note(other, [Step(patient="p9", state="done")])
        journal.remember({f"p{number}": [AGREED, replace(AGREED, identity="urn:uuid:2")] for number in range(3)})
        assert list(journal.told(run)) == [steps[:2], steps[2:4], steps[4:]]
        assert list(journal.remembered()) == [["p0", "p1"], ["p2"]]


def test_what_a_run_finds_out_about_the_ehr_is_counted_by_everyone_together(opened: Opening) -> None:
    with opened() as journal:
        run, other = journal.begin("plan", 1), journal.begin("plan", 1)
        journal.notice(run, {"lost-update-window": 2})
        journal.notice(other, {"untrue:atomic": 1})
    with opened() as journal:
        journal.notice(run, {"lost-update-window": 3})
        journal.notice(run, {})
        assert journal.noticed(run) == {"lost-update-window": 5}
        assert journal.noticed(0) == {}


def broken_off(journal: Journal) -> None:
    with journal.together():
        journal.remember({"p1": [AGREED]})
        journal.settle({"p1": "print"})
        raise RuntimeError


def test_what_is_written_together_is_all_there_or_not_at_all(opened: Opening) -> None:
    with opened() as journal:
        with pytest.raises(RuntimeError):
            broken_off(journal)
        assert journal.memory(["p1"]) == {"p1": {}}
        assert journal.settled(["p1"]) == {}
        with journal.together():
            journal.settle({"p1": "print"})
        assert journal.settled(["p1"]) == {"p1": "print"}


def test_of_rows_that_are_written_at_once_all_are_there_or_none(opened: Opening) -> None:
    with opened() as journal:
        with pytest.raises(IntegrityError):
            journal.see({"key-1": "p1", "key-2": None})  # type: ignore[dict-item]  a row the table refuses
        assert journal.met() == 0
        with journal.together():
            journal.see({"key-1": "p1", "key-2": "p2"})
        assert journal.met() == 2


def test_what_is_forgotten_is_gone_for_that_client_alone(opened: Opening) -> None:
    with opened() as journal:
        for patient in ("p1", "p2"):
            journal.remember({patient: [AGREED]})
            journal.settle({patient: "print"})
        journal.forget("p1")
        assert [len(found) for found in journal.memory(["p1", "p2"]).values()] == [0, 1]
        assert journal.settled(["p1", "p2"]) == {"p2": "print"}


@pytest.mark.peer
def test_a_client_is_written_by_one_worker_at_a_time(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    opened, order, waiting = in_database(postgres), [], Event()

    def second() -> None:
        with opened() as journal:
            waiting.set()
            with journal.alone(["p2", "p1"]):
                order.append("second")

    with opened() as journal:
        thread = Thread(target=second)
        with journal.alone(["p1"]):
            thread.start()
            assert waiting.wait(10)
            with opened() as other, other.alone(["p3"]):
                order.append("another client")
            thread.join(0.2)
            order.append("first")
        thread.join(10)
    assert order == ["another client", "first", "second"]


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://x/y", "nonsense", ""])
def test_a_database_that_is_not_postgresql_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with pytest.raises(UsageError), open_database(url, "https://ehr", "jim"):
        pass


def test_a_database_without_the_key_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(StoreError), open_database("postgresql://127.0.0.1/x", "https://ehr", "jim"):
        pass


def test_a_database_that_cannot_be_reached_is_an_error_of_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    with pytest.raises(StoreError), open_database("postgresql://127.0.0.1:1/x", "https://ehr", "jim"):
        pass


def test_a_journal_without_its_key_gets_no_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    path = tmp_path / "sync.sqlite"
    with open_journal(path, "https://e", "jim"):
        pass
    key = tmp_path / "sync.sqlite.key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(StoreError) as caught, open_journal(path, "https://e", "jim"):
        pass
    assert caught.value.code == "sync-journal-key"
    assert not key.exists()
    key.write_bytes(kept)
    with open_journal(path, "https://e", "jim"):
        pass


def test_a_folder_that_is_closed_is_not_told_as_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> int:
        raise PermissionError(13, "no", "sync.sqlite.lock")

    monkeypatch.setattr("fhir_plugin.sync.journals.opening.os.open", refuses)
    with pytest.raises(PermissionError), open_journal(tmp_path / "sync.sqlite", "https://e", "jim"):
        pass


def test_a_run_waits_for_no_process_of_an_earlier_one_that_is_still_at_work(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"

    def opening(**how: Any) -> AbstractContextManager[Journal]:
        return open_journal(path, "https://ehr", "jim", **how)

    with opening(), opening(beside=True), opening(beside=True):
        pass
    with opening(beside=True), pytest.raises(StoreError), opening():
        pass
    with opening():
        pass
