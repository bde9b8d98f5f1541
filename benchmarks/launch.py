"""Launches per second beside a bare Flask + authlib login on the same EHR, and the round trips from callback to page.

The sandbox EHR runs in a process of its own; both apps run here, one after the other, for the same number of launches.
Time is that of the app's two requests (launch, callback) with all they ask of the EHR; the EHR's share is shown too.

Run: ``python benchmarks/launch.py [launches]``
"""

from __future__ import annotations

import multiprocessing
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, request, session
from flask.testing import FlaskClient

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.launch.launcher import Launcher
from smart_app.launch.network import guarded_session
from smart_app.launch.phases import LaunchFacts, LaunchUser, Tokens, UserKind
from smart_app.sandbox import SandboxSettings, demo_app
from smart_app.sandbox.testing import Browser, RunningSandbox, running_sandbox
from smart_app.settings import Issuer, RateLimits, Settings

APP, BARE = "http://localhost:8401", "http://localhost:8402"
CHILDREN = ("noor", "lotte")


@dataclass
class Counted:
    """Counts what goes to the EHR and how long it takes."""

    sent: list[str]
    seconds: float = 0.0

    def watch(self, made: requests.Session) -> requests.Session:
        """Count on this session."""
        send = made.send

        def timed(prepared: requests.PreparedRequest, **options: Any) -> requests.Response:
            begun = time.perf_counter()
            answer = send(prepared, **options)
            self.seconds += time.perf_counter() - begun
            self.sent.append(f"{prepared.method} {urlsplit(str(prepared.url)).path}")
            return answer

        made.send = timed  # type: ignore[method-assign]
        return made


def sandbox(found: multiprocessing.Queue[str], stop: Event) -> None:
    """The EHR, in a process of its own."""
    app = demo_app(APP, ("/callback/sandbox",))
    bare = replace(app, client_id="bare", launch_url=f"{BARE}/launch", redirect_uris=(f"{BARE}/callback",))
    with running_sandbox(SandboxSettings(clients=(app, bare))) as running:
        found.put(running.base_url)
        stop.wait()


def bare_app(base_url: str, counted: Counted) -> Flask:
    """The least that a login with authlib takes: one session cookie, one user, nothing kept apart."""
    app = Flask("bare")
    app.secret_key = secrets.token_bytes(32)
    oauth = OAuth(app)
    ehr = oauth.register(
        "ehr",
        client_id="bare",
        server_metadata_url=f"{base_url}/fhir/.well-known/openid-configuration",
        client_kwargs={
            "scope": "launch openid fhirUser offline_access patient/Patient.rs",
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "none",
        },
    )
    make = ehr._get_oauth_client
    ehr._get_oauth_client = lambda **metadata: counted.watch(make(**metadata))

    @app.get("/launch")
    def launch() -> Any:
        return ehr.authorize_redirect(f"{BARE}/callback", aud=request.args["iss"], launch=request.args["launch"])

    @app.get("/callback")
    def callback() -> Any:
        token = ehr.authorize_access_token()
        session["patient"], session["user"] = token["patient"], token["userinfo"]["sub"]
        return redirect("/")

    return app


def launches(client: FlaskClient, origin: str, ehr: Browser, client_id: str, count: int) -> tuple[float, str]:
    """Seconds of the app's own requests, and where the last one ended."""
    seconds, location = 0.0, ""

    def get(path: str, **options: Any) -> str:
        nonlocal seconds
        begun = time.perf_counter()
        answer = client.get(path, base_url=origin, headers={"Sec-Fetch-Dest": "document"}, **options)
        seconds += time.perf_counter() - begun
        assert answer.status_code in (302, 303), (answer.status_code, answer.text)
        return str(answer.location)

    for number in range(count):
        context = ehr.launch(CHILDREN[number % 2], client_id)
        back = urlsplit(ehr.authorize(get("/launch", query_string=context)).headers["Location"])
        location = get(f"{back.path}?{back.query}")
    return seconds, location


def app_settings(folder: Path, base_url: str) -> Settings:
    limits = RateLimits(launches_per_minute=1_000_000, requests_per_minute=1_000_000)
    return replace(demo_settings(folder, ehr_url=base_url), limits=limits)


def memory(launcher: Launcher, count: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    user = LaunchUser(reference="Practitioner/joke-de-vries", kind=UserKind.PRACTITIONER, name="Joke", subject="x")
    begun = time.perf_counter()
    for _ in range(count):
        facts = LaunchFacts(id=secrets.token_hex(16), issuer_key="sandbox", patient_id="noor", user=user)
        tokens = Tokens(access="x" * 900, expires_at=0.0, refresh="y" * 60)
        launcher.store.add_launch(facts, tokens, secrets.token_hex(16))
    seconds = time.perf_counter() - begun
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    file = Path(launcher.settings.database_url.removeprefix("sqlite:///"))
    size = sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))
    kept, mebibytes = grown / 1024, size / 1024 / 1024
    print(f"{count} sessions: {kept:.1f} MiB more memory, {mebibytes:.1f} MiB of SQLite, {seconds:.1f} s to add")


def report(name: str, seconds: float, counted: Counted, count: int) -> float:
    own = seconds - counted.seconds
    print(
        f"{name:14} {count / seconds:7.1f} launches/s   {seconds / count * 1000:6.2f} ms each, of which "
        f"{counted.seconds / count * 1000:6.2f} ms the EHR's answers and {own / count * 1000:5.2f} ms the app's own   "
        f"({len(counted.sent) / count:.2f} requests each)"
    )
    return own


def main(count: int) -> None:
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[str] = context.Queue()
    stop = context.Event()
    process = context.Process(target=sandbox, args=(found, stop))
    process.start()
    base_url = found.get(timeout=60)
    try:
        measure(base_url, count)
    finally:
        stop.set()
        process.join(10)


def measure(base_url: str, count: int) -> None:
    ours, theirs = Counted([]), Counted([])
    with tempfile.TemporaryDirectory() as folder:
        watched: Callable[[Issuer], requests.Session] = lambda issuer: ours.watch(guarded_session(issuer))  # noqa: E731
        app = create_app(app_settings(Path(folder), base_url), session=watched)
        ehr = Browser(sandbox=RunningSandbox(base_url=base_url, parts=None))  # type: ignore[arg-type]
        ehr.sign_in("j.devries")
        bare, own = bare_app(base_url, theirs).test_client(), app.test_client()
        launches(bare, BARE, ehr, "bare", 3)
        launches(own, APP, ehr, "steunfiguren-app", 3)
        theirs.seconds = ours.seconds = 0.0
        theirs.sent, ours.sent = [], []
        peer, _ = launches(bare, BARE, ehr, "bare", count)
        seconds, location = launches(own, APP, ehr, "steunfiguren-app", count)
        bare_own = report("Flask+authlib", peer, theirs, count)
        app_own = report("steunfiguren", seconds, ours, count)
        print(f"ratio of launches per second {peer / seconds:.2f}; ratio of own time {app_own / bare_own:.2f}")
        for name in ("first page", "next page"):
            ours.sent, ours.seconds = [], 0.0
            begun = time.perf_counter()
            assert own.get(location, base_url=APP).status_code == 200
            page, waited = (time.perf_counter() - begun) * 1000, ours.seconds * 1000
            print(f"page: {ours.sent} after the token call; {name} {page:.0f} ms, EHR {waited:.0f} ms")
        memory(app.extensions["steunfiguren.launcher"], 10_000)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
