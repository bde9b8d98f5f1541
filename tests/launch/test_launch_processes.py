"""Two servers of the app, as ``steunfiguren serve`` starts them, on one real PostgreSQL and a strict EHR."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from smart_app.sandbox import SandboxSettings, create_sandbox, demo_app, parts_of
from smart_app.sandbox.serving import LateApp, listening
from smart_app.sandbox.testing import RunningSandbox

pytestmark = pytest.mark.peer

TOKEN_SECONDS = 40
"""Of which the last thirty a token is renewed, so that eight pages at once need no more than ten seconds."""
SERVED = """
public_url = "{public}"

[[issuers]]
key = "ehr"
iss = "{base}/fhir"
organisation = "Jeugdhulp"
client_id = "{client}"
allow_private_addresses = true

[validator]
enabled = false
"""


@dataclass
class Counting:
    """The EHR, with a count of what is asked of its token endpoint."""

    late: LateApp
    tokens: int = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.tokens += environ["PATH_INFO"] == "/auth/token"
        return self.late(environ, start_response)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(postgres: str, tmp_path: Path) -> Iterator[tuple[str, str, Counting, RunningSandbox]]:
    """``steunfiguren serve`` twice on one database, as behind a load balancer, and the EHR that both know."""
    ports = free_port(), free_port()
    first, second = (f"http://localhost:{port}" for port in ports)
    late = LateApp()
    counting = Counting(late)
    with listening(counting, port=0) as ehr_port, ExitStack() as stack:
        base = f"http://localhost:{ehr_port}"
        app = demo_app(first, ("/callback/ehr",))
        late.app = create_sandbox(SandboxSettings(base_url=base, clients=(app,), token_seconds=TOKEN_SECONDS))
        settings = tmp_path / "settings.toml"
        settings.write_text(SERVED.format(public=first, base=base, client=app.client_id))
        environ = {**os.environ, "STEUNFIGUREN_DATABASE_URL": postgres, "STEUNFIGUREN_ENCRYPTION_KEYS": "A" * 43}
        for port in ports:
            command = [
                Path(sys.executable).with_name("steunfiguren"),
                "serve",
                str(settings),
                "--port",
                str(port),
                "--lang",
                "en",
            ]
            process = stack.enter_context(subprocess.Popen(command, env=environ, stdout=subprocess.PIPE))
            stack.callback(process.terminate)
            assert process.stdout is not None
            assert b"answers" in process.stdout.readline()
        yield first, second, counting, RunningSandbox(base_url=base, parts=parts_of(late.app))


def test_two_servers_share_a_launch_renew_once_and_end_it_together(
    served: tuple[str, str, Counting, RunningSandbox],
) -> None:
    first, second, counting, sandbox = served
    http = requests.Session()
    http.headers["Sec-Fetch-Dest"] = "document"
    ehr = sandbox.browser()
    launch = ehr.launch("noor", "steunfiguren-app")
    begun = http.get(f"{first}/launch", params=launch, allow_redirects=False, timeout=30)
    back = ehr.authorize(begun.headers["Location"]).headers["Location"].replace(first, second)
    done = http.get(back, allow_redirects=False, timeout=30)
    assert done.status_code == 303, "the state of one process is used at the other"
    path = done.headers["Location"]
    pages = [f"{origin}{path}" for origin in (first, second)] * 4
    time.sleep(TOKEN_SECONDS - 30)
    before = counting.tokens
    with ThreadPoolExecutor(len(pages)) as pool:
        answers = list(pool.map(lambda url: http.get(url, timeout=30), pages))
    assert [answer.status_code for answer in answers] == [200] * len(pages)
    assert all("Netwerk van Noor" in answer.text for answer in answers)
    assert counting.tokens - before == 1
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', answers[0].text))
    assert http.post(f"{first}{path}sign-out", data=fields, timeout=30).status_code == 200
    assert http.get(f"{second}{path}", timeout=30).status_code == 409
