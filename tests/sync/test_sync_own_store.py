"""What the own store promises, wherever it is kept: in a file, or in PostgreSQL beside the journal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sync_desk import KEY, new_database

from fhir_plugin.errors import EhrConflict, StoreError
from fhir_plugin.sync.journals.opening import database_url
from fhir_plugin.sync.journals.vault import KEY_VARIABLE, Vault, vault_of
from fhir_plugin.sync.records.own_store import OwnStore, own_path
from fhir_plugin.sync.records.storage import Storage

Json = dict[str, Any]
CONSENT = {"resourceType": "Consent", "id": "own-1", "patient": {"reference": "Patient/p1"}, "status": "active"}
VAULT = vault_of(KEY)


@pytest.fixture(params=["file", pytest.param("postgresql", marks=pytest.mark.peer)])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    database = "" if request.param == "file" else new_database(request.getfixturevalue("postgres"))
    return Storage(file=tmp_path / "sync.sqlite", database=database)


@pytest.fixture
def opened(storage: Storage) -> Callable[..., AbstractContextManager[OwnStore]]:
    return lambda ehr="https://ehr", vault=VAULT: storage.own_store(ehr, vault)


def test_a_resource_is_kept_with_a_version_of_ours_and_found_by_its_client_alone(opened: Any) -> None:
    with opened() as store:
        stored = store.keep("p1", CONSENT, base="7")
        assert stored["meta"]["versionId"] == "own-1"
    with opened() as store:
        (kept,) = store.kept(["p1", "p2"])
        assert (kept.patient, kept.base, kept.body) == ("p1", "7", stored)
        assert list(store.kept(["p2"])) == []
    with opened(ehr="https://other") as store:
        assert list(store.kept(["p1"])) == []


def test_a_change_is_made_on_the_version_it_was_decided_on_or_not_at_all(opened: Any) -> None:
    with opened() as store:
        first = store.keep("p1", CONSENT, base="7")["meta"]["versionId"]
        second = store.keep("p1", {**CONSENT, "status": "inactive"}, expected=first)
        assert second["meta"]["versionId"] == "own-2"
        with pytest.raises(EhrConflict):
            store.keep("p1", {**CONSENT, "status": "draft"}, expected=first)
        (kept,) = store.kept(["p1"])
        assert (kept.base, kept.body["status"]) == ("7", "inactive")


def test_what_waits_for_a_person_keeps_the_day_it_began_and_goes_when_it_is_seen(opened: Any) -> None:
    with opened() as store:
        store.leave("jim", "p1", {"plan": 1})
        (before,) = store.waiting("jim")
        store.leave("jim", "p1", {"plan": 2})
        store.leave("other", "p1", {"plan": 3})
        (after,) = store.waiting("jim")
        assert (after.since, after.content) == (before.since, {"plan": 2})
        store.seen("jim", ["p1", "p2"])
        assert store.waiting("jim") == []
        assert [item.content for item in store.waiting("other")] == [{"plan": 3}]


def test_all_that_runs_wrote_over_stays_until_it_is_seen_to_whatever_a_later_run_sees(opened: Any) -> None:
    with opened() as store:
        store.lose("jim", "p1", [{"id": "1"}])
        store.lose("jim", "p1", [{"id": "2"}])
        store.lose("jim", "p2", [{"id": "3"}])
        store.seen("jim", ["p1"])
        assert [(item.patient, [body["id"] for body in item.content["resources"]]) for item in store.lost("jim")] == [
            ("p1", ["1", "2"]),
            ("p2", ["3"]),
        ]
        store.see_to("jim", "p1")
        assert [item.patient for item in store.lost("jim")] == ["p2"]
        assert store.waiting("jim") == store.lost("school") == []


def test_a_saga_is_open_until_it_ends_and_its_steps_stay_for_an_undo(opened: Any) -> None:
    with opened() as store:
        store.begin_saga(4, "p1", [{"step": "people"}, {"step": "team"}])
        store.begin_saga(4, "p1", [{"step": "people"}, {"step": "consent"}])
        store.step_done(4, "p1", 0, {"id": "7"})
    with opened() as store:
        assert store.open_sagas(["p1", "p2"]) == [(4, "p1")]
        assert store.open_sagas(["p2"]) == []
        store.end_saga(4, "p1")
        assert store.open_sagas(["p1"]) == []
        assert store.saga(4, "p1") == [({"step": "people"}, {"id": "7"}), ({"step": "consent"}, None)]


def test_versions_come_in_the_order_they_were_made_also_past_nine(opened: Any) -> None:
    bodies: list[Json] = [{**CONSENT, "meta": {"versionId": str(number)}} for number in range(1, 12)]
    with opened() as store:
        store.add_versions(bodies)
        store.add_versions([])
        assert list(store.versions()) == bodies


def test_nothing_of_people_stands_in_it_in_clear_and_another_key_opens_nothing(opened: Any, storage: Storage) -> None:
    with opened() as store:
        store.keep("p1", {**CONSENT, "note": "Samira"})
        store.leave("jim", "p1", {"plan": "Samira"})
        store.begin_saga(1, "p1", [{"body": "Samira"}])
    file = own_path(storage.file)
    url = database_url(storage.database) if storage.database else f"sqlite:///{file}"
    engine = create_engine(url)
    with engine.connect() as connection:
        for table in ("kept", "open_item", "saga"):
            (row,) = connection.execute(text(f"SELECT * FROM {table}"))
            assert b"Samira" not in b"".join(bytes(cell) for cell in row if isinstance(cell, bytes | memoryview))
            assert "Samira" not in str(row)
    engine.dispose()
    with opened(vault=Vault(b"x" * 32)) as store, pytest.raises(StoreError):
        list(store.kept(["p1"]))


def test_a_file_that_is_no_own_store_is_an_error_of_the_tree(tmp_path: Path) -> None:
    storage = Storage(file=tmp_path / "sync.sqlite")
    own_path(storage.file).write_text("a note, nothing else; long enough to be no database" * 30, encoding="utf-8")
    with pytest.raises(StoreError) as raised, storage.own_store("https://ehr", VAULT):
        pass
    assert raised.value.code == "sync-own-store"
