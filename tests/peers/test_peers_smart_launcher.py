"""The app's launch against the SMART App Launcher of smart-on-fhir (Node), in front of our sandbox's FHIR store.

Start that launcher yourself, on loopback, and name it: ``SMART_LAUNCHER=http://127.0.0.1:9409 make peers``; see
``docs/peers.md`` for its version and settings. It keeps nothing: what it is to simulate stands in its FHIR base URL, as
a base64url JSON array, so every case is an issuer of its own.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask
from joserfc.jwk import ECKey, RSAKey

from smart_app.app import create_app
from smart_app.launch.launcher import Launcher
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.serving import LateApp, listening
from smart_app.sandbox.testing import RunningSandbox, running_sandbox
from smart_app.settings import ClientType, Issuer, SessionLimits, Settings

SERVER = os.environ.get("SMART_LAUNCHER", "").rstrip("/")
SECRET = "een-geheim_van.43~tekens"
PROVIDER, CHILD = "joke-de-vries", "noor"
PROVIDER_STANDALONE, PATIENT_STANDALONE = 2, 3
"""Its numbers for kinds of launch; 0 is from an EHR."""

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not SERVER, reason="SMART_LAUNCHER does not name a running SMART App Launcher"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the launcher is to simulate."""

    name: str
    client: ClientType = ClientType.PUBLIC
    algorithm: str = "ES384"
    launch_type: int = 0
    patient: str = CHILD
    provider: str = PROVIDER
    skip: bool = True
    error: str = ""
    secret: str = SECRET
    authorize_post: bool = False
    check_refreshed_identity: bool = False

    def simulation(self, fhir: str, jwks: str) -> str:
        """The launcher's own notation, in the order of its fields."""
        symmetric, asymmetric = self.client is ClientType.SYMMETRIC, self.client is ClientType.ASYMMETRIC
        values = [
            self.launch_type,
            self.patient,
            self.provider,
            "NONE",  # encounter
            int(self.skip),  # of the login
            int(self.skip),  # of the authorization page
            0,  # simulate an EHR around the app
            "",  # scopes it may be granted: all
            "",  # redirect URIs: any
            f"app-{self.name}",
            self.secret if symmetric else "",
            self.error,
            jwks if asymmetric else "",
            "",
            (ClientType.PUBLIC, ClientType.SYMMETRIC, ClientType.ASYMMETRIC).index(self.client),
            2,  # PKCE: always
            fhir,
        ]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


KINDS = (
    Case(name="public"),
    Case(name="public-post", authorize_post=True),
    Case(name="symmetric", client=ClientType.SYMMETRIC),
    Case(name="rs384", client=ClientType.ASYMMETRIC, algorithm="RS384"),
    Case(name="es384", client=ClientType.ASYMMETRIC, algorithm="ES384"),
)
REFUSED = (
    Case(name="wrong-secret", client=ClientType.SYMMETRIC, secret="another"),
    Case(name="bad-client", error="auth_invalid_client_id"),
    Case(name="bad-redirect", error="auth_invalid_redirect_uri"),
    Case(name="bad-scope", error="auth_invalid_scope"),
    Case(name="bad-secret", client=ClientType.SYMMETRIC, error="auth_invalid_client_secret"),
    Case(name="bad-token", error="token_invalid_token"),
    Case(name="bad-jti", client=ClientType.ASYMMETRIC, error="token_invalid_jti"),
    Case(name="bad-assertion", client=ClientType.ASYMMETRIC, error="token_expired_registration_token"),
)
EXPIRED = Case(name="expired-refresh", error="token_expired_refresh_token")
STRICT = Case(name="strict", check_refreshed_identity=True)
STANDALONE = Case(name="standalone", launch_type=PROVIDER_STANDALONE, patient="noor,lotte", skip=False)
YOUTH = Case(name="youth", launch_type=PATIENT_STANDALONE, patient="lotte", provider="")


@dataclass
class Desk:
    """The app, listening, and everything it may be launched by."""

    url: str
    app: Flask
    issuers: dict[str, Issuer]
    simulations: dict[str, str]
    ahead: list[float] = field(default_factory=lambda: [0.0])

    @property
    def launcher(self) -> Launcher:
        found: Launcher = self.app.extensions["steunfiguren.launcher"]
        return found

    def address(self, case: Case) -> str:
        """Where a browser starts."""
        issuer = self.issuers[case.name]
        if case.launch_type >= PROVIDER_STANDALONE:
            return f"{self.url}/start?{urlencode({'issuer': issuer.key})}"
        return f"{self.url}/launch?{urlencode({'iss': issuer.iss, 'launch': self.simulations[case.name]})}"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(open_access=True), host="127.0.0.1") as running:
        yield running


