"""Two EHRs, an app that knows both, and a clock that only moves when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from flask import Flask, g
from joserfc.jwk import ECKey, RSAKey
from launch_fakes import APP, KEY, Browser, Clock, FakeEhr, new_launcher

from smart_app.app import create_app
from smart_app.launch.launcher import Launcher
from smart_app.settings import ClientType, Issuer, RateLimits, Settings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def ehr(http: responses.RequestsMock, clock: Clock) -> FakeEhr:
    made = FakeEhr(mock=http, clock=clock)
    made.install()
    return made


@pytest.fixture
def other_ehr(http: responses.RequestsMock, clock: Clock) -> FakeEhr:
    made = FakeEhr(mock=http, clock=clock, key="zuid", base="https://zuid.example.nl", client_id="app-at-zuid")
    made.install()
    return made


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    folder = tmp_path_factory.mktemp("keys")
    paths = []
    for name, key in (("ec", ECKey.generate_key("P-384")), ("rsa", RSAKey.generate_key(2048))):
        path = folder / f"{name}.pem"
        path.write_bytes(key.as_pem(private=True))
        paths.append(path)
    return tuple(paths)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(
        public_url=APP,
        issuers=(
            Issuer(
                key="noord",
                iss="https://noord.example.nl/fhir",
                organisation="Jeugdhulp Noord",
                client_id="app-at-noord",
                frame_ancestors=("https://noord.example.nl",),
                standalone=True,
            ),
            Issuer(
                key="zuid",
                iss="https://zuid.example.nl/fhir",
                organisation="Jeugdhulp Zuid",
                client_id="app-at-zuid",
                client_type=ClientType.SYMMETRIC,
                client_secret="geheim:van zuid",
                frame_ancestors=("https://zuid.example.nl",),
            ),
        ),
        encryption_keys=(KEY,),
        database_url="sqlite://",
        limits=RateLimits(launches_per_minute=1_000_000, requests_per_minute=1_000_000),
    )


@pytest.fixture
def make_app(clock: Clock) -> Callable[[Settings], Flask]:
    def make(settings: Settings) -> Flask:
        return _make(new_launcher(settings, clock))

    return make


@pytest.fixture(scope="session")
def kept_app(settings: Settings) -> Flask:
    """One Flask app for all tests that change no setting: its templates are compiled once."""
    return _make(new_launcher(settings, Clock()))


@pytest.fixture
def app(kept_app: Flask, settings: Settings, clock: Clock) -> Flask:
    kept_app.extensions["steunfiguren.launcher"] = new_launcher(settings, clock)
    return kept_app


def _make(launcher: Launcher) -> Flask:
    app = create_app(launcher.settings, store=launcher.store, clock=launcher.clock)
    app.add_url_rule("/l/<launch_id>/probe", "probe", _probe, methods=["GET", "POST"])
    return app


def _probe(launch_id: str) -> dict[str, Any]:
    """A page of a launch that says what it knows, for tests that look behind the views."""
    patient = g.launch.ehr.read("Patient", g.launch.patient_id)
    return {
        "id": launch_id,
        "patient": patient["id"],
        "name": patient["name"][0]["family"],
        "csrf": g.launch.csrf_token,
    }


@pytest.fixture
def launcher(app: Flask) -> Launcher:
    found: Launcher = app.extensions["steunfiguren.launcher"]
    return found


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def new_browser(app: Flask) -> Callable[[], Browser]:
    return lambda: Browser(app.test_client())
