"""The real app, opened by somebody on a record of the sandbox EHR, all in one process and without a socket."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from lxml import html
from werkzeug.test import TestResponse

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.launch.keys import SigningKeys
from smart_app.launch.testing import session_to
from smart_app.sandbox import ASYMMETRIC, RegisteredClient, SandboxSettings, create_sandbox, demo_app, parts_of
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Interaction
from smart_app.sandbox.parts import Sandbox
from smart_app.sandbox.testing import Browser, RunningSandbox
from smart_app.settings import ClientType, Issuer, Settings

APP = "http://localhost:8401"
EHR = "http://localhost:8400"


@dataclass
class Room:
    """One sandbox, one app, and browsers in front of both."""

    app: Flask
    parts: Sandbox
    client: FlaskClient
    registration: str
    waited: list[float] = field(default_factory=list)
    path: str = ""
    page: html.HtmlElement | None = None

    def fault(self, name: str, *, on: bool = True) -> None:
        self.parts.faults.turn(name, on=on)

    def arrive(self, patient: str = "noor", user: str = "j.devries") -> TestResponse:
        """Launch as a user of the EHR, up to the answer of the callback."""
        http = session_to({EHR: self.parts_app})(Issuer(key="", iss="", organisation="", client_id=""))
        ehr = Browser(sandbox=RunningSandbox(base_url=EHR, parts=self.parts), http=http)
        ehr.sign_in(user)
        if self.parts.server.launches_by_post:
            page = html.fromstring(http.get(f"{EHR}/children/{patient}/launch/{self.registration}").text)
            (form,) = (one for one in page.forms if str(one.action).startswith(APP))
            away = self.client.post("/launch", data=dict(form.form_values()), base_url=APP,
                                    headers={"Sec-Fetch-Dest": "document"})  # fmt: skip
        else:
            query = ehr.launch(patient, self.registration)
            away = self.client.get("/launch", query_string=query, base_url=APP, headers={"Sec-Fetch-Dest": "document"})
        if away.status_code != 303:
            return away
        back = urlsplit(ehr.authorize(away.location).headers["Location"])
        return self.client.get(f"{back.path}?{back.query}", base_url=APP)

    def open(self, patient: str = "noor", user: str = "j.devries") -> Room:
        """Launch, with the network as the first page."""
        answer = self.arrive(patient, user)
        assert answer.status_code == 303, answer.text
        self.path = answer.location
        self.get()
        return self

    def get(self, path: str = "", status: int = 200) -> html.HtmlElement:
        return self._seen(self.client.get(self._url(path), base_url=APP, follow_redirects=True, buffered=True), status)

    def post(self, path: str, status: int = 200, **answers: Any) -> html.HtmlElement:
        """Send a form of the page that is open, with these answers."""
        assert self.page is not None
        guard = {name: self.page.xpath(f"string(//input[@name='{name}']/@value)") for name in ("csrf_token", "patient")}
        self.guard = guard if guard["csrf_token"] else self.guard
        answer = self.client.post(
            self._url(path), data=self.guard | answers, base_url=APP, follow_redirects=True, buffered=True
        )
        return self._seen(answer, status)

    def begin(self, path: str) -> str:
        """Begin to add or change; gives the path of the draft."""
        page = self.post(path)
        return str(page.get("data-path")).rpartition("/")[0] + "/"

    def stored(self, kind: str) -> list[dict[str, Any]]:
        """What the EHR keeps of a type."""
        asked = Interaction(method="GET", type=kind, params=(("_count", "1000"),))
        inner = self.parts.backend._inner  # type: ignore[attr-defined]
        return [entry["resource"] for entry in (inner.perform(asked, Guard.everything()).body or {}).get("entry", ())]

    def text(self) -> str:
        assert self.page is not None
        return " ".join(self.page.text_content().split())

    def _url(self, path: str) -> str:
        return path if path.startswith("/l/") else self.path + path

    def _seen(self, answer: TestResponse, status: int) -> html.HtmlElement:
        assert answer.status_code == status, (answer.status_code, html.fromstring(answer.text).text_content())
        self.page = html.fromstring(answer.text)
        self.page.set("data-path", answer.request.path)
        return self.page

    @property
    def parts_app(self) -> Flask:
        found: Flask = self.app.extensions["the EHR"]
        return found


def open_room(
    folder: Path, *, settings: dict[str, Any] | None = None, asymmetric: bool = False, watching: bool = False
) -> Room:
    """A sandbox with its fictional clients and the app beside it; nobody has opened it yet.

    Args:
        folder: for what the app keeps.
        settings: what differs from those of the demo.
        asymmetric: the app has all data by access of its own, as Koppeltaal wants it.
        watching: the app has access of its own to Flags, beside that of the user.
    """
    waited: list[float] = []
    registered = demo_app(APP, ("/callback/sandbox",))
    chosen = demo_settings(folder, public_url=APP, ehr_url=EHR)
    if asymmetric:
        registered, chosen = _asymmetric(registered, chosen, folder, "system/*.cruds", ("launch",))
    if watching:
        registered, chosen = _asymmetric(registered, chosen, folder, "system/Flag.rs", chosen.issuers[0].scopes)
    chosen = replace(chosen, database_url=f"sqlite:///{folder / 'room.sqlite'}", **(settings or {}))
    ehr = create_sandbox(SandboxSettings(base_url=EHR, clients=(registered,), pause=waited.append))
    app = create_app(chosen, session=session_to({EHR: ehr}))
    app.extensions["the EHR"] = ehr
    return Room(app, parts_of(ehr), app.test_client(), registered.client_id, waited)


def _asymmetric(
    client: RegisteredClient, settings: Settings, folder: Path, own: str, scopes: tuple[str, ...]
) -> tuple[RegisteredClient, Settings]:
    """An app with a key, and access of its own."""
    key = folder / "key.pem"
    key.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    issuer = replace(settings.issuers[0], client_type=ClientType.ASYMMETRIC, backend_scopes=(own,), scopes=scopes)
    registered = replace(
        client,
        auth=ASYMMETRIC,
        jwks=SigningKeys.load((key,)).jwks(),
        scope=f"{client.scope} {own}",
        grant_types=("authorization_code", "refresh_token", "client_credentials"),
    )
    return registered, replace(settings, issuers=(issuer,), signing_keys=(key,))
