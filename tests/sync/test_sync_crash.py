"""Killed in the middle: a real process is killed (SIGKILL) at a request to a real HTTP server, and run again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from sync_desk import CONSENT, Desk, make_desk, row

from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import MemoryEhr, links
from fhir_plugin.ehr.wire import FHIR_JSON, dumps

ROWS = [row(1001, "F1", **CONSENT), row(1002, "F2", Voornaam="Henk", **CONSENT), row(1003, "F3", Voornaam="Loes")]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  wsgiref's name
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@dataclass
class Trap:
    """Kills a process when the n-th request arrives: before it is handled, or after, so that its answer is lost."""

    ehr: MemoryEhr
    at: int = 0
    after: bool = False
    process: subprocess.Popen[bytes] | None = None
    seen: int = 0
    bodies: list[int] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.seen += 1
        mine = self.process is not None and self.seen == self.at
        if mine and not self.after:
            self.kill()
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {"If-Match": environ.get("HTTP_IF_MATCH"), "If-None-Exist": environ.get("HTTP_IF_NONE_EXIST")}
        stated = {name: value for name, value in headers.items() if value}
        path = environ["PATH_INFO"].removeprefix("/fhir")
        query = environ.get("QUERY_STRING", "")
        status, body = self.ehr.handle(environ["REQUEST_METHOD"], path, query, stated, raw)
        if mine and self.after:
            self.kill()
        extra = [("ETag", links(body)["etag"])] if links(body) else []
        start_response(f"{status} x", [("Content-Type", FHIR_JSON), *extra])
        return [dumps(body)]

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.process = None


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[tuple[Trap, Desk]]:
    desk = make_desk(tmp_path)
    trap = Trap(ehr=desk.ehr)
    server = make_server("127.0.0.1", 0, trap, server_class=_Server, handler_class=_Quiet)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    desk.client = FhirClient(f"http://127.0.0.1:{server.server_port}/fhir")
    yield trap, desk
    server.shutdown()
    server.server_close()


def apply(folder: Path) -> subprocess.Popen[bytes]:
    """The command, in a process of its own."""
    options = ["--journal", "journal.sqlite", "--group", "1", "--workers", "1", "-q"]
    line = [sys.executable, "-c", "from fhir_plugin.cli.main import main; main()", "sync", "apply", "plan.json"]
    return subprocess.Popen([*line, *options], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def killed_and_resumed(trap: Trap, desk: Desk, at: int, *, after: bool) -> None:
    """Kill an apply at its n-th request, run it again, and look at the record."""
    desk.plan(ROWS)
    trap.seen, trap.at, trap.after = 0, at, after
    trap.process = process = apply(desk.folder)
    process.communicate(timeout=60)
    trap.process = None
    assert process.returncode == -signal.SIGKILL
    resumed = apply(desk.folder)
    _, errors = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, errors.decode()
    ehr = trap.ehr
    figures = [body for body in ehr.all("RelatedPerson") if not body["id"].startswith("m")]
    assert len(figures) == 3
    assert [len(ehr.all(kind)) for kind in ("Consent", "CareTeam", "Provenance")] == [2, 2, 3]
    members = {item["member"]["reference"] for team in ehr.all("CareTeam") for item in team["participant"]}
    assert members <= {f"RelatedPerson/{body['id']}" for body in figures}
    versions = desk.writes()
    assert {step.state for step in desk.sync(ROWS)} <= {"same"}
    assert desk.writes() == versions


def test_a_run_that_is_killed_after_a_write_is_resumed_without_a_double(trap: tuple[Trap, Desk]) -> None:
    killed_and_resumed(*trap, at=3, after=True)


@pytest.mark.nightly
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_run_that_is_killed_at_any_request_is_resumed(trap: tuple[Trap, Desk], at: int, after: bool) -> None:
    killed_and_resumed(*trap, at=at, after=after)