@pytest.fixture(scope="module")
def desk(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("keys")
    keys = []
    for name, key in (("ec", ECKey.generate_key("P-384")), ("rsa", RSAKey.generate_key(2048))):
        keys.append(folder / name)
        keys[-1].write_bytes(key.as_pem(private=True))
    late = LateApp()
    with listening(late, port=0) as port:
        url = f"http://127.0.0.1:{port}"
        cases = (*KINDS, *REFUSED, EXPIRED, STRICT, STANDALONE, YOUTH)
        simulations = {case.name: case.simulation(sandbox.issuer, f"{url}/jwks.json") for case in cases}
        issuers = {case.name: _issuer(case, simulations[case.name]) for case in cases}
        desk = Desk(url, Flask(__name__), issuers, simulations)
        desk.app = late.app = create_app(
            _settings(url, tuple(issuers.values()), tuple(keys), folder), clock=lambda: time.time() + desk.ahead[0]
        )
        yield desk


@pytest.fixture(autouse=True)
def now(desk: Desk) -> Iterator[None]:
    yield
    desk.ahead[0] = 0.0


def _issuer(case: Case, simulation: str) -> Issuer:
    return Issuer(
        key=case.name,
        iss=f"{SERVER}/v/r4/sim/{simulation}/fhir",
        organisation=f"SMART App Launcher ({case.name})",
        client_id=f"app-{case.name}",
        client_type=case.client,
        client_secret=SECRET if case.client is ClientType.SYMMETRIC else "",
        signing_algorithm=case.algorithm,
        frame_ancestors=(SERVER,),
        allow_private_addresses=True,
        standalone=case.launch_type >= PROVIDER_STANDALONE,
        check_refreshed_identity=case.check_refreshed_identity,
        authorize_post=case.authorize_post,
    )


def _settings(url: str, issuers: tuple[Issuer, ...], keys: tuple[Path, ...], folder: Path) -> Settings:
    return Settings(
        public_url=url,
        issuers=issuers,
        encryption_keys=(bytes(32),),
        signing_keys=keys,
        database_url=f"sqlite:///{folder / 'app.sqlite'}",
        session=SessionLimits(idle=timedelta(hours=2)),
    )


def launch(desk: Desk, case: Case) -> tuple[requests.Session, requests.Response]:
    """A browser without scripts, from the launch to where it ends; gives it with its last answer."""
    http = requests.Session()
    http.headers["Sec-Fetch-Dest"] = "document"
    answer = http.get(desk.address(case), timeout=20)
    if 'class="authorize"' in answer.text or 'name="code_challenge"' in answer.text:
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text.replace("&amp;", "&")))
        target = re.findall(r'action="([^"]+)"', answer.text)
        answer = http.post(next(one for one in target if "/auth/authorize" in one), data=fields, timeout=20)
    return http, answer


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case.name)
def test_each_kind_of_client_launches_through_to_the_page_and_renews(desk: Desk, case: Case) -> None:
    http, page = launch(desk, case)
    assert page.status_code == 200, page.text
    assert re.fullmatch(rf"{desk.url}/l/[0-9a-f]{{32}}/", page.url)
    assert "Noor Yilmaz" in page.text
    assert "je bent Joke de Vries" in page.text, "its id_token holds no name: that is read from the fhirUser"
    launch_id = page.url.split("/")[-2]
    before = desk.launcher.store.tokens(launch_id).version
    desk.ahead[0] = 3595.0
    again = http.get(page.url, timeout=20)
    assert again.status_code == 200, again.text
    assert desk.launcher.store.tokens(launch_id).version > before


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_what_the_launcher_refuses_opens_nothing(desk: Desk, case: Case) -> None:
    http, answer = launch(desk, case)
    assert answer.status_code == 403
    assert "Het dossiersysteem gaf geen toegang" in answer.text
    assert not [cookie.name for cookie in http.cookies if cookie.name.startswith("sf-l-")]


def test_a_refresh_that_the_launcher_refuses_ends_the_launch(desk: Desk) -> None:
    http, page = launch(desk, EXPIRED)
    assert page.status_code == 200
    desk.ahead[0] = 3595.0
    assert http.get(page.url, timeout=20).status_code == 409


def test_its_refreshed_identity_names_no_audience_and_is_not_believed_unless_the_settings_leave_it_unread(
    desk: Desk,
) -> None:
    http, page = launch(desk, STRICT)
    assert page.status_code == 200
    desk.ahead[0] = 3595.0
    assert http.get(page.url, timeout=20).status_code == 409


def test_a_youth_who_starts_at_the_app_sees_their_own_network(desk: Desk) -> None:
    _, page = launch(desk, YOUTH)
    assert page.status_code == 200
    assert "Netwerk van Lotte" in page.text
    assert "je bent de jongere" in page.text


@pytest.fixture
def page(launch_chromium: Callable[..., Any]) -> Iterator[Any]:
    context = launch_chromium().new_context(viewport={"width": 1280, "height": 900}, locale="nl-NL")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_a_child_chosen_on_the_launchers_own_page_is_the_child_on_screen(desk: Desk, page: Any, tmp_path: Path) -> None:
    page.goto(desk.address(STANDALONE))
    page.get_by_text("Charlotte Maria Hendriks").click()
    page.get_by_role("button", name="Approve").click()
    page.locator("h1").wait_for()
    page.screenshot(path=tmp_path / "standalone.png", full_page=True)
    assert page.locator("h1").inner_text() == "Netwerk van Lotte"
    assert page.url.startswith(f"{desk.url}/l/")


def test_the_app_works_in_the_frame_of_its_simulated_ehr(desk: Desk, page: Any, tmp_path: Path) -> None:
    page.goto(f"{SERVER}/ehr?{urlencode({'app': desk.address(KINDS[0])})}")
    frame = page.frame_locator("iframe")
    frame.locator("h1").wait_for()
    page.screenshot(path=tmp_path / "frame.png", full_page=True)
    assert frame.locator("h1").inner_text() == "Netwerk van Noor"
