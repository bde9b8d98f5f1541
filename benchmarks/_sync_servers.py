"""The servers of the sync benchmark: each a process of its own, watched for whether it has anything to do."""

from __future__ import annotations

import math
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests

SANDBOX = """
import sys, threading
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox
with running_sandbox(SandboxSettings(open_access=True, seed=False, database=sys.argv[2]), port=int(sys.argv[1])):
    threading.Event().wait()
"""


@dataclass(kw_only=True)
class Server:
    """A server that runs; ``pid`` is None for one elsewhere, of which nothing is known but its answers."""

    name: str
    base: str
    pid: int | None = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def distant(server: Server, seconds: float) -> Iterator[Server]:
    """The same server behind a line on which every answer takes so long to come; with 0 without such a line."""
    if not seconds:
        yield server
        return
    there = urlsplit(server.base)
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_let_in, args=(door, (there.hostname, there.port), seconds), daemon=True).start()
        port = door.getsockname()[1]
        yield Server(name=server.name, base=f"http://localhost:{port}{there.path}", pid=server.pid)


def _let_in(door: socket.socket, server: tuple[str | None, int | None], seconds: float) -> None:
    while True:
        try:
            client, _ = door.accept()
        except OSError:
            return  # the door was closed
        line = (client, socket.create_connection(server), seconds)
        threading.Thread(target=_carry, args=line, daemon=True).start()


def _carry(client: socket.socket, server: socket.socket, seconds: float) -> None:
    """Carry bytes both ways until either end stops; what comes back after a request comes late."""
    with client, server:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = False
        while True:
            for end in select.select([client, server], [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                if asked and end is server:
                    time.sleep(seconds)
                asked = end is client
                (server if end is client else client).sendall(data)


@contextmanager
def running(name: str, folder: Path) -> Iterator[Server]:
    """``sandbox``, ``sekmet``, or the base URL of a server that runs already."""
    if name.startswith("http"):
        yield Server(name="server", base=name)
        return
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    if name == "sandbox":
        base = f"http://localhost:{port}/fhir"
        command = [sys.executable, "-c", SANDBOX, str(port), str(folder / "ehr.sqlite")]
    else:
        config = folder / "sekmet.yaml"
        config.write_text(
            f"host: 127.0.0.1\nport: {port}\nbase_url: {base}\ndata_dir: {folder}\nlog_inbound: false\n"
            "simulator: {enabled: false}\n",
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "sekmet.cli", "serve", "--config", str(config)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_answer(f"{base}/metadata")
        yield Server(name=name, base=base, pid=process.pid)
    finally:
        process.terminate()
        process.wait(20)


def await_answer(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


@dataclass
class Watch:
    """How large a part of the time a process had something to do: a thread that runs, or could, or waits for the disk.

    A server without such a thread waits for its client; a busy machine makes no difference to that. ``processor``:
    seconds of processor time it used meanwhile.
    """

    pid: int | None
    processor: float = 0.0
    busy: int = 0
    looks: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self.processor = -_processor(self.pid)
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.processor += _processor(self.pid)

    @property
    def idle(self) -> float:
        """The part of the looks at which the server waited for its client."""
        return 1 - self.busy / self.looks if self.looks else float("nan")

    def _look(self) -> None:
        while self.pid is not None and not self._stop.wait(0.01):
            self.looks += 1
            self.busy += any(_state(path) in "RD" for path in Path(f"/proc/{self.pid}/task").glob("*/stat"))


def _processor(pid: int | None) -> float:
    """Seconds of processor time a process has used."""
    if pid is None:
        return math.nan
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _state(path: Path) -> str:
    try:
        return path.read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return "S"
