"""A launch timed: each round trip by name, launches per second beside a bare login, and what kept sessions take.

The sandbox EHR runs in a process of its own; both apps run here, one after the other, for the same number of launches:
ours and a bare Flask + authlib login on the same EHR. What is timed is the app's own requests (launch, callback, page)
with all they ask of the EHR; the EHR's share is shown too. Processor time is of this process alone, so it says what an
app costs even while the machine is busy.

Run: ``python benchmarks/launch.py [launches] [--page docs/launch-performance.md]``
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import platform
import secrets
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
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
SESSIONS = 10_000
NAMES = {
    "GET /fhir/.well-known/smart-configuration": "metadata, once in ten minutes",
    "GET /fhir/.well-known/openid-configuration": "metadata of OpenID, once in ten minutes",
    "GET /auth/jwks": "keys of the EHR, once an hour",
    "POST /auth/token": "code for tokens",
    "POST /fhir": "the network: one batch",
    "POST /fhir/": "the network: one batch",
    "GET /static/smart-style.json": "the EHR's look, once in ten minutes",
}
"""What each request to the EHR is for."""


@dataclass
class Counted:
    """What goes to the EHR, and how long each answer takes."""

    sent: list[tuple[str, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """All answers together."""
        return sum(seconds for _, seconds in self.sent)

    def watch(self, made: requests.Session) -> requests.Session:
        """Count on this session."""
        send = made.send

        def timed(prepared: requests.PreparedRequest, **options: Any) -> requests.Response:
            begun = time.perf_counter()
            answer = send(prepared, **options)
            name = f"{prepared.method} {urlsplit(str(prepared.url)).path}"
            self.sent.append((name, time.perf_counter() - begun))
            return answer

        made.send = timed  # type: ignore[method-assign]
        return made


@dataclass
class Timed:
    """Seconds and processor seconds of one step of each launch, with what it asked of the EHR."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    asked: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


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


@dataclass
class Desk:
    """A browser that is launched from the EHR, again and again."""

    client: FlaskClient
    origin: str
    ehr: Browser
    client_id: str
    counted: Counted
    steps: dict[str, Timed] = field(default_factory=lambda: defaultdict(Timed))

    def get(self, step: str, path: str, **options: Any) -> str:
        """One request to the app, timed; gives where it leads."""
        self.counted.sent.clear()
        begun, processor = time.perf_counter(), time.process_time()
        answer = self.client.get(path, base_url=self.origin, headers={"Sec-Fetch-Dest": "document"}, **options)
        timed = self.steps[step]
        timed.seconds.append(time.perf_counter() - begun)
        timed.processor.append(time.process_time() - processor)
        for name, seconds in self.counted.sent:
            timed.asked[name].append(seconds)
        assert answer.status_code in (200, 302, 303), (answer.status_code, answer.text)
        return str(answer.location)

    def launch(self, number: int, *, page: bool) -> None:
        """From the EHR's record to the callback, and to the page."""
        context = self.ehr.launch(CHILDREN[number % 2], self.client_id)
        back = urlsplit(self.ehr.authorize(self.get("launch", "/launch", query_string=context)).headers["Location"])
        location = self.get("callback", f"{back.path}?{back.query}")
        if page:
            self.get("page", location)

    def per_launch(self, *steps: str) -> tuple[float, float]:
        """Seconds and processor seconds of one launch, up to its callback or its page."""
        timed = [self.steps[step] for step in steps]
        count = len(timed[0].seconds)
        return sum(sum(one.seconds) for one in timed) / count, sum(sum(one.processor) for one in timed) / count


def app_settings(folder: Path, base_url: str) -> Settings:
    limits = RateLimits(launches_per_minute=1_000_000, requests_per_minute=1_000_000)
    return replace(demo_settings(folder, ehr_url=base_url), limits=limits)


