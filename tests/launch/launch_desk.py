"""The app and the sandbox EHR in one process, over requests all the same, and a desk from which to launch."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.launch.launcher import Launcher
from smart_app.launch.phases import ActiveLaunch
from smart_app.launch.testing import session_to
from smart_app.sandbox import ASYMMETRIC, PUBLIC, SYMMETRIC, parts_of
from smart_app.sandbox.testing import Browser, RunningSandbox
from smart_app.settings import ClientType, Issuer, Settings

APP = "http://localhost:8401"
SECRET = "een-geheim_van.43~tekens"
CLIENTS = {
    "public": (ClientType.PUBLIC, PUBLIC, "ES384"),
    "symmetric": (ClientType.SYMMETRIC, SYMMETRIC, "ES384"),
    "asymmetric-es384": (ClientType.ASYMMETRIC, ASYMMETRIC, "ES384"),
    "asymmetric-rs384": (ClientType.ASYMMETRIC, ASYMMETRIC, "RS384"),
}


FIELD = re.compile(r'type="hidden" name="([^"]+)" value="([^"]*)"')
DOCUMENT = {"Sec-Fetch-Dest": "document"}


class InProcess:
    """A sandbox that is answered from within the process, over requests all the same."""

    def __init__(self, app: Flask) -> None:
        self.wsgi = app
        self.parts = parts_of(app)
        self.base_url = self.parts.settings.base_url
        self.session = session_to({self.base_url: app})

    def app(self, settings: Settings) -> Flask:
        return create_app(settings, session=self.session)

    def browser(self, user: str = "j.devries") -> Browser:
        http = self.session(Issuer(key="", iss="", organisation="", client_id=""))
        found = Browser(sandbox=RunningSandbox(base_url=self.base_url, parts=self.parts), http=http)
        found.sign_in(user)
        return found


def settings_for(sandbox: InProcess, folder: Path, name: str, keys: tuple[Path, ...] = ()) -> Settings:
    kind, _, algorithm = CLIENTS[name]
    demo = demo_settings(folder, ehr_url=sandbox.base_url)
    issuer = replace(
        demo.issuers[0],
        client_id=name,
        client_type=kind,
        client_secret=SECRET if kind is ClientType.SYMMETRIC else "",
        signing_algorithm=algorithm,
    )
    return replace(demo, issuers=(issuer,), signing_keys=keys, database_url="sqlite://")


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of a form."""
    return {name: unescape(value) for name, value in FIELD.findall(page)}


@dataclass
class Desk:
    """A browser of the app beside a browser in the EHR, on one sandbox."""

    app: Flask
    client: FlaskClient
    sandbox: InProcess
    name: str = "public"

    def answer(self, patient: str, user: str = "j.devries") -> TestResponse:
        """Launch up to the EHR's answer at the callback."""
        ehr = self.sandbox.browser(user)
        launch = ehr.launch(patient, self.name)
        away = self.client.get("/launch", base_url=APP, query_string=launch, headers=DOCUMENT)
        return away if away.status_code != 303 else self.callback(ehr.authorize(away.location))

    def callback(self, back: requests.Response) -> TestResponse:
        """The EHR's answer, as the app's browser brings it."""
        parts = urlsplit(back.headers["Location"])
        return self.client.get(f"{parts.path}?{parts.query}", base_url=APP)

    def page(self, answer: TestResponse) -> str:
        """The network page at which a launch ends."""
        assert answer.status_code == 303, answer.text
        page = self.client.get(answer.location, base_url=APP)
        assert page.status_code == 200, page.text
        return page.text

    def launch(self, patient: str, user: str = "j.devries") -> ActiveLaunch:
        answer = self.answer(patient, user)
        assert answer.status_code == 303, answer.text
        return self.active(answer.location)

    def active(self, path: str) -> ActiveLaunch:
        launch_id = path.split("/")[2]
        cookie = self.client.get_cookie(f"sf-l-{launch_id}", domain="localhost")
        assert cookie is not None
        launcher: Launcher = self.app.extensions["steunfiguren.launcher"]
        return launcher.active(launch_id, cookie.value)
