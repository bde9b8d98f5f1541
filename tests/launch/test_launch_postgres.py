"""Two processes of the app on one real PostgreSQL share launches, and refresh once between them."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from launch_fakes import KEY
from sqlalchemy import text

from fhir_plugin.errors import LaunchStateError
from smart_app.launch.launcher import Launcher
from smart_app.launch.phases import LaunchFacts, LaunchUser, PendingLaunch, Tokens
from smart_app.settings import Issuer, Settings
from smart_app.store.crypto import Keyring
from smart_app.store.engine import open_engine
from smart_app.store.launches import LaunchStore

pytestmark = pytest.mark.peer

ID, SECRET = "a" * 32, "secret-of-the-browser"


class TokenServer(BaseHTTPRequestHandler):
    """Metadata and a slow token endpoint that counts."""

    refreshes: list[str]

    def do_GET(self) -> None:
        base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._send(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def do_POST(self) -> None:
        self.refreshes.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        time.sleep(0.5)
        self._send({"access_token": "fresh", "token_type": "Bearer", "expires_in": 600, "refresh_token": "next"})

    def log_message(self, *_args: object) -> None:
        pass

    def _send(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def token_server() -> Iterator[tuple[str, list[str]]]:
    refreshes: list[str] = []
    handler = type("Handler", (TokenServer,), {"refreshes": refreshes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", refreshes
    server.shutdown()
    server.server_close()


def settings_of(database: str, ehr: str) -> Settings:
    issuer = Issuer(key="e", iss=ehr, organisation="", client_id="app", allow_private_addresses=True)
    return Settings(
        public_url="https://steun.example.nl", issuers=(issuer,), encryption_keys=(KEY,), database_url=database
    )


def launcher_of(database: str, ehr: str) -> Launcher:
    settings = settings_of(database, ehr)
    return Launcher(settings, LaunchStore(open_engine(database), Keyring([KEY]), settings.session))


def one_process(database: str, ehr: str, found: multiprocessing.Queue[list[str]]) -> None:
    """A process of the app in which four threads ask for a token at once."""
    launcher = launcher_of(database, ehr)
    tokens: list[str] = []

    def ask() -> None:
        tokens.append(launcher.active(ID, SECRET).ehr._transport._token(False))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.put(tokens)


def test_two_processes_share_a_launch_and_make_one_refresh(postgres: str, token_server: tuple[str, list[str]]) -> None:
    ehr, refreshes = token_server
    store = launcher_of(postgres, ehr).store
    facts = LaunchFacts(id=ID, issuer_key="e", patient_id="kind-1", user=LaunchUser())
    store.add_launch(facts, Tokens(access="old", expires_at=time.time() + 5, refresh="first"), SECRET)
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[list[str]] = context.Queue()
    processes = [context.Process(target=one_process, args=(postgres, ehr, found)) for _ in range(2)]
    for process in processes:
        process.start()
    tokens = found.get(timeout=30) + found.get(timeout=30)
    for process in processes:
        process.join(10)
    assert tokens == ["fresh"] * 8
    assert len(refreshes) == 1
    assert store.tokens(ID).tokens.refresh == "next"


def test_states_are_used_once_and_everything_is_cleaned_on_postgresql_too(
    postgres: str, token_server: tuple[str, list[str]]
) -> None:
    store = launcher_of(postgres, token_server[0]).store
    pending = PendingLaunch(issuer_key="e", code_verifier="v", nonce="n", redirect_uri="r", scopes=("launch",))
    store.add_state("state", "browser", pending)
    assert store.use_state("state", "browser") == pending
    with pytest.raises(LaunchStateError):
        store.use_state("state", "browser")
    store.once("jti", 60)
    with pytest.raises(LaunchStateError):
        store.once("jti", 60)
    store.clock = lambda: time.time() + 100_000
    store.clean()
    with store.engine.connect() as connection:
        assert connection.execute(text("select count(*) from pending_launch")).scalar() == 0
        assert connection.execute(text("select count(*) from launch")).scalar() == 0