def resident() -> float:
    """MiB of memory that this process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def memory(launcher: Launcher, count: int) -> Iterator[str]:
    """What kept sessions take: they rest in the database, so memory should not grow with them."""
    before = resident()
    user = LaunchUser(reference="Practitioner/joke-de-vries", kind=UserKind.PRACTITIONER, name="Joke", subject="x")
    begun, processor, kept = time.perf_counter(), time.process_time(), []
    for _ in range(count):
        facts = LaunchFacts(id=secrets.token_hex(16), issuer_key="sandbox", patient_id="noor", user=user)
        tokens = Tokens(access="x" * 900, expires_at=0.0, refresh="y" * 60)
        secret = secrets.token_hex(16)
        launcher.store.add_launch(facts, tokens, secret)
        kept.append((facts.id, secret))
    added, used = time.perf_counter() - begun, time.process_time() - processor
    begun = time.perf_counter()
    for launch_id, secret in kept:
        assert launcher.store.launch(launch_id, secret).patient_id == "noor"
    opened = time.perf_counter() - begun
    names = sum(sys.getsizeof(one) + sum(sys.getsizeof(text) for text in one) for one in kept) / 1024 / 1024
    file = Path(launcher.settings.database_url.removeprefix("sqlite:///"))
    size = sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")) / 1024 / 1024
    grown = max(0.0, resident() - before - names)
    yield f"| memory of the process before | {before:.1f} MiB |"
    yield f"| more memory after adding and opening {count:,} sessions | {grown:.1f} MiB |"
    yield f"| the database file (SQLite, with its log) | {size:.1f} MiB: {size * 1024 / count:.1f} KiB a session |"
    yield f"| adding one | {added / count * 1000:.2f} ms, {used / count * 1000:.2f} ms of processor |"
    yield f"| opening one | {opened / count * 1000:.2f} ms |"


def main(count: int, page: Path | None) -> None:
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[str] = context.Queue()
    stop = context.Event()
    process = context.Process(target=sandbox, args=(found, stop))
    process.start()
    base_url = found.get(timeout=60)
    try:
        text = "\n".join(report(base_url, count)) + "\n"
    finally:
        stop.set()
        process.join(10)
    print(text)
    if page:
        page.write_text(text, encoding="utf-8")


def report(base_url: str, count: int) -> Iterator[str]:
    ours, theirs = Counted(), Counted()
    with tempfile.TemporaryDirectory() as folder:
        watched: Callable[[Issuer], requests.Session] = lambda issuer: ours.watch(guarded_session(issuer))  # noqa: E731
        app = create_app(app_settings(Path(folder), base_url), session=watched)
        ehr = Browser(sandbox=RunningSandbox(base_url=base_url, parts=None))  # type: ignore[arg-type]
        ehr.sign_in("j.devries")
        first = Desk(app.test_client(), APP, ehr, "steunfiguren-app", ours)
        first.launch(0, page=True)
        bare = Desk(bare_app(base_url, theirs).test_client(), BARE, ehr, "bare", theirs)
        own = replace(first, steps=defaultdict(Timed))
        bare.launch(0, page=False)
        bare.steps.clear()
        for number in range(count):  # by turns, so that a busy machine hinders both alike
            bare.launch(number, page=False)
            own.launch(number, page=True)
        yield from heading(count)
        yield from round_trips("The first launch after a start", first)
        yield from round_trips(f"A launch after that (median of {count})", own)
        yield from beside(bare, own)
        yield f"\n## What {SESSIONS:,} sessions take\n\n| what | measured |\n|---|---|"
        yield from memory(app.extensions["steunfiguren.launcher"], SESSIONS)


def heading(count: int) -> Iterator[str]:
    load = os.getloadavg()[0]
    yield "# Speed of a launch\n"
    yield f"Made by `python benchmarks/launch.py {count} --page docs/launch-performance.md`; do not edit. The app"
    yield "is one process, the sandbox EHR another on the same machine; SQLite on disk, HTTP on loopback: a real EHR"
    yield "adds its network. Processor time is the app's alone and says most while a machine is busy."
    yield f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},"
    yield f"load {load:.1f}. Compare within the page: machines differ."


def round_trips(title: str, desk: Desk) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield "| the browser asks | the app asks the EHR | ms |\n|---|---|---|"
    for step, timed in desk.steps.items():
        yield f"| {step} | | {statistics.median(timed.seconds) * 1000:.1f} |"
        for name, seconds in timed.asked.items():
            yield f"| | `{name}`: {NAMES.get(name, name)} | {statistics.median(seconds) * 1000:.1f} |"
    total = [sum(step) for step in zip(*(timed.seconds for timed in desk.steps.values()), strict=True)]
    yield f"| **launch to page** | | **{statistics.median(total) * 1000:.1f}** |"


def beside(bare: Desk, own: Desk) -> Iterator[str]:
    yield "\n## Launches per second on one process\n"
    yield "One after the other, both apps by turns. The bare login keeps one cookie for a browser, and nothing apart.\n"
    yield "| app | up to | launches/s | ms each | of which processor | launches per s of processor |"
    yield "|---|---|---|---|---|---|"
    for name, desk, steps in (
        ("Flask + authlib, bare", bare, ("launch", "callback")),
        ("steunfiguren", own, ("launch", "callback")),
        ("steunfiguren", own, ("launch", "callback", "page")),
    ):
        seconds, processor = desk.per_launch(*steps)
        speed, cost = f"{1 / seconds:.1f} | {seconds * 1000:.1f}", f"{processor * 1000:.1f} ms | {1 / processor:.0f}"
        yield f"| {name} | {steps[-1]} | {speed} | {cost} |"


if __name__ == "__main__":
    words = sys.argv[1:]
    where = Path(words.pop(words.index("--page") + 1)) if "--page" in words else None
    numbers = [int(word) for word in words if word != "--page"]
    main(numbers[0] if numbers else 200, where)
