"""The servers that tests talk to, each started at most once per test run."""

from __future__ import annotations

import atexit
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.ehr.retry import Retry
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox


@dataclass(frozen=True, kw_only=True)
class Server:
    """One FHIR server under contract; ``lacks`` maps what it does not do to the reason a test skips."""

    name: str
    base_url: str
    session: requests.Session | None = None
    lacks: dict[str, str] = field(default_factory=dict)

    def client(self, **options: Any) -> FhirClient:
        """A client of this server that never sleeps."""
        return FhirClient(self.base_url, session=self.session, retry=Retry(sleep=lambda _: None), **options)

    def needs(self, feature: str) -> None:
        """Skip the test where this server is known not to do something."""
        if feature in self.lacks:
            pytest.skip(f"{self.name}: {self.lacks[feature]}")


def memory_server() -> Server:
    """A new EHR in memory."""
    ehr = MemoryEhr()
    return Server(name="memory", base_url=ehr.base_url, session=memory_session(ehr))


@cache
def sekmet_server() -> Server:
    """The PyPI package sekmet-fhir in its own process, on a free port of 127.0.0.1."""
    pytest.importorskip("sekmet", reason="sekmet-fhir is not installed (pip install 'steunfiguren[dev]')")
    folder = tempfile.TemporaryDirectory(prefix="sekmet-")
    port = _free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    config = Path(folder.name, "settings.yaml")
    config.write_text(
        f"host: 127.0.0.1\nport: {port}\nbase_url: {base}\ndata_dir: {folder.name}\nlog_inbound: false\n"
        "simulator: {enabled: false}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "sekmet.cli", "serve", "--config", str(config)]
    process = subprocess.Popen(command, cwd=folder.name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop() -> None:
        process.terminate()
        process.wait(10)
        folder.cleanup()

    atexit.register(stop)
    _await(f"{base}/metadata", process)
    return Server(name="sekmet-fhir", base_url=base)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail("the server did not start")


@cache
def sandbox_server() -> Server:
    """The embedded EHR in a thread, open to FHIR clients and without its synthetic children."""
    running = running_sandbox(SandboxSettings(open_access=True, seed=False))
    sandbox = running.__enter__()
    atexit.register(running.__exit__, None, None, None)
    return Server(name="sandbox", base_url=f"{sandbox.base_url}/fhir")


SERVERS = {"memory": memory_server, "sandbox": sandbox_server, "sekmet": sekmet_server}
