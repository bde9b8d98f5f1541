"""The real app in front of the sandbox EHR in one process, and somebody who reads everything that goes by.

Each request to the EHR is compared with the child its token was given for and with the launch the app is answering;
each answer, log line and stored row with the child it belongs to.
"""

from __future__ import annotations

import io
import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text as sql
from werkzeug.test import TestResponse
from wrong_patient_children import CHILDREN, USERS, marks, patient_id, record

from smart_app import logs
from smart_app.app import create_app
from smart_app.launch.launcher import Launcher
from smart_app.launch.testing import WsgiAdapter
from smart_app.sandbox import SandboxSettings, create_sandbox, demo_app, parts_of
from smart_app.sandbox.auth.state import AuthState
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Interaction
from smart_app.sandbox.people import People
from smart_app.sandbox.seed.loading import store
from smart_app.settings import Issuer, RateLimits, Settings
from smart_app.store.crypto import Keyring
from smart_app.store.engine import open_engine
from smart_app.store.launches import LaunchStore

APP = "https://steun.example.nl"
EHR = "http://localhost:8400"
MAY_ANSWER = frozenset({200, 303, 400, 403, 404, 409, 422})
GIVEN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Moment:
    """A clock that moves when asked; called, it is Unix time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)

    def __call__(self) -> float:
        return self.now.timestamp()

    def aware(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Wire(WsgiAdapter):
    """Everything between app and EHR, read by somebody who knows which token is whose."""

    app: Flask
    tokens: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    writes: Counter[str] = field(default_factory=Counter)
    acting: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        super().__init__({EHR: self.app})

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        answer = super().send(request, *args, **options)
        path = urlsplit(str(request.url)).path
        if path == "/auth/token" and answer.status_code == 200:
            given = answer.json()
            self.tokens[given["access_token"]] = marks(given["patient"]).pop()
        elif path.startswith("/fhir") and "Authorization" in request.headers:
            self._judge(request, answer)
        return answer

    def _judge(self, request: requests.PreparedRequest, answer: requests.Response) -> None:
        token = str(request.headers["Authorization"]).removeprefix("Bearer ")
        child = self.tokens[token]
        sent = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
        whose = marks(f"{request.url} {sent}") | {
            self.owners[one] for one in GIVEN_ID.findall(sent) if one in self.owners
        }
        if whose - {child}:
            self.faults.append(f"{request.method} with a token of {child} names {sorted(whose)}")
        acting = getattr(self.acting, "child", None)
        if acting is not None and acting != child:
            self.faults.append(f"a page of {acting} used a token of {child}")
        if request.method != "GET" and '"transaction"' in sent[:200]:
            self.writes[child] += answer.status_code == 200
            for entry in answer.json().get("entry", ()) if answer.status_code == 200 else ():
                place = entry["response"].get("location", "").split("/_history")[0].rpartition("/")[2]
                self.owners.setdefault(place, child)

    @contextmanager
    def page_of(self, child: str) -> Iterator[None]:
        """What the app asks meanwhile, in this thread, is asked for a page of this child."""
        self.acting.child = child
        try:
            yield
        finally:
            self.acting.child = None


class World:
    """One app and one EHR; ``begin`` gives them empty stores again."""

    def __init__(self) -> None:
        self.clock = Moment()
        clients = (demo_app(APP, ("/callback/noord",)),)
        self.ehr = create_sandbox(SandboxSettings(base_url=EHR, clients=clients, seed=False, clock=self.clock.aware))
        self.parts = parts_of(self.ehr)
        self.ehr.extensions["sandbox"] = self.parts = replace(
            self.parts, people=People(self.parts.backend, USERS, self.clock.aware)
        )
        self.settings = Settings(
            public_url=APP,
            issuers=(
                Issuer(
                    key="noord", iss=f"{EHR}/fhir", organisation="Jeugdhulp Noord", client_id=clients[0].client_id,
                    allow_private_addresses=True,
                ),
            ),
            encryption_keys=(bytes(range(32)),),
            database_url="sqlite://",
            limits=RateLimits(launches_per_minute=1_000_000, requests_per_minute=1_000_000),
        )  # fmt: skip
        self.app = create_app(self.settings, clock=self.clock, session=self._session)
        self.app.config["CLOCK"] = self.clock.aware
        self.seen: Counter[tuple[str, int]] = Counter()
        self.actions = 0
        self.writes = 0
        self.wire = Wire(self.ehr)
        self._offices: dict[str, FlaskClient] = {}

    def begin(self) -> None:
        """Empty stores, the same children, and nobody signed in to the app."""
        self.clock.now = Moment().now
        self.wire = Wire(self.ehr)
        self.parts.server.state = AuthState(self.clock.aware)
        self._embedded().clear()
        for child in CHILDREN:
            store(self.parts.backend, record(child))
        self.folder = TemporaryDirectory()
        self.database = Path(self.folder.name) / "store.sqlite"
        engine = open_engine(f"sqlite:///{self.database}")
        kept = LaunchStore(engine, Keyring(self.settings.encryption_keys), self.settings.session, self.clock)
        launcher = Launcher(self.settings, kept, clock=self.clock, session=self._session)
        self.app.extensions["steunfiguren.launcher"] = launcher
        self.launches: dict[str, str] = {}
        self.log = io.StringIO()
        self.handler = logs.configure(self.log)

    def end(self) -> None:
        """Read what was kept: by the app, by the EHR and in the log."""
        logging.getLogger().removeHandler(self.handler)
        self.writes += sum(self.wire.writes.values())
        try:
            self._check_log()
            self._check_rows()
            self._check_record()
        finally:
            self.app.extensions["steunfiguren.launcher"].store.engine.dispose()
            self.folder.cleanup()

    def check(self, answer: TestResponse, child: str | None) -> None:
        """An answer shows this child or nobody; no child at all where it is None."""
        self.actions += answer.status_code != 303  # a click and the page it leads to are one action
        assert not self.wire.faults, self.wire.faults
        assert answer.status_code in MAY_ANSWER, (answer.status_code, self.log.getvalue()[-1500:])
        said = f"{answer.text} {answer.headers}".replace(answer.request.path, "")  # the address is the asker's own word
        whose = marks(said) | {self.wire.owners[one] for one in GIVEN_ID.findall(said) if one in self.wire.owners}
        assert whose <= ({child} if child else set()), f"a page of {child} shows {sorted(whose)}"
        if whose:
            assert answer.headers.get("Cache-Control") == "no-store"
        endpoint = self.app.url_map.bind("").match(answer.request.path, answer.request.method)[0]
        self.seen[endpoint, answer.status_code] += 1

    def is_open(self, path: str) -> bool:
        """Whether the launch of an address is still there."""
        with self.app.extensions["steunfiguren.launcher"].store.engine.connect() as connection:
            asked = sql("select count(*) from launch where id = :id")
            return bool(connection.execute(asked, {"id": path.split("/")[2]}).scalar())

    def launch_value(self, user: str, child: str) -> str:
        """The EHR opens the app in a record."""
        known = self.parts.people.user(user)
        assert known is not None
        return self.parts.server.start_launch(self.settings.issuers[0].client_id, known, patient_id(child))

    def authorize(self, user: str, url: str) -> str:
        """The EHR's own conversation with its user; gives where it sends the browser back to."""
        office = self._offices.get(user)
        if office is None:
            office = self._offices[user] = self.ehr.test_client()
            token = re.search(r'name="form_token" value="([^"]+)"', office.get("/sign-in", base_url=EHR).text)
            assert token is not None
            office.post("/sign-in", data={"user": user, "form_token": token[1]}, base_url=EHR)
        return str(office.get(url).headers["Location"])

    def _session(self, _issuer: Issuer) -> requests.Session:
        made = requests.Session()
        made.trust_env = False
        made.mount("http://", _Late(self))
        return made

    def _embedded(self) -> Any:
        return self.parts.backend._inner.store

    def _check_log(self) -> None:
        assert marks(self.log.getvalue()) == set(), "somebody's words are in the log"

    def _check_rows(self) -> None:
        """Each stored row opens under its own launch only, and holds words of that launch's child."""
        raw = b"".join(path.read_bytes() for path in self.database.parent.iterdir())
        assert marks(raw.decode("latin-1")) == set(), "something readable is at rest"
        kept = self.app.extensions["steunfiguren.launcher"].store
        with kept.engine.connect() as connection:
            rows = connection.execute(sql("select id, facts from launch")).all()
            drafts = connection.execute(sql("select id, launch_id, sealed from launch_draft")).all()
        whose = {row.id: marks(str(kept.keyring.open(row.facts, bound_to=f"facts {row.id}"))) for row in rows}
        for row, child in whose.items():
            assert child == {self.launches[row]}
        for draft in drafts:
            body = kept.keyring.open(draft.sealed, bound_to=f"draft {draft.launch_id} {draft.id}")
            assert marks(str(orjson.loads(body))) <= {self.launches[draft.launch_id]}

    def _check_record(self) -> None:
        """What the EHR keeps of a child holds words of that child only, whoever wrote it, in every version."""
        with self._embedded().session() as session:
            for row in session.rows("FROM resource r"):
                owners = session.patients_of(row.type, row.id)
                for version in session.versions(row):
                    said = str(version.json())
                    whose = marks(said) | {
                        self.wire.owners[one] for one in GIVEN_ID.findall(said) if one in self.wire.owners
                    }
                    assert whose == {marks(owner).pop() for owner in owners}, (row.type, sorted(whose))
        everything = self.parts.backend.perform(Interaction(method="GET", type="Patient"), Guard.everything())
        assert (everything.body or {})["total"] == len(CHILDREN)


class _Late(requests.adapters.BaseAdapter):
    """Sends through the wire of this moment."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        return self._world.wire.send(request, *args, **options)

    def close(self) -> None:
        pass
