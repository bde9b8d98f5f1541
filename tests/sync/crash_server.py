"""An EHR as a process of its own, on a line that loses answers and delivers requests twice; run by test_sync_crash.

``python crash_server.py WAY`` prints its port. Below ``/fhir`` the line is bad as ``POST /line`` said last
(``{"seed", "lost", "doubled", "fill"}``; ``fill`` is what a new EHR starts with); below ``/quiet/fhir`` it is good.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from threading import Lock
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from fhir_plugin.ehr.memory import Behaviour, MemoryEhr, links
from fhir_plugin.wire import FHIR_JSON, dumps

WAYS = {
    "transaction": Behaviour(),
    "saga": Behaviour(transaction=False),
    "no-conditional": Behaviour(transaction=False, claims_conditions=False, honours_conditions=False),
    "patch": Behaviour(transaction=False, interactions=frozenset({"read", "search-type", "create", "patch"})),
    "no-if-match": Behaviour(transaction=False, versioning="no-version", honours_if_match=False),
    "no-consent": Behaviour(
        types=frozenset({"Patient", "RelatedPerson", "CareTeam", "Provenance", "DocumentReference"})
    ),
}


class _Dropped(Exception):
    """The connection ends without an answer."""


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  wsgiref's name
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass


class Line:
    """The app: the EHR behind a bad line."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.ehr = MemoryEhr(behaviour=behaviour)
        self.chance = random.Random(0)
        self.lost = self.doubled = 0.0
        self._lock = Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ["PATH_INFO"]
        if path == "/line":
            return self._set(json.loads(raw), start_response)
        bad = path.startswith("/fhir") and self._writes(environ["REQUEST_METHOD"], path, raw)
        with self._lock:
            lost, doubled = (bad and self.chance.random() < chance for chance in (self.lost, self.doubled))
        headers = {"If-Match": environ.get("HTTP_IF_MATCH"), "If-None-Exist": environ.get("HTTP_IF_NONE_EXIST")}
        stated = {name: value for name, value in headers.items() if value}
        place = path.removeprefix("/quiet").removeprefix("/fhir")
        for _ in range(2 if doubled else 1):
            query = environ.get("QUERY_STRING", "")
            status, body = self.ehr.handle(environ["REQUEST_METHOD"], place, query, stated, raw)
        if lost:
            raise _Dropped
        extra = [("ETag", links(body)["etag"])] if links(body) else []
        start_response(f"{status} x", [("Content-Type", FHIR_JSON), *extra])
        return [dumps(body)]

    def _set(self, body: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if body["fill"]:
            self.ehr = MemoryEhr(behaviour=self.ehr.behaviour, base_url=self.ehr.base_url)
            for resource in body["fill"]:
                self.ehr.add(resource)
        self.chance = random.Random(body["seed"])
        self.lost, self.doubled = body["lost"], body["doubled"]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b"{}"]

    @staticmethod
    def _writes(method: str, path: str, raw: bytes) -> bool:
        if method == "GET" or path.endswith("_search"):
            return False
        return b'"type":"batch"' not in raw[:200]


def main() -> None:
    line = Line(WAYS[sys.argv[1]])
    server = make_server("127.0.0.1", 0, line, server_class=_Server, handler_class=_Handler)
    line.ehr.base_url = f"http://127.0.0.1:{server.server_port}/fhir"
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
