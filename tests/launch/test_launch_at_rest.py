"""What is kept of a launch (threat *tokens-at-rest*): sealed, tied to its row, and gone when the launch is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from launch_fakes import KEY, Browser, Clock, FakeEhr, cookie_name
from sqlalchemy import select, update

from fhir_plugin.errors import StoreError
from smart_app.launch.launcher import Launcher
from smart_app.settings import Settings
from smart_app.store.tables import launches


@pytest.mark.threat("tokens-at-rest")
@pytest.mark.requirement("7", "8", "9", "90")
def test_a_dump_of_the_database_holds_no_token_patient_or_name(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr, tmp_path: Path
) -> None:
    ehr.token |= {"access_token": "CANARY-access", "refresh_token": "CANARY-refresh", "patient": "CANARY-patient"}
    ehr.claims = {"name": "CANARY-name", "fhirUser": "Practitioner/CANARY-user", "sub": "CANARY-sub"}
    path = tmp_path / "store.sqlite"
    app = make_app(replace(settings, database_url=f"sqlite:///{path}"))
    browser = Browser(app.test_client())
    launched = browser.launch(ehr, launch="CANARY-launch")
    browser.start(ehr, launch="CANARY-launch")
    cookie = browser.client.get_cookie(cookie_name(launched), domain="steun.example.nl")
    assert cookie is not None
    dump = b"".join(part.read_bytes() for part in tmp_path.iterdir())
    assert b"CANARY" not in dump
    assert cookie.value.encode() not in dump
    assert "CANARY" not in cookie.value


@pytest.mark.threat("tokens-at-rest")
def test_tokens_moved_to_another_launch_do_not_open(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> None:
    first, second = (browser.launch(ehr).split("/")[2] for _ in range(2))
    with launcher.store.engine.begin() as connection:
        row = connection.execute(select(launches).where(launches.c.id == first)).one()
        connection.execute(update(launches).where(launches.c.id == second).values(tokens=row.tokens, facts=row.facts))
    with pytest.raises(StoreError):
        launcher.store.tokens(second)
    assert browser.get(f"/l/{second}/probe").status_code == 500
    assert browser.get(f"/l/{first}/probe").status_code == 200


@pytest.mark.threat("tokens-at-rest")
def test_a_new_key_in_front_seals_and_the_old_one_still_opens_while_it_is_there(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr, tmp_path: Path
) -> None:
    settings = replace(settings, database_url=f"sqlite:///{tmp_path / 'store.sqlite'}")
    browser = Browser(make_app(settings).test_client())
    path = browser.launch(ehr)
    new = bytes(reversed(KEY))
    rotated = make_app(replace(settings, encryption_keys=(new, KEY)))
    browser.client.application = rotated
    assert browser.get(f"{path}probe").status_code == 200
    browser.client.application = make_app(replace(settings, encryption_keys=(new,)))
    assert browser.get(f"{path}probe").status_code == 409, "open it again from the record"


@pytest.mark.threat("tokens-at-rest")
def test_signing_out_purges_the_launch_and_no_other(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> None:
    kept, left = browser.launch(ehr), browser.launch(ehr)
    csrf = browser.get(f"{left}probe").get_json()["csrf"]
    answer = browser.post(f"{left}sign-out", {"csrf_token": csrf, "patient": "kind-1"})
    assert answer.status_code == 200
    with launcher.store.engine.connect() as connection:
        ids = {row.id for row in connection.execute(select(launches.c.id))}
    assert ids == {kept.split("/")[2]}
    assert browser.get(f"{left}probe").status_code == 409
    assert browser.get(f"{kept}probe").status_code == 200
    assert browser.client.get_cookie(cookie_name(left), domain="steun.example.nl") is None


@pytest.mark.threat("tokens-at-rest")
@pytest.mark.parametrize(("steps", "status"), [((1799, 1799), 200), ((1801,), 409), ((1500,) * 25, 409)])
def test_a_launch_ends_when_it_is_idle_and_when_it_is_old(
    browser: Browser, ehr: FakeEhr, clock: Clock, launcher: Launcher, steps: tuple[int, ...], status: int
) -> None:
    ehr.token["expires_in"] = 1_000_000
    path = browser.launch(ehr)
    for step in steps:
        clock.advance(step)
        answer = browser.get(f"{path}probe").status_code
    assert answer == status
    if status == 409:
        with launcher.store.engine.connect() as connection:
            assert connection.execute(select(launches.c.id)).first() is None
